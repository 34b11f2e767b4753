SELECT 'holdfast.extend(integer,uuid,uuid,text,text,boolean,integer,integer,integer)'::regprocedure;
