-- The book-keeping of jobs, and what the janitor trims.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(29);

-- one copy at a time
SELECT session('other', 'holdfast_janitor') \gset _
SELECT ok(job_begin('test'), 'the first copy begins');
SELECT ok(job_begin('test'), 'and is still alone');
SELECT is((SELECT alone FROM dblink('other', 'SELECT holdfast.job_begin(''test'')') AS t (alone boolean)),
  false, 'a copy elsewhere does not begin');
SELECT is((SELECT alone FROM dblink('other', 'SELECT holdfast.job_begin(''test-b'')') AS t (alone boolean)),
  true, 'another job does');
SELECT is((SELECT count(*) FROM jobs WHERE name = 'test'), 1::bigint, 'its run is written down');
SELECT is((SELECT ROW(ended_at, rows, error)::text FROM jobs WHERE name = 'test'), '(,0,)',
  'as one that goes on');
SELECT is((SELECT ROW(running, error)::text FROM job_list() WHERE name = 'test'), '(t,)',
  'and is seen to go on');
SELECT is(job_beat('test', 5), true, 'between two batches it is still alone');
SELECT is(current_setting('synchronous_commit'), 'off', 'to say so waits for no flush');
SELECT is((SELECT rows FROM jobs WHERE name = 'test'), 5::bigint, 'how far it is is known');
SELECT job_end('test', 7, NULL) \gset _
SELECT is((SELECT ok_at = ended_at FROM jobs WHERE name = 'test'), true, 'work that was done');
SELECT is((SELECT ROW(rows, error, ok_age_seconds)::text FROM job_list() WHERE name = 'test'), '(7,,0)',
  'the end of a good run');
SELECT job_begin('test') \gset _
SELECT job_end('test', 2, 'unavailable') \gset _
SELECT is((SELECT ROW(rows, error, ok_age_seconds)::text FROM job_list() WHERE name = 'test'),
  '(2,unavailable,0)', 'a bad run leaves the last good one''s time');
SELECT throws_ok($$SELECT job_begin('Not a name')$$, '23514', NULL, 'a job has a plain name');
SELECT is((SELECT alone FROM dblink('other', 'SELECT holdfast.job_beat(''test'', 99)') AS t (alone boolean)),
  false, 'a copy that has lost its lock is told so');
SELECT * FROM dblink('other', 'SELECT 1 FROM holdfast.job_end(''test'', 99, NULL)') AS t (done integer) \gset _
SELECT is((SELECT rows FROM jobs WHERE name = 'test'), 2::bigint, 'and writes nothing of it');
SELECT is((SELECT ROW(running, error)::text FROM job_list() WHERE name = 'test-b'), '(t,)',
  'a run that goes on elsewhere');
SELECT dblink_disconnect('other') \gset _
DO $$
BEGIN
  FOR i IN 1 .. 1000 LOOP -- the other session ends by itself, some time
    EXIT WHEN NOT (SELECT running FROM holdfast.job_list() WHERE name = 'test-b');
    PERFORM pg_sleep(0.01);
  END LOOP;
END
$$;
SELECT is((SELECT ROW(running, error)::text FROM job_list() WHERE name = 'test-b'), '(f,killed)',
  'one that did not end and does not go on was killed');

-- kept answers: 24 hours and not less
SELECT event() AS event \gset
SELECT confirmed(:event, 'anna', seats(1)) AS booking \gset
INSERT INTO answers (event_id, user_id, operation, key, fingerprint, status, body, created_at)
  SELECT :event, buyer('anna'), 'confirm', k, 'f', 200, '{}', now() - age
    FROM (VALUES ('new', interval '0'), ('day', '24 hours'), ('old', '26 hours'), ('older', '30 hours'))
      AS v (k, age);
SELECT is((SELECT ROW(claims, answers, sessions)::text FROM janitor_due()), '(0,2,0)',
  'what there is to do is counted');
SELECT is(answers_trim(1), 1::bigint, 'a batch is bounded');
SELECT is((SELECT string_agg(key, ',' ORDER BY key) FROM answers WHERE body = '{}'), 'day,new,old',
  'the oldest goes first');
SELECT is(answers_trim(100), 1::bigint, 'then the rest');
SELECT is(answers_trim(100), 0::bigint, 'and no more: a day is kept');
SELECT is(current_setting('synchronous_commit'), 'off', 'without a flush');

-- sessions
INSERT INTO refresh_families (family_id, user_id, prefix_hash, expires_at) VALUES
  ('00000000-0000-4000-8000-00000000000a', buyer('organizer'), sha256('A'), now() - interval '1 second'),
  ('00000000-0000-4000-8000-00000000000b', buyer('organizer'), sha256('B'), now() + interval '1 hour');
INSERT INTO refresh_tokens (token_hash, family_id, expires_at, next_hash) VALUES
  (sha256('a'), '00000000-0000-4000-8000-00000000000a', now() - interval '1 second', NULL),
  (sha256('b'), '00000000-0000-4000-8000-00000000000b', now() - interval '1 second', sha256('c')),
  (sha256('c'), '00000000-0000-4000-8000-00000000000b', now() + interval '1 hour', NULL);
SELECT is((SELECT sessions FROM janitor_due()), 3::bigint, 'one family and two tokens have run out');
SELECT is(sessions_trim(1), 1::bigint, 'a batch of tokens is bounded');
SELECT is(sessions_trim(100), 2::bigint, 'tokens go before their families');
SELECT is((SELECT string_agg(encode(token_hash, 'hex'), ',') FROM refresh_tokens),
  encode(sha256('c'), 'hex'), 'what is good stays');
SELECT is(sessions_trim(100), 0::bigint, 'once');

SELECT * FROM finish();
ROLLBACK;
