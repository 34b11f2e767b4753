BEGIN;
SELECT name, every, known_since FROM holdfast.job_schedule WHERE false;
SELECT name, started_at, ended_at, ok_at, rows, error FROM holdfast.jobs WHERE false;
SELECT 'holdfast.job_begin(text)'::regprocedure, 'holdfast.job_beat(text,bigint)'::regprocedure,
  'holdfast.sessions_trim(integer)'::regprocedure;
ROLLBACK;
