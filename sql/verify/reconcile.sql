BEGIN;
SELECT 'holdfast.reconcile_wanted(integer, integer)'::regprocedure,
  'holdfast.reconcile_glance(integer, integer)'::regprocedure;
ROLLBACK;
