SELECT 'holdfast.outbox_spread(integer, boolean, integer)'::regprocedure,
  'holdfast.outbox_take(text, integer, boolean)'::regprocedure,
  'holdfast.outbox_told(uuid, text, text, boolean, boolean, boolean, boolean)'::regprocedure,
  'holdfast.outbox_bury(integer)'::regprocedure;
SELECT 1 / count(*) FROM holdfast.delivery_lanes;
