BEGIN;
SELECT 'holdfast.rollup_step(integer)'::regprocedure, 'holdfast.rollup_due()'::regprocedure,
  'holdfast.rollup_compare(text)'::regprocedure, 'holdfast.rollup_repair(text)'::regprocedure,
  'holdfast.bookings_created'::regclass, 'holdfast.bookings_confirmed'::regclass;
SELECT level, event_id, organizer_id, at, currency, holds, revenue FROM holdfast.sales WHERE false;
SELECT 1 / count(*) FROM holdfast.sales_state;
SELECT 1 / count(*) FROM holdfast.job_schedule WHERE name = 'rollup';
ROLLBACK;
