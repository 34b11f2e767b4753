-- A buyer's limit of places, and one place of a line each, against calls that came before a deadline and
-- are under way when it has passed. Every order of steps is made to happen: a deadline is put between what
-- two sessions take for now.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(30);
SELECT session('s1'), session('s2'), session('s3'), session('q', 'holdfast_queue'),
  session('owner', 'holdfast_owner') \gset _
SELECT users('anna', 'berta') \gset _

-- A session begins, and a booking falls due after that.
CREATE FUNCTION pg_temp.begin_in_time(p_session text, p_event integer, p_booking uuid) RETURNS void
LANGUAGE sql AS $$
  SELECT given.run(p_session, 'BEGIN'), given.run(p_session, 'SELECT now()');
  SELECT given.due(p_event, p_booking, clock_timestamp());
$$;
CREATE FUNCTION pg_temp.extend(p_event integer, p_booking uuid, p_buyer text) RETURNS text
LANGUAGE sql AS $$
  SELECT format('SELECT outcome FROM holdfast.extend(%s, %L, %L, NULL, NULL, false, 600, 3600, 3)', p_event,
    p_booking, given.buyer(p_buyer))
$$;
CREATE FUNCTION pg_temp.serve(p_event integer, p_buyer text, p_number bigint, p_quantity integer) RETURNS text
LANGUAGE sql AS $$
  SELECT format('SELECT concat_ws('' '', outcome, reason)
      FROM holdfast.queue_serve(%s, ''VIP'', ''{1}'', %L, %L, %L, %L, 60, 0)', p_event, ARRAY[p_number],
    ARRAY[given.buyer(p_buyer)], ARRAY[p_quantity], ARRAY[given.id(p_event || '/' || p_number)])
$$;
-- An event where one buyer may have four places.
CREATE FUNCTION pg_temp.event_of_four() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_event integer := given.event(12, 20);
BEGIN
  UPDATE holdfast.events SET max_seats_per_user = 4 WHERE event_id = v_event;
  PERFORM holdfast.queue_epoch(v_event, 'VIP', 0);
  RETURN v_event;
END
$$;

-- ---- the move has not come to its booking: the hold ends that ------------------------------------------

SELECT pg_temp.event_of_four() AS event \gset
SELECT held(:event, 'anna', seats(1,2,3,4)) AS a \gset
SELECT pg_temp.begin_in_time('s1', :event, :'a') \gset _
SELECT run('owner', 'BEGIN'), run('owner', format('SELECT state::text FROM holdfast.seat_claims
  WHERE event_id = %s AND position = 0 FOR UPDATE', :event)) \gset _
SELECT start('s1', sql_move('confirm', :event, :'a', 'anna')) \gset _
SELECT ok(until_waiting('s1'), 'a confirm that came in time waits at its first claim');
SELECT is(run('s2', sql_hold(:event, 'anna', seats(5,6,7,8))), 'new', 'the same buyer holds as many again after the deadline');
SELECT run('owner', 'COMMIT') \gset _
SELECT is(finish('s1'), 'HF205', 'and the confirm is told that the hold has expired');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(status(:event, :'a'), 'EXPIRED', 'the first booking has ended');
SELECT is(run('owner', 'SELECT count(*)::text FROM holdfast.expire(100)'), '1', 'the janitor gives back what it had');
SELECT is(sound(), 'sound', 'the books agree');

-- ---- the move has its booking: the hold waits and counts anew -----------------------------------------

SELECT pg_temp.event_of_four() AS event \gset
SELECT held(:event, 'anna', seats(1,2,3,4)) AS a \gset
SELECT pg_temp.begin_in_time('s1', :event, :'a') \gset _
SELECT is(run('s1', sql_move('confirm', :event, :'a', 'anna')), 'moved', 'a confirm in time waits for the disk');
SELECT start('s2', sql_hold(:event, 'anna', seats(5,6))) \gset _
SELECT ok(until_waiting('s2'), 'a hold of the same buyer waits for it');
SELECT is(run('s3', sql_hold(:event, 'berta', seats(5,6))), 'new', 'and keeps nothing from others meanwhile');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF204 {"limit": 4, "current": 4, "requested": 2}', 'it finds that the limit is reached');

SELECT pg_temp.event_of_four() AS event \gset
SELECT held(:event, 'anna', seats(1,2,3)) AS a \gset
SELECT pg_temp.begin_in_time('s1', :event, :'a') \gset _
SELECT is(run('s1', pg_temp.extend(:event, :'a', 'anna')), 'moved', 'an extend in time');
SELECT is(run('s2', sql_hold(:event, 'anna', seats(5))), 'new', 'nobody waits for it where there is room for both');
SELECT start('s2', sql_hold(:event, 'anna', seats(6))) \gset _
SELECT ok(until_waiting('s2'), 'but beyond that');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF204 {"limit": 4, "current": 4, "requested": 1}', 'as it turns out');

SELECT pg_temp.event_of_four() AS event \gset
SELECT held(:event, 'anna', seats(1,2,3,4)) AS a \gset
SELECT pg_temp.begin_in_time('s1', :event, :'a') \gset _
SELECT run('s1', sql_move('confirm', :event, :'a', 'anna')) \gset _
SELECT start('s2', sql_hold(:event, 'anna', seats(5,6))) \gset _
SELECT ok(until_waiting('s2'), 'one that comes to nothing');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(finish('s2'), 'new', 'leaves the places to the hold');
SELECT is(status(:event, :'a'), 'EXPIRED', 'which ends the booking');

-- after the hold has looked
SELECT pg_temp.event_of_four() AS event \gset
SELECT held(:event, 'anna', seats(1,2,3,4)) AS a \gset
SELECT pg_temp.begin_in_time('s1', :event, :'a') \gset _
SELECT run('s3', 'BEGIN'), run('s3', sql_hold(:event, 'berta', seats(5))) \gset _
SELECT start('s2', sql_hold(:event, 'anna', seats(5,6))) \gset _
SELECT ok(until_waiting('s2'), 'a hold waits for a seat');
SELECT run('s1', sql_move('confirm', :event, :'a', 'anna')), run('s3', 'ROLLBACK') \gset _
SELECT is(finish('s2'), '40001', 'what was moved meanwhile has it called again');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(run('s2', sql_hold(:event, 'anna', seats(5,6))), 'HF204 {"limit": 4, "current": 4, "requested": 2}', 'to be told');

-- no limit, no wait
UPDATE events SET max_seats_per_user = NULL WHERE event_id = :event;
SELECT held(:event, 'berta', seats(7)) AS b \gset
SELECT pg_temp.begin_in_time('s1', :event, :'b') \gset _
SELECT run('s1', sql_move('confirm', :event, :'b', 'berta')) \gset _
SELECT is(run('s2', sql_hold(:event, 'berta', seats(8))), 'new', 'where there is no limit nobody looks');
SELECT run('s1', 'COMMIT') \gset _

-- The same seats again, while the janitor gives them back: in the order of locks, with no deadlock.
SELECT pg_temp.event_of_four() AS event \gset
SELECT held(:event, 'anna', seats(1,2,3,4)) AS a \gset
SELECT due(:event, :'a') \gset _
SELECT run('owner', 'BEGIN'), run('owner', 'SELECT count(*)::text FROM holdfast.expire(100)') \gset _
SELECT start('s2', sql_hold(:event, 'anna', seats(1,2,3,4))) \gset _
SELECT ok(until_waiting('s2'), 'a hold waits for the janitor');
SELECT run('owner', 'COMMIT') \gset _
SELECT is(finish('s2'), 'new', 'and has its seats');

-- ---- a line ------------------------------------------------------------------------------------------

SELECT pg_temp.event_of_four() AS event \gset
UPDATE events SET max_seats_per_user = NULL WHERE event_id = :event;
SELECT held(:event, 'berta', seats(1,2,3,4)) AS b \gset
SELECT is(run('q', pg_temp.serve(:event, 'anna', 1, 2)), 'reserved', 'anna is served');
SELECT release(:event, :'b', 'berta') \gset _
SELECT id(:event || '/1') AS a \gset
SELECT pg_temp.begin_in_time('s1', :event, :'a') \gset _
SELECT is(run('s1', pg_temp.extend(:event, :'a', 'anna')), 'moved', 'her place is extended, in time');
SELECT is(run('q', pg_temp.serve(:event, 'anna', 2, 2)), 'later busy', 'her next one in the line waits for what becomes of it');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(run('q', pg_temp.serve(:event, 'anna', 2, 2)), 'refused already-reserved', 'and is refused: one place each');
SELECT pg_temp.begin_in_time('s1', :event, :'a') \gset _
SELECT is(run('q', pg_temp.serve(:event, 'anna', 3, 2)), 'reserved', 'one after the deadline is served');
SELECT is(run('s1', pg_temp.extend(:event, :'a', 'anna')), 'HF205', 'and an extend that comes behind it is not');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(concat_ws('; ', sound(), (SELECT string_agg(t, '; ') FROM audit_i9() AS t)), 'sound', 'the books agree');
SELECT count(dblink_disconnect(c)) FROM unnest(dblink_get_connections()) AS c \gset _
SELECT * FROM finish();
