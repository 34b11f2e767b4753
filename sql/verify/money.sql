SELECT 'holdfast.payment_told(text,text,integer,uuid,integer,text,text,bigint,text,text,text)'::regprocedure,
  'holdfast.paid(integer,uuid,uuid,boolean,text,text,boolean,text)'::regprocedure;
