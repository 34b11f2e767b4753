SELECT 'holdfast.confirm(integer,uuid,uuid,text,text,boolean)'::regprocedure,
  'holdfast.cancel(integer,uuid,uuid,text,text,boolean,text,text[],text[],integer[])'::regprocedure,
  'holdfast.expire(integer)'::regprocedure;
