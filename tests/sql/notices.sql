-- Notices and their log: who writes them, in which order they are numbered, and what a reader may rely on.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(34);

SELECT event() AS event \gset
SELECT buyer('organizer') AS staff \gset
CREATE FUNCTION pg_temp.log(p_event integer, p_after bigint DEFAULT 0) RETURNS SETOF json
LANGUAGE sql AS $$SELECT body::json FROM holdfast.log_list(p_event, given.buyer('organizer'), false, p_after, 1000)$$;
CREATE FUNCTION pg_temp.kinds(p_event integer, p_after bigint DEFAULT 0) RETURNS text
LANGUAGE sql AS $$SELECT coalesce(string_agg((l ->> 'position') || ' ' || (l ->> 'kind'), ', '), '')
  FROM pg_temp.log(p_event, p_after) AS l$$;

-- who writes
SELECT is(pg_temp.kinds(:event), '', 'nothing has happened');
SELECT held(:event, 'anna', seats(1,2), '{FLOOR}', '{2}') AS b \gset
SELECT release(:event, held(:event, 'anna', seats(5)), 'anna') \gset _
SELECT is(pg_temp.kinds(:event), '', 'holds and releases write nothing');
SELECT confirm(:event, :'b', 'anna') \gset _
SELECT is(pg_temp.kinds(:event), '1 booking.confirmed', 'a confirm does');
SELECT confirm(:event, :'b', 'anna') \gset _
SELECT cancel(:event, :'b', 'anna', seats(2), '{FLOOR}', '{1}') \gset _
SELECT cancel(:event, :'b', 'anna') \gset _
SELECT cancel(:event, :'b', 'anna') \gset _
SELECT is(pg_temp.kinds(:event), '1 booking.confirmed, 2 booking.cancelled, 3 booking.cancelled',
  'and each cancel, once');
SELECT is(pg_temp.kinds(:event, 2), '3 booking.cancelled', 'after a position comes what is behind it');
SELECT is(pg_temp.kinds(:event, 3), '', 'and nothing at the end');
SELECT is((SELECT (l -> 'data')::jsonb FROM pg_temp.log(:event) AS l LIMIT 1),
  '{"places": 4, "total": 2600, "currency": "EUR"}'::jsonb, 'what was confirmed');
SELECT is((SELECT (l -> 'data')::jsonb - 'refund' FROM pg_temp.log(:event, 1) AS l LIMIT 1),
  '{"whole": false, "amount": 1300, "currency": "EUR", "seat_ids": ["VIP-A-2"],
    "sections": [{"section_id": "FLOOR", "quantity": 1}]}'::jsonb, 'what went, with a part');
SELECT is((SELECT (l -> 'data')::jsonb - 'refund' FROM pg_temp.log(:event, 2) AS l LIMIT 1),
  '{"whole": true, "amount": 1300, "currency": "EUR", "seat_ids": ["VIP-A-1"],
    "sections": [{"section_id": "FLOOR", "quantity": 1}]}'::jsonb, 'and with the rest');
SELECT ok(bool_and(l ->> 'booking_id' = :'b' AND l ->> 'event_id' = :'event' AND l ->> 'at' LIKE '20%Z'),
  'each says what it is about and when') FROM pg_temp.log(:event) AS l;
SELECT is(failure(format('SELECT holdfast.notice_write(%s, NULL, %L, %L)', :event, 'event.forgotten', '{}')),
  '23503', 'a kind that there is not is refused');

-- changes of an event
CREATE FUNCTION pg_temp.change(p_event integer, p_in jsonb) RETURNS void
LANGUAGE sql AS $$SELECT holdfast.event_update(p_event, given.buyer('organizer'), false, NULL, p_in, 600, 10, 0)$$;
SELECT pg_temp.change(:event, '{"title": "An event"}') \gset _
SELECT is(pg_temp.kinds(:event, 3), '', 'what changes nothing is told to nobody');
SELECT pg_temp.change(:event, '{"title": "Another", "event_date": "2999-01-01T20:00:00Z"}') \gset _
SELECT is((SELECT l #>> '{data,fields}' FROM pg_temp.log(:event, 3) AS l), '["event_date", "title"]',
  'a change names its fields');
SELECT is((SELECT l #>> '{data,event_date,new}' FROM pg_temp.log(:event, 3) AS l), '2999-01-01T20:00:00Z',
  'and what buyers plan by, as it was and is');
SELECT pg_temp.change(:event, '{"status": "cancelled"}') \gset _
SELECT is(pg_temp.kinds(:event, 4), '5 event.cancelled', 'a cancelled event has a kind of its own');
SELECT (event_create(:'staff', false, NULL, NULL, false, '{"title": "New", "event_date": "2999-01-01T20:00:00Z",
  "currency": "EUR", "sections": [{"section_id": "A", "name": "A", "kind": "ga", "capacity": 5, "base_price": 0}]}',
  600, 10, 0)).id AS made \gset
SELECT is(pg_temp.kinds(:made), '1 event.created', 'a new event begins its own log');

-- who reads
SELECT users('berta') \gset _
UPDATE users SET role = 'organizer' WHERE user_id = buyer('berta');
SELECT is(failure(format('SELECT * FROM log_list(%s, %L, false, 0, 10)', :event, buyer('berta'))), 'HF104',
  'another organizer sees nothing');
SELECT is(failure(format('SELECT * FROM log_list(%s, %L, true, 0, 10)', :event, buyer('berta'))), 'HF103',
  'nor by asking as an admin');

-- what went with a large booking is written at once, so that no publisher has much to add
SELECT event(0, 30) AS large \gset
UPDATE events SET max_seats_per_booking = 30 WHERE event_id = :large;
SELECT confirmed(:large, 'anna', '{}', '{FLOOR}', '{20}') AS a \gset
SELECT cancel(:large, :'a', 'anna') \gset _
SELECT is((SELECT data FROM notices_new WHERE booking_id = :'a' AND kind = 'booking.cancelled'),
  '{"amount": 6000, "refund": 0}', 'of a small one only what is not in the booking');
SELECT confirmed(:large, 'anna', '{}', '{FLOOR}', '{21}') AS b \gset
SELECT cancel(:large, :'b', 'anna') \gset _
SELECT is((SELECT data #> '{sections,0,quantity}' FROM notices_new WHERE booking_id = :'b' AND kind = 'booking.cancelled'),
  '21', 'of a large one all');
SELECT is((SELECT string_agg((l -> 'data' ->> 'whole') || (l #>> '{data,sections,0,quantity}'), ' ')
    FROM pg_temp.log(:large) AS l WHERE l ->> 'kind' = 'booking.cancelled'), 'true20 true21', 'which readers do not see');

-- order: who commits late comes late, whatever was written first
SELECT event(20) AS event \gset
SELECT held(:event, 'anna', seats(1)) AS first, held(:event, 'anna', seats(2)) AS second \gset
SELECT session('one') \gset _
SELECT session('two', 'holdfast_admin') \gset _
SELECT run('one', 'BEGIN') \gset _
SELECT is(run('one', sql_move('confirm', :event, :'first', 'anna')), 'moved', 'one confirm is under way');
SELECT confirm(:event, :'second', 'anna') \gset _
SELECT is((SELECT l ->> 'booking_id' FROM pg_temp.log(:event) AS l), :'second', 'a later one is numbered before');
SELECT run('one', 'COMMIT') \gset _
SELECT is((SELECT l ->> 'booking_id' FROM pg_temp.log(:event, 1) AS l), :'first', 'it comes behind that');

-- one publisher at a time
SELECT confirm(:event, held(:event, 'anna', seats(3)), 'anna') \gset _
BEGIN;
SELECT is(pg_temp.kinds(:event, 2), '3 booking.confirmed', 'one publishes');
SELECT start('two', format('SELECT string_agg(place::text, '','') FROM holdfast.log_list(%s, %L, false, 2, 10)',
  :event, :'staff')) \gset _
SELECT ok(until_waiting('two'), 'another waits for it');
COMMIT;
SELECT is(finish('two'), '3', 'and then reads what that one numbered');

-- a publisher that is undone has given no number
SELECT confirm(:event, held(:event, 'anna', seats(4)), 'anna') \gset _
BEGIN;
SELECT is(log_publish(:event, 10), 1::bigint, 'one begins');
ROLLBACK;
SELECT is(pg_temp.kinds(:event, 3), '4 booking.confirmed', 'and the next gives the same number');
SELECT is((SELECT count(*) FROM notices_new), 0::bigint, 'nothing is left');

-- kept for 30 days, and the numbers go on
UPDATE notices SET published_at = now() - interval '31 days' WHERE event_id = :event;
SELECT is(outbox_trim(10), 0::bigint, 'what has not been delivered stays');
UPDATE event_logs SET spread = last WHERE event_id = :event;
SELECT is(outbox_trim(10), 4::bigint, 'then it goes');
SELECT confirm(:event, held(:event, 'anna', seats(6)), 'anna') \gset _
SELECT is(pg_temp.kinds(:event), '5 booking.confirmed', 'and no number is given twice');
SELECT is(outbox_trim(10), 0::bigint, 'what is younger stays');

SELECT * FROM finish();
