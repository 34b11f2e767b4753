-- Several sessions with the same idempotency key, or of the same buyer.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(37);
SELECT session('s1'), session('s2'), session('s3') \gset _
SELECT users('anna', 'berta') \gset _
SELECT event() AS event \gset

-- ---- one key twice at once -----------------------------------------------------------------------

SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_hold(:event, 'anna', seats(1), p_key => 'k1')), 'new', 'the first with its key');
SELECT is(run('s2', sql_hold(:event, 'anna', seats(1), p_key => 'k1')), 'HF131',
  'the second is told at once that the first is still running');
SELECT is(run('s2', sql_hold(:event, 'anna', seats(2), p_key => 'k2')), 'new',
  'another key has nothing to do with it');
SELECT start('s2', sql_hold(:event, 'anna', seats(1), p_key => 'k1', p_wait => true)) \gset _
SELECT ok(until_waiting('s2'), 'a repeat after an unknown outcome waits');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'replay', 'and gets the first answer');
SELECT is(run('s2', sql_hold(:event, 'anna', seats(1), p_key => 'k1')), 'replay', 'so does a later one');
SELECT is((SELECT count(*) FROM bookings WHERE key = 'k1'), 1::bigint, 'one key, one booking');

SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', seats(3), p_key => 'k3')) \gset _
SELECT start('s2', sql_hold(:event, 'anna', seats(3), p_key => 'k3', p_wait => true)) \gset _
SELECT ok(until_waiting('s2'), 'where the first comes to nothing');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(finish('s2'), 'new', 'the repeat acts');

-- the first backend dies in the middle
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', seats(4), p_key => 'k4')) \gset _
SELECT start('s2', sql_hold(:event, 'anna', seats(4), p_key => 'k4', p_wait => true)) \gset _
SELECT ok(until_waiting('s2'), 'a repeat waits for a backend');
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = 's1' AND datname = current_database() \gset _
SELECT is(finish('s2'), 'new', 'that dies: the repeat acts, no lock is left behind');
SELECT dblink_disconnect('s1') \gset _
SELECT session('s1') \gset _

-- nobody waits for ever
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', seats(5), p_key => 'k5')) \gset _
SELECT is(run('s2', sql_hold(:event, 'anna', seats(5), p_key => 'k5', p_wait => true)), '55P03',
  'the wait ends with the lock timeout');
SELECT run('s1', 'ROLLBACK') \gset _

-- confirm, release and cancel
CREATE FUNCTION pg_temp.both(p_move text, p_event integer, p_booking uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v text;
BEGIN
  PERFORM given.run('s1', 'BEGIN');
  v := given.run('s1', given.sql_move(p_move, p_event, p_booking, 'anna', 'mk'));
  v := v || ' ' || given.run('s2', given.sql_move(p_move, p_event, p_booking, 'anna', 'mk'));
  PERFORM given.start('s2', given.sql_move(p_move, p_event, p_booking, 'anna', 'mk', true));
  v := v || ' ' || given.until_waiting('s2');
  PERFORM given.run('s1', 'COMMIT');
  RETURN v || ' ' || given.finish('s2');
END
$$;
SELECT held(:event, 'anna', seats(6)) AS a \gset
SELECT is(pg_temp.both('confirm', :event, :'a'), 'moved HF131 true replay', 'confirm');
SELECT is(pg_temp.both('cancel', :event, :'a'), 'moved HF131 true replay', 'cancel');
SELECT held(:event, 'anna', seats(6)) AS b \gset
SELECT is(pg_temp.both('release', :event, :'b'), 'moved HF131 true replay', 'release');
SELECT is((SELECT count(*) FROM answers WHERE key = 'mk'), 3::bigint, 'each operation has its own keys');

-- a key is held before any other lock, and holding it nothing else is waited for
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', seats(7), p_key => 'k7')) \gset _
SELECT start('s2', sql_hold(:event, 'berta', seats(7), p_key => 'k8')) \gset _
SELECT ok(until_waiting('s2'), 'who waits for a seat');
SELECT is(run('s3', sql_hold(:event, 'berta', seats(7), p_key => 'k8')), 'HF131',
  'has the key already');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(left(finish('s2'), 5), 'HF201', 'and loses the seat');
SELECT is(left(run('s3', sql_hold(:event, 'berta', seats(7), p_key => 'k8')), 5), 'HF201',
  'a refusal is judged anew');

-- twenty at once
SELECT count(session('w' || i)) FROM generate_series(1, 20) AS i \gset _
SELECT count(start('w' || i, sql_hold(:event, 'anna', seats(9,10), '{FLOOR}', '{1}',
    p_key => 'twenty', p_wait => true))) FROM generate_series(1, 20) AS i \gset _
SELECT is((SELECT string_agg(answer, ' ' ORDER BY answer) FROM (SELECT finish('w' || i) AS answer
    FROM generate_series(1, 20) AS i) AS q),
  'new' || repeat(' replay', 19), 'one key from twenty sessions: one acts, all are answered');
SELECT is((SELECT count(*) FROM bookings WHERE key = 'twenty'), 1::bigint, 'one booking');
SELECT is(taken(:event, 1), 1, 'one place');

-- staff: one key is one request, and requests without a key have nothing to do with each other
SELECT session('a1', 'holdfast_admin'), session('a2', 'holdfast_admin') \gset _
CREATE FUNCTION pg_temp.sql_venue(p_key text) RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT replayed::text FROM holdfast.venue_create(%L, %L, %L, false, ''{"name": "V"}'')',
    given.buyer('organizer'), p_key, 'print')
$$;
CREATE FUNCTION pg_temp.sql_event(p_key text) RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT replayed::text FROM holdfast.event_create(%L, false, %L, %L, false, %L, 600, 10, 0)',
    given.buyer('organizer'), p_key, 'print', '{"title": "E", "event_date": "2999-01-01", "currency": "EUR",
      "sections": [{"section_id": "F", "name": "F", "kind": "ga", "capacity": 1, "base_price": 1}]}')
$$;
SELECT is(run('a1', 'BEGIN') || run('a1', pg_temp.sql_venue(NULL)) || run('a1', pg_temp.sql_event(NULL)),
  'BEGINfalsefalse', 'a venue and an event without a key');
SELECT is(run('a2', pg_temp.sql_venue(NULL)), 'false', 'another venue of theirs meanwhile');
SELECT is(run('a2', pg_temp.sql_event(NULL)), 'false', 'and another event');
SELECT run('a1', 'ROLLBACK') \gset _
SELECT run('a1', 'BEGIN'), run('a1', pg_temp.sql_venue('vk')), run('a1', pg_temp.sql_event('ek')) \gset _
SELECT is(run('a2', pg_temp.sql_venue('vk')) || ' ' || run('a2', pg_temp.sql_event('ek')), 'HF131 HF131',
  'with a key the second is told that the first is still running');
SELECT run('a1', 'COMMIT') \gset _
SELECT is(run('a2', pg_temp.sql_venue('vk')) || ' ' || run('a2', pg_temp.sql_event('ek')), 'true true',
  'and then what the first was');

-- ---- one buyer -----------------------------------------------------------------------------------

SELECT event(30) AS event \gset
UPDATE events SET max_seats_per_user = 4 WHERE event_id = :event;
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_hold(:event, 'anna', seats(1,2,3))), 'new', 'three of four');
SELECT start('s2', sql_hold(:event, 'anna', seats(11,12,13))) \gset _
SELECT ok(until_waiting('s2'), 'the same buyer waits, on other seats');
SELECT is(run('s3', sql_hold(:event, 'berta', seats(21,22,23))), 'new', 'another buyer does not');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF204 {"limit": 4, "current": 3, "requested": 3}',
  'and is counted with the first hold');

SELECT count(start('w' || i, sql_hold(:event, 'carl', seats(i)))) FROM generate_series(4, 20) AS i
  \gset _
SELECT is((SELECT count(*) FROM (SELECT finish('w' || i) AS answer
    FROM generate_series(4, 20) AS i) AS q WHERE answer = 'new'), 4::bigint,
  'many requests of one buyer at once pass the limit no better');
SELECT is((SELECT sum(places) FROM bookings WHERE event_id = :event AND user_id = buyer('carl')),
  4::bigint, 'four places');

-- without a limit nobody waits for their own other requests
UPDATE events SET max_seats_per_user = NULL WHERE event_id = :event;
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', seats(28))) \gset _
SELECT is(run('s2', sql_hold(:event, 'anna', seats(29))), 'new', 'no limit, no lock');
SELECT run('s1', 'COMMIT') \gset _
SELECT users('carl') \gset _
SELECT is(sound(), 'sound', 'the books agree');
SELECT is((SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())), 0::bigint,
  'no advisory lock outlives its transaction');

SELECT count(dblink_disconnect(c)) FROM unnest(dblink_get_connections()) AS c \gset _
SELECT * FROM finish();
