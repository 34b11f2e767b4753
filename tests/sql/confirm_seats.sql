-- confirm_seats: the caller's live holds that together are exactly these seats, all or none.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(33);

SELECT event() AS event \gset
CREATE FUNCTION pg_temp.book(p_event integer, p_buyer text, p_seats text[], p_key text DEFAULT NULL,
  p_print text DEFAULT 'print')
RETURNS TABLE (outcome text, body text, booking_id uuid, positions integer[], sections text, pass bigint)
LANGUAGE sql AS $$
  SELECT * FROM holdfast.confirm_seats(p_event, given.buyer(p_buyer), p_key,
    CASE WHEN p_key IS NOT NULL THEN p_print END, false, p_seats)
$$;

SELECT held(:event, 'anna', seats(1,2)) AS a \gset
SELECT held(:event, 'anna', seats(4)) AS b \gset
SELECT held(:event, 'berta', seats(5)) AS c \gset

SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2,4,5))', :event, 'anna')),
  'HF201 {"seat_ids": ["VIP-A-5"]}', 'the owner is checked, seat by seat');
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2,4))', :event, 'berta')),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2", "VIP-A-4"]}', 'nobody books what another holds');
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,4))', :event, 'anna')),
  'HF201 {"seat_ids": ["VIP-A-1"]}', 'a part of a hold is refused');
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2,9))', :event, 'anna')),
  'HF201 {"seat_ids": ["VIP-A-9"]}', 'a seat that nobody holds too');
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, %L)', :event, 'anna', '{VIP-A-1,VIP-A-77}')),
  'HF122 {"unknown_seats": ["VIP-A-77"], "seated_sections": [], "unknown_sections": []}',
  'unknown seats are named');
SELECT matches(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2,2))', :event, 'anna')), '^HF122',
  'a seat twice is refused');
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2))', 2000000000, 'anna')), 'HF104',
  'no such event');
SELECT is((SELECT count(*) FROM seat_claims WHERE state = 'b'), 0::bigint, 'nothing has moved');

CREATE TEMPORARY TABLE done AS SELECT * FROM pg_temp.book(:event, 'anna', seats(4,2,1), 'bk');
SELECT is((SELECT array_agg(DISTINCT outcome) FROM done), '{moved}', 'several holds confirm in one');
SELECT is((SELECT array_agg(booking_id ORDER BY booking_id) FROM done),
  (SELECT array_agg(i ORDER BY i) FROM unnest(ARRAY[:'a', :'b']::uuid[]) AS i), 'a row a booking');
SELECT is((SELECT positions FROM done WHERE booking_id = :'a'), '{0,1}', 'with its positions');
SELECT is((SELECT string_agg(status || version, ',') FROM bookings WHERE booking_id IN (:'a', :'b')),
  'CONFIRMED2,CONFIRMED2', 'all are CONFIRMED');
SELECT is((SELECT count(*) FROM seat_claims WHERE state = 'b' AND expires_at = 'infinity'), 3::bigint,
  'with every claim');
SELECT is((SELECT count(DISTINCT body) FROM done), 1::bigint, 'one answer');
SELECT is((SELECT body::jsonb - 'message' - 'booking_ids' - 'booking_id' FROM done LIMIT 1),
  '{"success": true, "booked_seats": ["VIP-A-1", "VIP-A-2", "VIP-A-4"]}'::jsonb,
  'which names the seats');
SELECT ok((SELECT body::jsonb -> 'booking_ids' @> to_jsonb(ARRAY[:'a', :'b'])
    AND body::jsonb -> 'booking_id' = body::jsonb -> 'booking_ids' -> 0 FROM done LIMIT 1),
  'and the bookings');
SELECT is(status(:event, :'c'), 'HOLD', 'another''s hold is left alone');

-- again
SELECT is((SELECT q.outcome || (q.body = d.body)::text FROM
    pg_temp.book(:event, 'anna', seats(4,2,1), 'bk') AS q, done d LIMIT 1), 'replaytrue',
  'the same key replays the same bytes');
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2,4), %L, %L)', :event, 'anna', 'bk',
  'other')), 'HF130', 'a key is bound to its request');
SELECT is(failure(format('SELECT confirm(%s, %L, %L, %L)', :event, :'a', 'anna', 'other spelling')),
  'none', 'the call that it stands for has');
SELECT confirm(:event, :'a', 'anna', 'one name') \gset _
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2), %L, %L)', :event, 'anna',
  'one name', 'spelt otherwise')), 'HF130', 'the same keys: both are the operation confirm');
SELECT is((SELECT q.body FROM pg_temp.book(:event, 'anna', seats(1,2,4)) AS q LIMIT 1),
  (SELECT d.body FROM done d LIMIT 1), 'what the caller has confirmed already is answered the same');
SELECT is((SELECT string_agg(version::text, ',') FROM bookings WHERE booking_id IN (:'a', :'b')),
  '2,2', 'and does not move again');
SELECT held(:event, 'anna', seats(9)) AS more \gset
SELECT is((SELECT count(*) FROM pg_temp.book(:event, 'anna', seats(1,2,4,9))), 3::bigint,
  'confirmed seats and a live hold together');
SELECT is(status(:event, :'more'), 'CONFIRMED', 'confirm what is left');

-- the deadline
SELECT event() AS late \gset
SELECT held(:late, 'anna', seats(1,2)) AS l \gset
SELECT held(:late, 'anna', seats(3)) AS m \gset
SELECT due(:late, :'l') \gset _
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2))', :late, 'anna')), 'HF205',
  'the caller''s own hold, run out: expired');
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2,3))', :late, 'anna')),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2"]}', 'with live ones beside it: unavailable');
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2))', :late, 'berta')),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2"]}', 'somebody else''s, run out: unavailable');
SELECT held(:late, 'berta', seats(1)) AS taker \gset
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(1,2))', :late, 'anna')),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2"]}', 'run out and taken over: unavailable');

-- a hold with general admission is not exactly these seats
SELECT held(:late, 'anna', seats(5), '{FLOOR}', '{1}') AS mix \gset
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(5))', :late, 'anna')),
  'HF201 {"seat_ids": ["VIP-A-5"]}', 'a hold with more than these seats is refused');

-- the event
UPDATE events SET payment = 'stripe' WHERE event_id = :late;
SELECT is(failure(format('SELECT pg_temp.book(%s, %L, seats(3))', :late, 'anna')), 'HF207',
  'payment is not passed by');
UPDATE events SET payment = 'none', status = 'cancelled' WHERE event_id = :late;
SELECT matches(failure(format('SELECT pg_temp.book(%s, %L, seats(3))', :late, 'anna')), '^HF203',
  'nor a cancelled event');
SELECT is(status(:late, :'m'), 'HOLD', 'nothing has moved');

SELECT * FROM finish();
ROLLBACK;
