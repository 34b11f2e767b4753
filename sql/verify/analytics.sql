BEGIN;
SELECT 'holdfast.analytics(uuid, boolean, integer, text, text, text, text, integer)'::regprocedure,
  'holdfast.capacity_list(uuid, boolean, integer, text, bigint, integer, integer)'::regprocedure,
  'holdfast.events_date'::regclass;
ROLLBACK;
