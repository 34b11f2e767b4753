SELECT
  'holdfast.cancel(integer,uuid,uuid,text,text,boolean,text,text[],text[],integer[])'::regprocedure;
