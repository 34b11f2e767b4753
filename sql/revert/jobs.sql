BEGIN;
SET LOCAL search_path = holdfast, public;
DROP INDEX refresh_families_age, refresh_tokens_age;
DROP FUNCTION janitor_due, sessions_trim, answers_trim, job_list, job_end, job_beat,
  job_begin, job_lock;
DROP TABLE job_schedule, jobs;
COMMIT;
