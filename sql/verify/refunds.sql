SELECT 'holdfast.refunds_due(integer)'::regprocedure, 'holdfast.refund_told(uuid,text,text,text)'::regprocedure,
  'holdfast.refunded(integer,uuid,uuid,boolean,text,text,boolean,boolean)'::regprocedure;
