BEGIN;
SET LOCAL search_path = holdfast, public;
REVOKE EXECUTE ON FUNCTION job_begin, job_beat, job_end FROM holdfast_reconcile;
DELETE FROM job_schedule WHERE name = 'reconcile-full';
DROP FUNCTION reconcile_glance, reconcile_wanted;
COMMIT;
