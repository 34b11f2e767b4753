SELECT 'holdfast.checkout(integer,uuid,uuid,text,text,boolean,text,integer,integer)'::regprocedure,
  'holdfast.payment_opened(integer,uuid,integer,text,text)'::regprocedure,
  'holdfast.payments_due(integer,integer)'::regprocedure;
SELECT 1 / count(*) FROM holdfast.job_schedule WHERE name = 'payment-sweep';
