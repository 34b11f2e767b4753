SELECT 'holdfast.refunds_due(integer)'::regprocedure, 'holdfast.refund_told(uuid,text,text,text)'::regprocedure,
  'holdfast.refund_heard(text,text,uuid,text,text,text,bigint,text,text)'::regprocedure,
  'holdfast.payment_disputed(text,text,text,text,bigint,text,text)'::regprocedure,
  'holdfast.refunded(integer,uuid,uuid,boolean,text,text,boolean,boolean)'::regprocedure;
