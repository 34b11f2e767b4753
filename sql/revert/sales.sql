BEGIN;
SET LOCAL search_path = holdfast, public;
REVOKE EXECUTE ON FUNCTION job_begin, job_beat, job_end FROM holdfast_rollup;
DELETE FROM job_schedule WHERE name = 'rollup';
DROP FUNCTION rollup_step, rollup_due, rollup_repair, rollup_compare, sales_add, sales_levels, sales_since,
  sales_facts, sales_working, sales_day, sales_quarter;
DROP TABLE sales_state, sales;
DROP INDEX bookings_confirmed, bookings_created;
COMMIT;
