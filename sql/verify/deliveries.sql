SELECT 'holdfast.outbox_spread(integer, boolean, integer)'::regprocedure,
  'holdfast.outbox_take(text, integer)'::regprocedure,
  'holdfast.outbox_told(uuid, text, text, boolean, boolean)'::regprocedure,
  'holdfast.delivery_resend(uuid)'::regprocedure,
  'holdfast.webhook_create(uuid, uuid, text, text[], text, integer)'::regprocedure;
SELECT 1 / count(*) FROM holdfast.delivery_lanes;
