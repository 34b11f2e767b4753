-- How late jobs are: by their schedule, the end of their last good run, and nothing else.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(11);

CREATE FUNCTION pg_temp.late(p_name text) RETURNS bigint
LANGUAGE sql AS $$SELECT late_seconds FROM holdfast.job_list() WHERE name = p_name$$;
CREATE FUNCTION pg_temp.ran(p_name text, p_ok interval, p_end interval, p_error text) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO holdfast.jobs (name, started_at, ended_at, ok_at, error)
    VALUES (p_name, now() - interval '2 years', now() - p_end, now() - p_ok, p_error)
    ON CONFLICT (name) DO UPDATE SET ended_at = EXCLUDED.ended_at, ok_at = EXCLUDED.ok_at,
      error = EXCLUDED.error
$$;
INSERT INTO job_schedule (name, every) VALUES ('minutely', '1 minute'), ('daily', '1 day');

SELECT is(pg_temp.late('daily'), 0::bigint, 'one that has just become known is in time');
SELECT is((SELECT ROW(started_at, ended_at, ok_age_seconds, rows, error, running)::text
  FROM job_list() WHERE name = 'daily'), '(,,,0,,f)', 'and has no run');
UPDATE job_schedule SET known_since = now() - interval '90 seconds' WHERE name = 'minutely';
SELECT is(pg_temp.late('minutely'), 0::bigint, 'a minute''s grace');
UPDATE job_schedule SET known_since = now() - interval '130 seconds' WHERE name = 'minutely';
SELECT is(pg_temp.late('minutely'), 10::bigint, 'one that never ran is late from then on');
SELECT pg_temp.ran('minutely', '119 seconds', '119 seconds', NULL) \gset _
SELECT is(pg_temp.late('minutely'), 0::bigint, 'a good run counts');
SELECT pg_temp.ran('minutely', '121 seconds', '1 second', 'unavailable') \gset _
SELECT is(pg_temp.late('minutely'), 1::bigint, 'a failed one does not');
SELECT pg_temp.ran('daily', '26 hours', '26 hours', NULL) \gset _
SELECT is(pg_temp.late('daily'), 0::bigint, 'a tenth of a day is allowed');
SELECT pg_temp.ran('daily', '27 hours', '27 hours', NULL) \gset _
SELECT is(pg_temp.late('daily'), 2160::bigint, 'and no more');
SELECT pg_temp.ran('by-hand', '1 year', '1 year', NULL) \gset _
SELECT is(pg_temp.late('by-hand'), 0::bigint, 'what has no schedule is never late');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM job_list()
    WHERE name IN ('minutely', 'daily', 'by-hand')), 'by-hand daily minutely', 'each once');
SELECT throws_ok($$INSERT INTO job_schedule (name, every) VALUES ('often', '1 second')$$, '23514', NULL,
  'cron knows no less than a minute');

SELECT * FROM finish();
ROLLBACK;
