BEGIN;
SELECT 'holdfast.pricing_next(integer, integer, jsonb)'::regprocedure,
  'holdfast.pricing_apply(integer, integer, jsonb)'::regprocedure,
  'holdfast.price_list(integer, uuid, boolean, bigint, integer, jsonb)'::regprocedure;
ROLLBACK;
