-- The waiting room: what an event says of it, what a hold asks of a pass, and when one is spent.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(49);

SELECT event(20, 9, 3) AS sale \gset
SELECT event(20, 9, 3) AS other \gset

-- what an event says of it
CREATE FUNCTION pg_temp.shown(p_event integer) RETURNS jsonb
LANGUAGE sql AS $$
  SELECT holdfast.room_show(e, '{"admit_per_minute": 600, "inside_max": 500, "stale_after_seconds": 30,
    "grace_seconds": 300, "pass_seconds": 900}')::jsonb FROM holdfast.events e WHERE event_id = p_event
$$;
UPDATE events SET sales_start = date_trunc('second', sales_start) WHERE event_id = :sale;
SELECT is(pg_temp.shown(:sale), jsonb_build_object('opens_at', time_show(sales_start), 'admit_per_minute', 600,
    'inside_max', 500, 'stale_after_seconds', 30, 'grace_seconds', 300, 'pass_seconds', 900),
  'nothing: as configured, from the start of sales on') FROM events WHERE event_id = :sale;
SELECT is(room_brief(e), '', 'of an event whose queue is off there is no room') FROM events e WHERE event_id = :sale;
UPDATE events SET queue = 'on', waiting_room = '{"opens_at": "2031-01-02T03:04:05Z", "inside_max": 2, "grace_seconds": 0}'
  WHERE event_id = :sale;
SELECT is(pg_temp.shown(:sale), '{"opens_at": "2031-01-02T03:04:05Z", "admit_per_minute": 600, "inside_max": 2,
  "stale_after_seconds": 30, "grace_seconds": 0, "pass_seconds": 900}', 'some of it');
SELECT is(room_brief(e), extract(epoch FROM '2031-01-02T03:04:05Z'::timestamptz)::bigint * 1000 || '||2||0|',
  'which the filter is told') FROM events e WHERE event_id = :sale;
SELECT is(failure(format('UPDATE events SET waiting_room = %L WHERE event_id = %s', w, :sale)), '23514', 'not ' || w)
  FROM unnest(ARRAY['[]', '{"nonsense": 1}', '{"opens_at": "soon"}', '{"admit_per_minute": 0}', '{"inside_max": 1000001}',
    '{"stale_after_seconds": 4}', '{"grace_seconds": -1}', '{"pass_seconds": 9}', '{"pass_seconds": 86401}']) AS w;
UPDATE events SET waiting_room = '{}' WHERE event_id = :sale;
SELECT is(room_read(NULL, 'UTC', 'infinity'), '{}', 'a request that says nothing');
SELECT is(room_read('null', 'UTC', 'infinity'), '{}', 'or takes everything back');
SELECT is(room_read('{"opens_at": null, "inside_max": 3, "pass_seconds": null}', 'UTC', 'infinity'), '{"inside_max": 3}',
  'or a part of it');
SELECT is(room_read('{"opens_at": "2031-06-01"}', 'Europe/Paris', 'infinity'), '{"opens_at": "2031-05-31T22:00:00Z"}',
  'a date is the midnight where the event is');
SELECT matches(failure($$SELECT room_read('{"opens_at": "2031-06-01"}', 'UTC', '2031-05-31Z')$$),
  '^HF122 .*/waiting_room/opens_at', 'it opens before the end of sales');

-- what a hold asks
SELECT is(failure(format($$SELECT hold(%s, 'anna', seats(1))$$, :sale)), 'HF210 {"pass": "missing"}', 'a pass is needed');
SELECT is((hold(:sale, 'anna', seats(1), p_key => 'a', p_pass => 7)).outcome, 'new', 'with one it is a hold');
SELECT is((SELECT pass FROM bookings WHERE booking_id = id('a')), 7::bigint, 'which keeps it');
SELECT is(failure('UPDATE bookings SET pass = 8 WHERE booking_id = ' || quote_literal(id('a'))), '23514', 'for good');
SELECT is((hold(:sale, 'anna', seats(2), p_key => 'b', p_pass => 7)).outcome, 'new', 'and another');
SELECT is((hold(:sale, 'anna', '{}', '{FLOOR}', '{1}', p_key => 'c', p_pass => 7)).outcome, 'new', 'and one more');
SELECT is((hold(:other, 'anna', seats(1), p_key => 'd', p_pass => 7)).outcome, 'new', 'where none is needed none counts');
SELECT is((SELECT pass FROM bookings WHERE booking_id = id('d')), NULL, 'nor is it kept');

-- spent by the first confirm, when its booking and claims are locked and changed
CREATE FUNCTION pg_temp.last_of_all() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF EXISTS (SELECT FROM holdfast.bookings b LEFT JOIN holdfast.seat_claims c USING (event_id, booking_id)
      WHERE b.booking_id = given.id('a') AND (b.status <> 'CONFIRMED' OR c.state <> 'b')) THEN
    RAISE EXCEPTION 'the pass is locked before what is held with it';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER last_of_all BEFORE INSERT ON passes_spent FOR EACH ROW EXECUTE FUNCTION pg_temp.last_of_all();
SELECT is((confirm(:sale, id('a'), 'anna')).pass, 7::bigint, 'a confirm tells which it has spent');
SELECT is((SELECT array_agg(ROW(event_id, user_id, pass)::text) FROM passes_spent),
  ARRAY[ROW(:sale, buyer('anna'), 7)::text], 'which is written down');
SELECT is(failure(format($$SELECT hold(%s, 'anna', seats(5), p_pass => 7)$$, :sale)), 'HF210 {"pass": "spent"}',
  'no hold is made with it again');
SELECT is((hold(:sale, 'anna', seats(5), p_pass => 8)).outcome, 'new', 'with another one is');
SELECT is((hold(:sale, 'berta', seats(6), p_pass => 7)).outcome, 'new', 'so is with the same place of somebody else');
SELECT is((hold(:sale, 'anna', seats(1), p_key => 'a', p_pass => 7)).outcome, 'replay', 'a first answer is told again');
SELECT is((hold(:sale, 'anna', seats(1), p_key => 'a')).outcome, 'replay', 'also without any');
SELECT is((confirm(:sale, id('c'), 'anna')).outcome, 'moved', 'what was held before is confirmed');
SELECT is((SELECT pass FROM confirm_seats(:sale, buyer('anna'), NULL, NULL, false, seats(2))), 7::bigint, 'by its seats too');
SELECT is((SELECT count(*) FROM passes_spent), 1::bigint, 'and the pass is spent once');
SELECT is((confirm(:other, id('d'), 'anna')).pass, NULL, 'a booking without a pass spends none');

-- what the room asks of PostgreSQL
SELECT is((SELECT ROW(until_ms, room)::text FROM queue_room(:sale, true)),
  ROW(floor(extract(epoch FROM sales_end) * 1000)::bigint, room_brief(e))::text, 'the event in short')
  FROM events e WHERE event_id = :sale;
SELECT is((SELECT room FROM queue_room(:other, true)), '', 'one without a room');
SELECT is(failure('SELECT queue_room(2000000000, false)'), 'HF104', 'none');
UPDATE events SET status = 'closed' WHERE event_id = :sale;
SELECT matches(failure(format('SELECT queue_room(%s, true)', :sale)), '^HF203 .*sales_end', 'nobody joins a closed one');
SELECT is((SELECT until_ms FROM queue_room(:sale, false)),
  (SELECT -floor(extract(epoch FROM sales_end) * 1000)::bigint FROM events WHERE event_id = :sale), 'those who wait are told');
UPDATE events SET status = 'on_sale' WHERE event_id = :sale;
SELECT is(failure(format('SELECT queue_room_leave(2000000000, 1, 5, %L, 55)', buyer('carl'))), 'HF104', 'no event, no place');
SELECT is(queue_room_leave(:other, 3, 5, buyer('carl'), 55), 'left', 'a room of which nothing is known here is left');
SELECT is((SELECT epoch FROM queue_lines WHERE event_id = :other AND line = ''), 3, 'and known by that');
SELECT queue_epoch(:sale, '', 0) \gset _
SELECT is(ARRAY[queue_room_leave(:sale, 1, 5, buyer('carl'), 55), queue_room_leave(:sale, 1, 5, buyer('carl'), 55)],
  '{left,left}', 'it is left, also when that is said again');
SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(9), p_pass => 55)$$, :sale)), 'HF210 {"pass": "spent"}',
  'whoever has left comes in no more with the pass');
SELECT is(queue_room_leave(:sale, 1, 7, buyer('anna'), 7), 'confirmed', 'what was confirmed is not left, and said to be so');
SELECT is(ARRAY[queue_room_end(:sale, 1, 5, buyer('carl'), 55), queue_room_end(:sale, 1, 7, buyer('anna'), 7),
    queue_room_end(:sale, 1, 6, buyer('anna'), 6)], '{left,confirmed,NULL}', 'how places ended: what was confirmed is not left');

SELECT * FROM finish();
ROLLBACK;
