-- Several sessions on the same general-admission sections: the last places, the count, giving back.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(72);
SELECT session('s1'), session('s2'), session('s3'), session('owner', 'holdfast_owner') \gset _
SELECT users('anna', 'berta', 'carl') \gset _

-- ---- the last place ------------------------------------------------------------------------------

SELECT event(1, 1, 9) AS event \gset
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{1}')), 'new', 'the last place is held');
SELECT start('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT ok(until_waiting('s2'), 'another who saw it free waits at the count');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF290', 'which is full then: give back what is due and try once more');
SELECT is(run('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}', p_give_back => true)),
  'HF202 {"available": 0, "section_id": "FLOOR"}', 'nothing was due: sold out');
SELECT is(taken(:event, 1), 1, 'one place, one hold');

SELECT event(1, 1, 9) AS event \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{1}')) \gset _
SELECT start('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT ok(until_waiting('s2'), 'again');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(finish('s2'), 'new', 'where the first comes to nothing the second has it');

-- what is due is found by the second try, though the section was not full at first sight
SELECT event(1, 3, 9) AS event \gset
SELECT held(:event, 'carl', '{}', '{FLOOR}', '{1}') AS old \gset
SELECT due(:event, :'old') \gset _
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{1}')) \gset _
SELECT start('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{2}')) \gset _
SELECT ok(until_waiting('s2'), 'a hold of what is left but for another hold');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF290', 'hits the count');
SELECT is(status(:event, :'old'), 'HOLD', 'nothing was given back');
SELECT is(run('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{2}', p_give_back => true)), 'new',
  'the second try gives back first, and holds');
SELECT is(status(:event, :'old'), 'EXPIRED', 'what was due has ended');
SELECT is(sound(), 'sound', 'the books agree');

-- ---- two give-backs ------------------------------------------------------------------------------

SELECT event(1, 2, 9) AS event \gset
SELECT held(:event, 'carl', '{}', '{FLOOR}', '{2}') AS old \gset
SELECT due(:event, :'old') \gset _
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{1}')), 'new',
  'a full section gives back what is due');
SELECT start('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT ok(until_waiting('s2'), 'a second one who would waits for it');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'new', 'finds it given back, and room');
SELECT is(taken(:event, 1), 2, 'once');
SELECT is((SELECT version FROM bookings WHERE booking_id = :'old'), 2, 'the booking has ended once');

-- two sections of one old booking
SELECT event(1, 1, 1) AS event \gset
SELECT held(:event, 'carl', '{}', '{FLOOR,BALCONY}', '{1,1}') AS old \gset
SELECT due(:event, :'old') \gset _
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', '{}', '{BALCONY}', '{1}')) \gset _
SELECT start('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT ok(until_waiting('s2'), 'two give back two claims of one booking');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'new', 'without a deadlock');
SELECT is(sound(), 'sound', 'the books agree');

-- ---- confirm against give-back at the deadline ---------------------------------------------------

SELECT event(1, 2, 9) AS event \gset
SELECT held(:event, 'anna', '{}', '{FLOOR}', '{2}') AS a \gset
SELECT due(:event, :'a', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('s1', 'BEGIN'), run('s1', sql_move('confirm', :event, :'a', 'anna')) \gset _
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'a' \gset _
SELECT start('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT ok(until_waiting('s2'), 'what is due and being confirmed is waited for');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'HF202 {"available": 0, "section_id": "FLOOR"}', 'and is sold');

SELECT event(1, 2, 9) AS event \gset
SELECT held(:event, 'anna', '{}', '{FLOOR}', '{2}') AS a \gset
SELECT due(:event, :'a', clock_timestamp() + interval '500 milliseconds') \gset _
SELECT run('s1', 'BEGIN'), run('s1', 'SELECT now()') \gset _
SELECT pg_sleep(greatest(0, extract(epoch FROM expires_at - clock_timestamp()) + 0.002))
  FROM bookings WHERE booking_id = :'a' \gset _
SELECT run('s2', 'BEGIN'), run('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT start('s1', sql_move('confirm', :event, :'a', 'anna')) \gset _
SELECT ok(until_waiting('s1'), 'a confirm that came in time waits for the give-back');
SELECT run('s2', 'COMMIT') \gset _
SELECT is(finish('s1'), 'HF205', 'and has expired');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(taken(:event, 1), 1, 'one place is held');

-- ---- cancel against holds ------------------------------------------------------------------------

SELECT event(1, 3, 9) AS event \gset
SELECT confirmed(:event, 'anna', '{}', '{FLOOR}', '{2}') AS a \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_move('cancel', :event, :'a', 'anna')) \gset _
SELECT start('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT ok(until_waiting('s2'), 'a hold of the last place waits for a cancel at the count');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'new', 'and has it');
SELECT is(taken(:event, 1), 1, 'the count is right');

SELECT event(1, 3, 9) AS event \gset
SELECT confirmed(:event, 'anna', '{}', '{FLOOR}', '{2}') AS a \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT start('s2', sql_move('cancel', :event, :'a', 'anna')) \gset _
SELECT ok(until_waiting('s2'), 'a cancel waits for a hold of the last place');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'moved', 'and gives back');
SELECT is(taken(:event, 1), 1, 'the count is right');

-- two partial cancels at once
SELECT confirmed(:event, 'carl', '{}', '{FLOOR,BALCONY}', '{2,2}') AS b \gset
SELECT run('s1', 'BEGIN'), run('s1', format($$SELECT outcome FROM holdfast.cancel(%s, %L, %L, NULL, NULL,
  false, NULL, NULL, '{FLOOR}', '{1}')$$, :event, :'b', buyer('carl'))) \gset _
SELECT start('s2', format($$SELECT outcome FROM holdfast.cancel(%s, %L, %L, NULL, NULL, false, NULL,
  NULL, '{FLOOR,BALCONY}', '{2,1}')$$, :event, :'b', buyer('carl'))) \gset _
SELECT ok(until_waiting('s2'), 'two cancels of the same places');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'),
  'HF122 {"standing": {"FLOOR": 1}, "other_seats": [], "other_sections": []}',
  'the second is judged by what still stands');
SELECT is(sound(), 'sound', 'the books agree');

-- ---- one order of locks --------------------------------------------------------------------------

SELECT event(9, 9, 9) AS event \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{1}')) \gset _
SELECT start('s2', sql_hold(:event, 'berta', seats(1), '{BALCONY,FLOOR}', '{1,1}')) \gset _
SELECT ok(until_waiting('s2'), 'sections are taken in the order of the event, not of the request');
SELECT is(run('s1', sql_hold(:event, 'anna', '{}', '{BALCONY}', '{1}')), 'new',
  'who waits at the first holds none of the next');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'new', 'no deadlock');

-- a janitor and a hold that gives back: the janitor skips, the hold waits
SELECT event(1, 1, 9) AS event \gset
SELECT held(:event, 'carl', '{}', '{FLOOR}', '{1}') AS old \gset
SELECT due(:event, :'old') \gset _
SELECT run('owner', 'BEGIN'),
  run('owner', 'SELECT count(*)::text FROM holdfast.expire(100)') AS ended \gset _
SELECT is(:'_ended'::text, '1', 'the janitor ends what is due');
SELECT start('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{1}')) \gset _
SELECT ok(until_waiting('s1'), 'a hold waits for it, and does not say sold out');
SELECT run('owner', 'COMMIT') \gset _
SELECT is(finish('s1'), 'new', 'since the place is free');
SELECT due(:event, booking_id) FROM ga_claims WHERE event_id = :event \gset _
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')) \gset _
SELECT is(run('owner', 'SELECT count(*)::text FROM holdfast.expire(100)'), '0',
  'the janitor leaves what a hold gives back');
SELECT run('s1', 'COMMIT') \gset _

-- ---- nobody is held up without need ----------------------------------------------------------------

SELECT event(9, 9, 9) AS event \gset
SELECT held(:event, 'anna', seats(1), '{FLOOR}', '{1}') AS a \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_move('confirm', :event, :'a', 'anna')) \gset _
SELECT is(run('s2', sql_hold(:event, 'berta', seats(2), '{FLOOR}', '{1}')), 'new',
  'a confirm, which waits for the disk, touches no count');
SELECT run('s1', 'COMMIT') \gset _
SELECT held(:event, 'carl', '{}', '{FLOOR}', '{1}') AS b \gset
SELECT run('owner', 'BEGIN'), run('owner', format($$SELECT outcome FROM holdfast.reserve(%s, %L, %L, 900, 3600)$$,
  :event, :'b', buyer('carl'))) \gset _
SELECT is(run('s2', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')), 'new', 'nor does a payment that begins');
SELECT run('owner', 'COMMIT') \gset _
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', seats(3))) \gset _
SELECT is(run('s2', sql_hold(:event, 'berta', seats(4))), 'new', 'holds of other seats do not meet');
SELECT is(run('owner', format($$UPDATE holdfast.events SET title = 'Another title' WHERE event_id = %s
  RETURNING 'changed'$$, :event)), 'changed', 'nor does a hold lock its event');
SELECT run('s1', 'COMMIT') \gset _

-- ---- holds against a capacity that shrinks -----------------------------------------------------------

CREATE FUNCTION pg_temp.shrink(p_event integer, p_capacity integer) RETURNS text
LANGUAGE sql AS $$
  SELECT format($q$SELECT body::json #>> '{sections,1,capacity}' FROM holdfast.event_update(%s, %L, false,
    NULL, '{"sections": [{"section_id": "FLOOR", "capacity": %s}]}', 600, 10, 0)$q$, p_event,
    given.buyer('organizer'), p_capacity)
$$;
SELECT session('admin', 'holdfast_admin') \gset _
SELECT event(1, 3, 9) AS event \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{2}')) \gset _
SELECT start('admin', pg_temp.shrink(:event, 1)) \gset _
SELECT ok(until_waiting('admin'), 'an editor waits for a hold');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('admin'), 'HF220 {"taken": 2, "requested": 1, "section_id": "FLOOR"}',
  'and does not take away what is held');
SELECT event(1, 3, 9) AS event \gset
SELECT run('admin', 'BEGIN') \gset _
SELECT is(run('admin', pg_temp.shrink(:event, 1)), '1', 'an editor takes places away');
SELECT start('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{2}')) \gset _
SELECT ok(until_waiting('s1'), 'a hold of them waits');
SELECT run('admin', 'COMMIT') \gset _
SELECT is(finish('s1'), 'HF290', 'finds them gone');
SELECT is(run('s1', sql_hold(:event, 'anna', '{}', '{FLOOR}', '{2}', p_give_back => true)),
  'HF202 {"available": 1, "section_id": "FLOOR"}', 'and is told how many are left');
SELECT is(sound(), 'sound', 'the books agree');

-- ---- a cancel of a part against one of the whole ---------------------------------------------------

CREATE FUNCTION pg_temp.part(p_event integer, p_booking uuid, p_seats text[], p_sections text[],
  p_quantities integer[]) RETURNS text
LANGUAGE sql AS $$
  SELECT format('SELECT outcome FROM holdfast.cancel(%s, %L, %L, NULL, NULL, false, NULL, %L, %L, %L)',
    p_event, p_booking, given.buyer('anna'), p_seats, p_sections, p_quantities)
$$;
SELECT event(4, 9, 9) AS event \gset
SELECT confirmed(:event, 'anna', seats(1,2), '{FLOOR,BALCONY}', '{3,2}') AS a \gset
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', pg_temp.part(:event, :'a', seats(1), '{FLOOR,BALCONY}', '{1,2}')), 'moved',
  'a seat, some places of one section and all of another go');
SELECT start('s2', sql_move('cancel', :event, :'a', 'anna')) \gset _
SELECT ok(until_waiting('s2'), 'a cancel of the whole waits');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'moved', 'and takes the rest');
SELECT is(claims(:event) || taken(:event, 1) || taken(:event, 2), '00', 'nothing is left');
SELECT confirmed(:event, 'anna', seats(1,2), '{FLOOR,BALCONY}', '{3,2}') AS b \gset
SELECT run('s1', 'BEGIN'), run('s1', sql_move('cancel', :event, :'b', 'anna')) \gset _
SELECT start('s2', pg_temp.part(:event, :'b', seats(2), '{BALCONY}', '{1}')) \gset _
SELECT ok(until_waiting('s2'), 'a cancel of a part waits for one of the whole');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'done', 'and finds it done');
SELECT confirmed(:event, 'anna', '{}', '{FLOOR}', '{3}') AS c \gset
SELECT run('s1', 'BEGIN'), run('s1', pg_temp.part(:event, :'c', NULL, '{FLOOR}', '{2}')) \gset _
SELECT start('s2', pg_temp.part(:event, :'c', NULL, '{FLOOR}', '{2}')) \gset _
SELECT ok(until_waiting('s2'), 'two parts that together are more than there is');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(left(finish('s2'), 5), 'HF122', 'are not both given back');
SELECT is(taken(:event, 1), 1, 'one place stands');
SELECT is(sound(), 'sound', 'the books agree');

-- ---- seats and two sections in one booking that is due, wanted by several ---------------------------

SELECT event(4, 3, 3) AS event \gset
SELECT held(:event, 'anna', seats(2), '{FLOOR,BALCONY}', '{3,3}') AS x \gset
SELECT due(:event, :'x') \gset _
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_hold(:event, 'berta', '{}', '{FLOOR}', '{1}')), 'new', 'one gives back a section');
SELECT start('s2', sql_hold(:event, 'carl', seats(2), '{BALCONY}', '{1}')) \gset _
SELECT ok(until_waiting('s2'), 'another takes its seat and the other section, and waits only to close it');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('s2'), 'new', 'then both have theirs');
SELECT is((SELECT ROW(status, version)::text FROM bookings WHERE booking_id = :'x'), '(EXPIRED,2)',
  'it has ended once');
SELECT is(taken(:event, 1) || ' ' || taken(:event, 2), '1 1', 'and given back each place once');
SELECT is(sound(), 'sound', 'the books agree');

-- many at once on few places
SELECT event(1, 7, 9) AS event \gset
SELECT count(session('w' || i)) FROM generate_series(1, 20) AS i \gset _
SELECT count(start('w' || i, sql_hold(:event, 'buyer ' || i, '{}', '{FLOOR}', '{1}')))
  FROM generate_series(1, 20) AS i \gset _
CREATE TEMPORARY TABLE answers_given AS
  SELECT left(finish('w' || i), 5) AS answer FROM generate_series(1, 20) AS i;
SELECT is((SELECT count(*) FROM answers_given WHERE answer = 'new'), 7::bigint,
  '20 sessions on 7 places: seven have one');
SELECT is((SELECT string_agg(DISTINCT answer, ' ' ORDER BY answer) FROM answers_given
  WHERE answer NOT IN ('HF290', 'HF202')), 'new', 'the others are told that it is full');
SELECT is(taken(:event, 1), 7, 'and no more is taken');

SELECT count(dblink_disconnect(c)) FROM unnest(dblink_get_connections()) AS c \gset _
SELECT * FROM finish();
