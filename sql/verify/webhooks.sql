SELECT 'holdfast.delivery_resend(uuid, integer)'::regprocedure,
  'holdfast.delivery_list(text, integer)'::regprocedure,
  'holdfast.webhook_create(uuid, uuid, text, text[], text, integer)'::regprocedure,
  'holdfast.webhook_list(uuid, bigint, uuid, integer)'::regprocedure,
  'holdfast.webhook_delete(uuid, uuid, boolean)'::regprocedure;
