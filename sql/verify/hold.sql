SELECT 'holdfast.hold(integer,uuid,uuid,text,text,boolean,boolean,text[],text[],integer[],integer,integer,integer,bigint,boolean,text[])'::regprocedure;
