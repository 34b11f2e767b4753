SELECT 'holdfast.confirm(integer,uuid,uuid,text,text,boolean)'::regprocedure,
  'holdfast.release(integer,uuid,uuid,text,text,boolean)'::regprocedure;
