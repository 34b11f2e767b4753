-- Several sessions on the same numbered seats, each a backend of its own with the rights and the limits
-- of its program. Every order of steps is made to happen: nothing here waits for time to pass.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(74);
SELECT session('s1'), session('s2'), session('s3'), session('owner', 'holdfast_owner') \gset _

-- ---- one seat, two holds -----------------------------------------------------------------------

SELECT event() AS event \gset
SELECT users('anna', 'berta', 'carl') \gset _
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_hold(:event, 'anna', seats(1,2))), 'new', 'anna takes two seats');
SELECT start('s2', sql_hold(:event, 'berta', seats(2,3))) \gset _
SELECT ok(until_waiting('s2'), 'berta waits for the one that both want');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF201 {"seat_ids": ["VIP-A-2"]}', 'and loses, all of it');
SELECT is((SELECT count(*) FROM seat_claims WHERE event_id = :event), 2::bigint, 'two claims stand');

SELECT run('s1', 'BEGIN') \gset _
SELECT run('s1', sql_hold(:event, 'anna', seats(4))) \gset _
SELECT start('s2', sql_hold(:event, 'berta', seats(4))) \gset _
SELECT ok(until_waiting('s2'), 'berta waits again');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(finish('s2'), 'new', 'and wins, where anna''s hold comes to nothing');

-- the lock is given up in time
SELECT run('s1', 'BEGIN') \gset _
SELECT run('s1', sql_hold(:event, 'anna', seats(5))) \gset _
SELECT is(run('s2', sql_hold(:event, 'berta', seats(5))), '55P03',
  'nobody waits longer for a lock than half a second');
SELECT run('s1', 'ROLLBACK') \gset _

-- ---- overlapping sets in opposite orders: no deadlock ------------------------------------------

SELECT event() AS event \gset
SELECT run('s1', 'BEGIN'), run('s2', 'BEGIN') \gset _
SELECT run('s1', sql_hold(:event, 'anna', seats(1))) \gset _
-- Both ask for seats 1 to 4, each in an order of its own. Positions decide the order of the locks: the
-- one who waits at the first holds none of the others.
SELECT start('s2', sql_hold(:event, 'berta', seats(4,3,2,1))) \gset _
SELECT ok(until_waiting('s2'), 'berta waits at the first seat');
SELECT is(run('s1', sql_hold(:event, 'anna', seats(2,4,3))), 'new',
  'and holds none of those that anna still wants');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2", "VIP-A-3", "VIP-A-4"]}',
  'berta loses all of them');
SELECT run('s2', 'ROLLBACK') \gset _

-- ---- confirm against a takeover at the deadline --------------------------------------------------
-- The confirm came before the deadline and runs when it passes; the takeover comes after it.

-- the confirm has the claims first
SELECT event() AS event \gset
SELECT held(:event, 'anna', seats(1,2)) AS a \gset
SELECT due(:event, :'a', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_move('confirm', :event, :'a', 'anna')), 'moved', 'the confirm came in time');
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'a' \gset _
SELECT start('s2', sql_hold(:event, 'berta', seats(2))) \gset _
SELECT ok(until_waiting('s2'), 'a hold that comes after the deadline waits for it');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF201 {"seat_ids": ["VIP-A-2"]}', 'and finds the seat sold');
SELECT is(status(:event, :'a'), 'CONFIRMED', 'once');

-- the takeover has the claims first; the confirm's clock still says that it is in time
SELECT held(:event, 'anna', seats(3,4)) AS b \gset
SELECT due(:event, :'b', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('s1', 'BEGIN'), run('s1', 'SELECT now()') \gset _
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'b' \gset _
SELECT run('s2', 'BEGIN') \gset _
SELECT is(run('s2', sql_hold(:event, 'berta', seats(4))), 'new', 'a takeover of one of its seats');
SELECT start('s1', sql_move('confirm', :event, :'b', 'anna')) \gset _
SELECT ok(until_waiting('s1'), 'the confirm, which came before the deadline, waits at that claim');
SELECT run('s2', 'COMMIT') \gset _
SELECT is(finish('s1'), 'HF205', 'and is told that the hold has expired');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(status(:event, :'b'), 'EXPIRED', 'the booking has ended');
SELECT is((SELECT state::text || (booking_id = :'b') FROM seat_claims
  WHERE event_id = :event AND position = 2), 'htrue', 'its other claim is left as it was, due');

-- the same, the takeover committed before the confirm gets to its locks
SELECT held(:event, 'anna', seats(5,6)) AS c \gset
SELECT due(:event, :'c', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('s1', 'BEGIN'), run('s1', 'SELECT now()') \gset _
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'c' \gset _
SELECT run('s2', sql_hold(:event, 'berta', seats(6))) \gset _
SELECT is(run('s1', sql_move('confirm', :event, :'c', 'anna')), 'HF205', 'a confirm that comes second');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is((SELECT count(*) FROM seat_claims WHERE state = 'b' AND event_id = :event), 2::bigint,
  'sells nothing twice');
SELECT is(sound(), 'sound', 'the books agree');

-- A move locks its claims before its booking, as a takeover does: the other way round the two would
-- wait for each other here.
SELECT held(:event, 'anna', seats(8,9)) AS e \gset
SELECT due(:event, :'e', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('owner', 'BEGIN'), run('owner', format('SELECT status FROM holdfast.bookings
  WHERE booking_id = %L FOR UPDATE', :'e')) \gset _
SELECT run('s1', 'BEGIN'), run('s1', 'SET LOCAL lock_timeout = ''5s'''),
  start('s1', sql_move('confirm', :event, :'e', 'anna')) \gset _
SELECT ok(until_waiting('s1'), 'a confirm has its claims and waits for its booking');
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'e' \gset _
SELECT start('s2', sql_hold(:event, 'berta', seats(9))) \gset _
SELECT ok(until_waiting('s2'), 'a takeover waits for the claim');
SELECT run('owner', 'COMMIT') \gset _
SELECT is(finish('s1'), 'moved', 'the confirm goes on');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF201 {"seat_ids": ["VIP-A-9"]}', 'and the takeover finds the seat sold');

-- release and reserve against a takeover behave alike
SELECT held(:event, 'anna', seats(7)) AS d \gset
SELECT due(:event, :'d', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('s1', 'BEGIN'), run('s1', 'SELECT now()') \gset _
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'d' \gset _
SELECT run('s2', 'BEGIN'), run('s2', sql_hold(:event, 'berta', seats(7))) \gset _
SELECT start('s1', sql_move('release', :event, :'d', 'anna')) \gset _
SELECT ok(until_waiting('s1'), 'a release waits at the claim that is taken over');
SELECT run('s2', 'COMMIT') \gset _
SELECT is(finish('s1'), 'HF205', 'and frees nothing');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is((SELECT b.user_id FROM seat_claims c JOIN bookings b USING (event_id, booking_id)
  WHERE c.event_id = :event AND position = 6), buyer('berta'), 'that berta has');

-- ---- two takeovers of two seats of one old booking -------------------------------------------------

SELECT event() AS event \gset
SELECT held(:event, 'anna', seats(1,2,3)) AS old \gset
SELECT due(:event, :'old') \gset _
SELECT run('s1', 'BEGIN'), run('s2', 'BEGIN') \gset _
SELECT is(run('s1', sql_hold(:event, 'berta', seats(1))), 'new', 'one takes over the first seat');
SELECT start('s2', sql_hold(:event, 'carl', seats(2))) \gset _
SELECT ok(until_waiting('s2'), 'another the second, and waits only to close the old booking');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'new', 'then both have theirs');
SELECT run('s2', 'COMMIT') \gset _
SELECT is((SELECT ROW(status, version)::text FROM bookings WHERE booking_id = :'old'), '(EXPIRED,2)',
  'the old booking has ended once');
SELECT is((SELECT count(*) FROM seat_claims WHERE booking_id = :'old'), 1::bigint,
  'its third claim stands, due');
SELECT is(sound(), 'sound', 'the books agree');

-- two takeovers of the same seat
SELECT held(:event, 'anna', seats(5)) AS old \gset
SELECT due(:event, :'old') \gset _
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'berta', seats(5))) \gset _
SELECT start('s2', sql_hold(:event, 'carl', seats(5))) \gset _
SELECT ok(until_waiting('s2'), 'two takeovers of one seat');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF201 {"seat_ids": ["VIP-A-5"]}', 'have one winner');

-- ---- confirm against the janitor -----------------------------------------------------------------

SELECT event() AS event \gset
SELECT held(:event, 'anna', seats(1,2)) AS a \gset
SELECT due(:event, :'a', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_move('confirm', :event, :'a', 'anna')), 'moved', 'a confirm in time');
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'a' \gset _
SELECT is(run('owner', $$SELECT count(*)::text FROM holdfast.expire(100) AS e
  WHERE e.booking_id = '$$ || :'a' || $$'$$), '0', 'the janitor skips what is locked, and does not wait');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(status(:event, :'a'), 'CONFIRMED', 'the confirm stands');
SELECT is(run('owner', $$SELECT count(*)::text FROM holdfast.expire(100) AS e
  WHERE e.booking_id = '$$ || :'a' || $$'$$), '0', 'also for the next run');

SELECT held(:event, 'anna', seats(3,4)) AS b \gset
SELECT due(:event, :'b', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('s1', 'BEGIN'), run('s1', 'SELECT now()') \gset _
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'b' \gset _
SELECT run('owner', 'BEGIN') \gset _
SELECT is(run('owner', $$SELECT count(*)::text FROM holdfast.expire(100) AS e
  WHERE e.booking_id = '$$ || :'b' || $$'$$), '1', 'the janitor first');
SELECT start('s1', sql_move('confirm', :event, :'b', 'anna')) \gset _
SELECT ok(until_waiting('s1'), 'a confirm that came in time waits');
SELECT run('owner', 'COMMIT') \gset _
SELECT is(finish('s1'), 'HF205', 'and has expired');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(status(:event, :'b') || (SELECT count(*) FROM seat_claims WHERE booking_id = :'b'),
  'EXPIRED0', 'no claim is left');

-- two janitors
SELECT session('owner2', 'holdfast_owner') \gset _
SELECT held(:event, 'anna', seats(5,6)) AS c \gset
SELECT due(:event, :'c') \gset _
SELECT run('owner', 'BEGIN') \gset _
SELECT is(run('owner', 'SELECT count(*)::text FROM holdfast.expire(100)'), '1', 'a janitor at work');
SELECT is(run('owner2', 'SELECT count(*)::text FROM holdfast.expire(100)'), '0',
  'the second finds nothing and does not wait');
SELECT run('owner', 'COMMIT') \gset _
SELECT is((SELECT ROW(status, version)::text FROM bookings WHERE booking_id = :'c'), '(EXPIRED,2)',
  'what is due ends once');

-- a takeover against the janitor: the hold waits for the row, the janitor never for the hold
SELECT held(:event, 'anna', seats(7)) AS d \gset
SELECT due(:event, :'d') \gset _
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'berta', seats(7))) \gset _
SELECT is(run('owner', 'SELECT count(*)::text FROM holdfast.expire(100)'), '0',
  'the janitor leaves a seat that is being taken over');
SELECT run('s1', 'COMMIT') \gset _
SELECT due(:event, booking_id) FROM seat_claims WHERE event_id = :event AND position = 6 \gset _
SELECT run('owner', 'BEGIN'), run('owner', 'SELECT count(*)::text FROM holdfast.expire(100)') \gset _
SELECT start('s1', sql_hold(:event, 'carl', seats(7))) \gset _
SELECT ok(until_waiting('s1'), 'a hold waits for the janitor');
SELECT run('owner', 'COMMIT') \gset _
SELECT is(finish('s1'), 'new', 'and has the seat');

-- ---- cancel against everything -----------------------------------------------------------------

SELECT event() AS event \gset
SELECT confirmed(:event, 'anna', seats(1,2)) AS a \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_move('cancel', :event, :'a', 'anna')) \gset _
SELECT start('s2', sql_move('cancel', :event, :'a', 'anna')) \gset _
SELECT ok(until_waiting('s2'), 'two cancels of one booking');
SELECT start('s3', sql_hold(:event, 'berta', seats(1))) \gset _
SELECT ok(until_waiting('s3'), 'and a hold of its seat');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'done', 'the second has nothing left to do');
SELECT is(finish('s3'), 'new', 'the seat is held');
SELECT is((SELECT version FROM bookings WHERE booking_id = :'a'), 3, 'it was cancelled once');

-- a part and the whole at once: the notice of each tells only of what went with it
SELECT confirmed(:event, 'anna', seats(8,9), '{FLOOR}', '{3}') AS c \gset
SELECT format($$SELECT outcome FROM holdfast.cancel(%s, %L, %L, NULL, NULL, false, NULL, '{%s}', '{FLOOR}', '{1}')$$,
  :event, :'c', buyer('anna'), (seats(8))[1]) AS part \gset
SELECT run('s1', 'BEGIN'), run('s1', :'part') \gset _
SELECT start('s2', sql_move('cancel', :event, :'c', 'anna')) \gset _
SELECT ok(until_waiting('s2'), 'a cancel of a booking of which a part is being cancelled');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'moved', 'takes the rest');
SELECT log_publish(:event, 1000) \gset _
SELECT is((SELECT array_agg(data ->> 'seat_ids' ORDER BY position) FROM notices
    WHERE booking_id = :'c' AND kind = 'booking.cancelled'),
  ARRAY[to_jsonb(seats(8))::text, to_jsonb(seats(9))::text], 'each notice has its own seats');
SELECT is((SELECT array_agg(data #>> '{sections,0,quantity}' ORDER BY position) FROM notices
    WHERE booking_id = :'c' AND kind = 'booking.cancelled'), '{1,2}'::text[], 'and its own places');
SELECT is(sound(), 'sound', 'the books agree');

SELECT held(:event, 'carl', seats(5,6)) AS b \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_move('confirm', :event, :'b', 'carl')) \gset _
SELECT start('s2', sql_move('confirm', :event, :'b', 'carl')) \gset _
SELECT start('s3', sql_move('release', :event, :'b', 'carl')) \gset _
SELECT ok(until_waiting('s2') AND until_waiting('s3'), 'a confirm twice and a release at once');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2') || ' ' || finish('s3'), 'done HF206 {"status": "CONFIRMED"}',
  'one of them moves, the others are told');
SELECT is(sound(), 'sound', 'the books agree');

-- ---- a release against a payment that begins or ends -----------------------------------------------
-- The wish to release is never refused for what is not yet so, nor noted where nothing waits for it: the
-- release is called again, as after a deadlock.

SELECT event() AS event \gset
SELECT held(:event, 'anna', seats(1,2), '{FLOOR}', '{1}') AS a \gset
SELECT format($$SELECT outcome FROM holdfast.reserve(%s, %L, %L, 900, 3600)$$, :event, :'a', buyer('anna'))
  AS reserve \gset
SELECT run('owner', 'BEGIN'), run('owner', :'reserve') \gset _
SELECT start('s1', sql_move('release', :event, :'a', 'anna')) \gset _
SELECT ok(until_waiting('s1'), 'a release meets a payment that begins');
SELECT run('owner', 'COMMIT') \gset _
SELECT is(finish('s1') || ' ' || run('s1', sql_move('release', :event, :'a', 'anna')), '40001 asked',
  'called again, it is noted');
UPDATE bookings SET release_asked_at = NULL WHERE booking_id = :'a';
SELECT run('s2', 'BEGIN'), run('s2', sql_move('confirm', :event, :'a', 'anna')) \gset _
SELECT start('s1', sql_move('release', :event, :'a', 'anna')) \gset _
SELECT ok(until_waiting('s1'), 'a release meets a confirm');
SELECT run('s2', 'COMMIT') \gset _
SELECT is(finish('s1') || ' ' || run('s1', sql_move('release', :event, :'a', 'anna')),
  '40001 HF206 {"status": "CONFIRMED"}', 'called again, it is told so');
SELECT is((SELECT release_asked_at FROM bookings WHERE booking_id = :'a'), NULL, 'no wish is left');
SELECT is(sound(), 'sound', 'the books agree');

-- ---- money behind the deadline, and an extend that arrived before it ----------------------------------

SELECT event() AS event \gset
UPDATE events SET payment = 'stripe' WHERE event_id = :event;
SELECT open_payment(:event, 'anna', seats(1,2), '{FLOOR}', '{1}', 'pi_race') AS a \gset
SELECT told('pi_race', 'failed', 0) \gset _
SELECT clock_timestamp() + interval '1 second' AS deadline \gset
SELECT due(:event, :'a', :'deadline') \gset _
SELECT is(run('s1', 'BEGIN') || ' ' || run('s1', format($$SELECT outcome
    FROM holdfast.extend(%s, %L, %L, NULL, NULL, false, 600, 3600, 3)$$, :event, :'a', buyer('anna'))),
  'BEGIN moved', 'an extend arrives in time');
SELECT pg_sleep_until(:'deadline') \gset _
SELECT format($$SELECT outcome FROM holdfast.payment_told('stripe', 'pi_race', NULL, NULL, NULL, NULL, 'succeeded', %s,
  'eur', NULL, NULL)$$, total) AS money FROM bookings WHERE booking_id = :'a' \gset
SELECT start('owner', :'money') \gset _
SELECT ok(until_waiting('owner'), 'money meets it when the deadline of before is over');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('owner') || ' ' || run('owner', :'money'), '40001 confirmed', 'called again, it finds the time that was given');
SELECT is(sound(), 'sound', 'the books agree');

SELECT count(dblink_disconnect(c)) FROM unnest(dblink_get_connections()) AS c \gset _
SELECT * FROM finish();
