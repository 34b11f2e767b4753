-- expire: one batch of tidying. It is never needed for anything to be right.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(27);

SELECT event() AS event \gset
SELECT event() AS other \gset
SELECT held(:event, 'anna', seats(1,2), '{FLOOR}', '{2}') AS due_a \gset
SELECT held(:event, 'berta', seats(3)) AS live \gset
SELECT confirmed(:event, 'carl', seats(4), '{BALCONY}', '{1}') AS sold \gset
SELECT held(:other, 'anna', '{}', '{FLOOR}', '{1}') AS due_b \gset
SELECT held(:other, 'dora', seats(5)) AS due_c \gset
SELECT reserve(:other, :'due_c', 'dora') \gset _
INSERT INTO seat_claims VALUES (:other, 9, NULL, 'x', 'infinity');
SELECT is((SELECT count(*) FROM expire(100)), 0::bigint, 'nothing is due');
SELECT due(:event, :'due_a') \gset _
SELECT due(:other, :'due_b') \gset _
SELECT due(:other, :'due_c') \gset _

SELECT results_eq('SELECT * FROM expire(100) ORDER BY 1, 2',
  format('SELECT * FROM (VALUES (%1$s, %2$L::uuid), (%3$s, %4$L), (%3$s, %5$L)) AS v ORDER BY 1, 2',
    :event, :'due_a', :other, :'due_b', :'due_c'), 'what is due ends, each booking named once');
SELECT is((SELECT string_agg(DISTINCT status || version, ',') FROM bookings
  WHERE booking_id IN (:'due_a', :'due_b', :'due_c')), 'EXPIRED2,EXPIRED3', 'as EXPIRED');
SELECT is((SELECT count(*) FROM bookings WHERE ended_at = now()), 3::bigint, 'from now on');
SELECT is(claims(:event), format('2:h:%s 2x1:b:%s 3:b:%2$s', left(:'live', 8), left(:'sold', 8)),
  'their claims are gone, the others stand');
SELECT is(claims(:other), '9:x:-', 'what is not for sale stays so');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2), taken(:other, 1)], '{0,1,0}',
  'the counts have moved');
SELECT is((SELECT count(*) FROM expire(100)), 0::bigint, 'a second run finds nothing');

-- leftovers under a booking that has ended
SELECT held(:event, 'anna', seats(6,7), '{FLOOR}', '{2}') AS part \gset
SELECT due(:event, :'part') \gset _
SELECT held(:event, 'berta', seats(6)) AS taker \gset
SELECT is((SELECT version FROM bookings WHERE booking_id = :'part'), 2, 'a takeover ended it');
SELECT results_eq('SELECT * FROM expire(100)', format('VALUES (%s, %L::uuid)', :event, :'part'),
  'its leftovers are given back, seats and places');
SELECT is((SELECT ROW(status, version)::text FROM bookings WHERE booking_id = :'part'), '(EXPIRED,2)',
  'and it does not end twice');
SELECT is(taken(:event, 1), 0, 'places are given back once');
SELECT is((SELECT booking_id FROM seat_claims WHERE event_id = :event AND position = 5), :'taker'::uuid,
  'the seat that was taken over stays taken');

-- a part of a booking only, when the batch ends there: the rest stays due
SELECT held(:event, 'anna', seats(8,9,10)) AS wide \gset
SELECT due(:event, :'wide') \gset _
SELECT is((SELECT count(*) FROM expire(2)), 1::bigint, 'a batch is bounded');
SELECT is(status(:event, :'wide') || (SELECT count(*) FROM seat_claims WHERE booking_id = :'wide'),
  'EXPIRED1', 'what is left of the booking is due under an ended one');
SELECT is((SELECT count(*) FROM expire(2)), 1::bigint, 'and goes with the next');
SELECT is((SELECT count(*) FROM expire(2)), 0::bigint, 'which is the last');

-- seats and places together make a batch
SELECT held(:event, 'anna', seats(1), '{FLOOR}', '{1}') AS both \gset
SELECT due(:event, :'both') \gset _
SELECT is((SELECT count(*) FROM expire(1)), 1::bigint, 'one claim');
SELECT is((SELECT count(*) FROM ga_claims WHERE booking_id = :'both'), 1::bigint, 'and no more than one');
SELECT is((SELECT count(*) FROM expire(1)), 1::bigint, 'the other one comes next');

-- a payment is under way: the deadline of the hold it began with has passed, its own has not
SELECT held(:event, 'anna', seats(1)) AS paying \gset
SELECT reserve(:event, :'paying', 'anna') \gset _
SET LOCAL session_replication_role = replica;
UPDATE bookings SET first_expires_at = now() - interval '1 minute' WHERE booking_id = :'paying';
SET LOCAL session_replication_role = origin;
SELECT is((SELECT count(*) FROM expire(100)), 0::bigint, 'a payment under way is left alone');
SELECT is(status(:event, :'paying') || (SELECT count(*) FROM seat_claims WHERE booking_id = :'paying'
  AND state = 'r'), 'RESERVED1', 'until its own deadline');
SELECT due(:event, :'paying') \gset _
SELECT count(*) FROM expire(100) \gset _

SELECT event(1, 50, 50) AS many \gset
DO $$
DECLARE
  v_event integer := (SELECT max(event_id) FROM holdfast.events);
BEGIN
  FOR i IN 1 .. 20 LOOP
    PERFORM given.held(v_event, 'buyer ' || i, '{}', '{FLOOR,BALCONY}', '{1,2}');
  END LOOP;
  UPDATE holdfast.ga_claims SET expires_at = now() WHERE event_id = v_event;
  UPDATE holdfast.bookings SET expires_at = now() WHERE event_id = v_event;
END
$$;
SELECT cmp_ok((SELECT count(*) FROM expire(15)), '<=', 15::bigint, 'places come in batches too');
SELECT is((SELECT count(*) FROM ga_claims WHERE event_id = :many), 25::bigint,
  'so many claims are left');
SELECT lives_ok('SELECT expire(15), expire(15)', 'until none is left');
SELECT is(ARRAY[taken(:many, 1), taken(:many, 2)], '{0,0}', 'and the sections are empty');

-- the books are wrong: nothing is given back on that
SELECT held(:event, 'anna', seats(1)) AS odd \gset
UPDATE seat_claims SET expires_at = now() WHERE booking_id = :'odd';
SELECT is(failure('SELECT * FROM expire(100)'), 'XX001', 'a due claim under a live booking');

SELECT * FROM finish();
ROLLBACK;
