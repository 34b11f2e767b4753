-- The queue: what a joiner is refused, who is served with what, and that nobody is served twice.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(106);

SELECT event(10, 5, 8) AS sale \gset
-- Serves tickets ARRAY['name:epoch.number*quantity', …] of a line; 'name outcome[:reason] [places]' of each.
CREATE FUNCTION pg_temp.serve(p_event integer, p_line text, p_tickets text[], p_per_user integer DEFAULT 0)
RETURNS text
LANGUAGE sql AS $$
  WITH t AS (
    SELECT o, m[1] AS name, m[2]::int AS epoch, m[3]::bigint AS number, m[4]::int AS quantity
      FROM unnest(p_tickets) WITH ORDINALITY AS w (text, o),
        regexp_match(w.text, '^(\w+):(\d+)\.(\d+)\*(\d+)$') AS m
  ), s AS (
    SELECT q.*, row_number() OVER () AS o
      FROM (SELECT array_agg(epoch ORDER BY o) AS epochs, array_agg(number ORDER BY o) AS numbers,
          array_agg(given.buyer(name) ORDER BY o) AS users, array_agg(quantity ORDER BY o) AS quantities,
          array_agg(given.id(p_line || epoch || '.' || number) ORDER BY o) AS bookings FROM t) AS a,
        holdfast.queue_serve(p_event, p_line, epochs, numbers, users, quantities, bookings, 60, p_per_user, 20) AS q
  )
  SELECT string_agg(concat_ws(' ', t.name, s.outcome, s.reason,
      nullif(array_to_string(s.positions, ','), ''), s.section_id || '*' || s.quantity), '; ' ORDER BY s.o)
    FROM s JOIN t USING (o)
$$;
CREATE FUNCTION pg_temp.booked(p_ticket text) RETURNS text
LANGUAGE sql AS $$
  SELECT concat_ws(' ', status, places, total, nullif(array_to_string(positions, ','), ''),
      nullif(array_to_string(section_nos, ',') || '*' || array_to_string(quantities, ','), '*'))
    FROM holdfast.bookings WHERE booking_id = given.id(p_ticket)
$$;

-- joining
SELECT is((SELECT ROW(most, queue)::text FROM queue_section(:sale, 'FLOOR', 7, NULL, NULL)), '(7,off)', 'who may join');
SELECT is((SELECT capacity FROM queue_section(:sale, 'FLOOR', 7, NULL, NULL)), 5, 'a floor has so many places');
SELECT is((SELECT capacity FROM queue_section(:sale, 'VIP', 7, NULL, NULL)), 10, 'and a section so many seats');
UPDATE events SET max_seats_per_booking = 4, queue = 'on' WHERE event_id = :sale;
SELECT is((SELECT ROW(most, queue)::text FROM queue_section(:sale, 'VIP', 7, NULL, NULL)), '(4,on)', 'as the event says');
UPDATE events SET max_seats_per_booking = NULL, queue = 'off' WHERE event_id = :sale;
SELECT is(failure(format('SELECT queue_section(%s, %L, 7, NULL, NULL)', :sale, 'NONE')),
  'HF122 {"unknown_seats": [], "seated_sections": [], "unknown_sections": ["NONE"]}', 'an unknown section');
SELECT is(failure('SELECT queue_section(2000000000, ''VIP'', 7, NULL, NULL)'), 'HF104', 'an unknown event');
UPDATE events SET status = 'closed' WHERE event_id = :sale;
SELECT matches(failure(format('SELECT queue_section(%s, %L, 7, NULL, NULL)', :sale, 'VIP')), '^HF203 .*sales_end', 'one that is closed');
SELECT is((queue_over(:sale, 'FLOOR')).over, false, 'which may be opened again');
SELECT is((queue_over(:sale, 'NONE')).over AND (queue_over(2000000000, 'FLOOR')).over, true, 'nobody is served where there is nothing');
SAVEPOINT cancelled;
UPDATE events SET status = 'cancelled' WHERE event_id = :sale;
SELECT is((queue_over(:sale, 'FLOOR')).over, true, 'nor of an event that is cancelled');
SELECT is((queue_over(:sale, 'FLOOR')).sales, sales_window(status, sales_start, sales_end), 'with when its sales would be')
  FROM events WHERE event_id = :sale;
ROLLBACK TO cancelled;
UPDATE events SET status = 'on_sale', sales_end = now() WHERE event_id = :sale;
SELECT is((queue_over(:sale, 'FLOOR')).over, false, 'what was begun in time may be under way');
UPDATE events SET sales_end = now() - interval '5 seconds' WHERE event_id = :sale;
SELECT is((queue_over(:sale, 'FLOOR')).over, true, 'nor of one that is over');
UPDATE events SET status = 'closed', sales_end = now() + interval '1 hour' WHERE event_id = :sale;
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{a:1.1*1}'), 'a later sales-closed', 'and nobody of its line is served');
UPDATE events SET status = 'on_sale', sales_start = now() + interval '1 minute' WHERE event_id = :sale;
SELECT matches(failure(format('SELECT queue_section(%s, %L, 7, NULL, NULL)', :sale, 'VIP')), '^HF203', 'not yet on sale');
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{a:1.1*1}'), 'a later sales-closed', 'nor before it opens');
UPDATE events SET sales_start = now() - interval '1 minute' WHERE event_id = :sale;

-- how often a line was begun
SELECT is(queue_epoch(:sale, 'FLOOR', 0), 1, 'a line begins');
SELECT is(queue_epoch(:sale, 'FLOOR', 0), 2, 'and again');
SELECT is(queue_epoch(:sale, 'FLOOR', 7), 8, 'above what somebody has seen');
SELECT is(queue_epoch(:sale, 'FLOOR', 3), 9, 'and above what is known here');
SELECT is(queue_epoch(:sale, 'VIP', 4), 5, 'also at first');
SELECT is(queue_epoch(:sale, 'BALCONY', 0), 1, 'each line by itself');
SELECT is(failure(format('SELECT queue_epoch(%s, %L, 1023)', :sale, 'FLOOR')), '53400', 'as often as a place has room for');
SELECT is(queue_epoch(:sale, 'FLOOR', 0), 10, 'which nobody is held to by what others say');

-- general admission: five places of the floor
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{a:1.1*2,b:1.2*4,c:1.3*3,d:1.4*1}'),
  'a reserved FLOOR*2; b full; c reserved FLOOR*3; d full', 'who wants more than is left stays, others pass');
SELECT is(pg_temp.booked('FLOOR1.1'), 'HOLD 2 600 1*2', 'a hold at the price of the moment');
SELECT is((SELECT expires_at - now() FROM bookings WHERE booking_id = id('FLOOR1.3')) BETWEEN interval '59 seconds'
  AND interval '60 seconds', true, 'for as long as the setting says');
SELECT is(taken(:sale, 1), 5, 'they are counted');
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{a:1.1*2,b:1.2*4}'), 'a again; b full', 'who was served is told so again');
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{a:2.1*1}'), 'a refused already-reserved', 'one open place an account');
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{x:1.1*1}'), 'x refused not-yours', 'a number that another has');
SELECT due(:sale, id('FLOOR1.1')) \gset _
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{b:1.2*4,d:1.4*1}'), 'b full; d reserved FLOOR*1', 'what is due is given on');
SELECT is(status(:sale, id('FLOOR1.1')), 'EXPIRED', 'and its booking ends');
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{a:2.2*1}'), 'a reserved FLOOR*1', 'who was too late may stand in line again');

-- limits
SELECT is(pg_temp.serve(:sale, 'BALCONY', '{l:1.1*3}', 2), 'l refused limit-exceeded', 'the limit of places per account');
UPDATE events SET max_seats_per_user = 4 WHERE event_id = :sale;
SELECT is(pg_temp.serve(:sale, 'BALCONY', '{c:1.2*2,m:1.3*2}', 1),
  'c refused limit-exceeded; m reserved BALCONY*2', 'as the event says, with what they have elsewhere in it');
UPDATE events SET max_seats_per_user = NULL, max_seats_per_booking = 2 WHERE event_id = :sale;
SELECT is(pg_temp.serve(:sale, 'BALCONY', '{n:1.4*3}'), 'n refused limit-exceeded', 'and of places in one booking, as it is by then');
UPDATE events SET max_seats_per_booking = NULL WHERE event_id = :sale;

-- more than there is at all
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{w:1.20*6,b:1.2*4}'), 'w refused capacity; b full', 'what can never be is refused');
SELECT is(pg_temp.serve(:sale, 'VIP', '{w:5.90*11}'), 'w refused capacity', 'also of seats');

-- numbered seats: 0 to 9 of row A, 5 is taken
SELECT held(:sale, 'zoe', seats(6)) AS zoe \gset
SELECT is(pg_temp.serve(:sale, 'VIP', '{e:5.1*2,f:5.2*4,g:5.3*3}'),
  'e reserved 0,1; f reserved 6,7,8,9; g reserved 2,3,4', 'side by side, the first that there are');
SELECT is(pg_temp.booked('VIP5.3'), 'HOLD 3 7000 2,3,4', 'at the price of each seat');
SELECT due(:sale, :'zoe') \gset _
SELECT due(:sale, id('VIP5.1')) \gset _
SELECT is(pg_temp.serve(:sale, 'VIP', '{h:5.4*3}'), 'h reserved 0,1,5', 'or else the first; due ones are taken over');
SELECT is(status(:sale, :'zoe') || status(:sale, id('VIP5.1')), 'EXPIREDEXPIRED', 'and their bookings end');
SELECT is(pg_temp.serve(:sale, 'VIP', '{i:5.5*1}'), 'i full', 'nothing is left');
SELECT is((SELECT ROW(epoch, number, quantity, booking_id = id('VIP5.4'))::text FROM queue_section(:sale, 'VIP', 7, buyer('h'), NULL)),
  '(5,4,3,t)', 'the open place of one who joins again');
SELECT is((SELECT booking_id FROM queue_section(:sale, 'FLOOR', 7, buyer('h'), NULL)), NULL, 'in this line');
SELECT due(:sale, id('VIP5.2')) \gset _
INSERT INTO seat_claims (event_id, position, state, expires_at) VALUES (:sale, 6, 'x', 'infinity')
  ON CONFLICT (event_id, position) DO UPDATE SET booking_id = NULL, state = 'x', expires_at = 'infinity';
SELECT is(pg_temp.serve(:sale, 'VIP', '{j:5.6*2}'), 'j reserved 7,8', 'never what is not for sale');
SELECT is(queue_pick('{A,A,A,A,B,B}', '{1,2,4,5,5,6}', 2), 1, 'picking: a run');
SELECT is(queue_pick('{A,A,B,B,B}', '{1,4,5,7,8}', 2), 4, 'a row''s end and a gap are no neighbours');
SELECT is(queue_pick('{A,A,A}', '{1,4,6}', 2), 1, 'none side by side');

-- how a ticket ended
SELECT is((SELECT ROW(outcome, reason, booking_id = id('FLOOR1.3'), status)::text
  FROM queue_ticket(:sale, 'FLOOR', 1, 3, buyer('c'), id('FLOOR1.3'))), '(reserved,,t,HOLD)', 'served');
SELECT is((SELECT status FROM queue_ticket(:sale, 'FLOOR', 1, 1, buyer('a'), id('FLOOR1.1'))), 'EXPIRED', 'and too late');
SELECT is((SELECT ROW(outcome, reason, booking_id)::text FROM queue_ticket(:sale, 'BALCONY', 1, 1, buyer('l'), id('BALCONY1.1'))),
  '(refused,limit-exceeded,)', 'refused');
SELECT is((SELECT count(*) FROM queue_ticket(:sale, 'FLOOR', 1, 3, buyer('a'), id('FLOOR1.3'))), 0::bigint, 'nobody else''s');
SELECT is((SELECT count(*) FROM queue_ticket(:sale, 'FLOOR', 1, 2, buyer('b'), id('FLOOR1.2'))), 0::bigint, 'one that waits has not ended');

-- leaving
SELECT is(queue_leave(:sale, 'FLOOR', 1, 2, buyer('b'), id('FLOOR1.2')), NULL, 'a place is given up');
SELECT is(queue_leave(:sale, 'FLOOR', 1, 2, buyer('b'), id('FLOOR1.2')), NULL, 'again');
SELECT is(failure(format('SELECT queue_leave(%s, %L, 1, 2, %L, NULL)', :sale, 'NONE', buyer('b'))), 'HF104', 'of a line that there is');
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{b:1.2*1}'), 'b left', 'and is not served any more');
SELECT is(queue_leave(:sale, 'FLOOR', 1, 3, buyer('c'), id('FLOOR1.3')), id('FLOOR1.3'),
  'one that was served is told with its booking');
SELECT is(queue_leave(:sale, 'BALCONY', 1, 1, buyer('l'), id('BALCONY1.1')), NULL, 'one that was refused has none');

-- lines of which nothing is known here any more, as after a recovery to a moment before they began
SAVEPOINT recovered;
SELECT event(10, 5, 8) AS lost \gset
CREATE FUNCTION pg_temp.epochs(p_event integer) RETURNS text
LANGUAGE sql AS $$ SELECT string_agg(line || ' ' || epoch, ', ' ORDER BY line) FROM holdfast.queue_lines WHERE event_id = p_event $$;
SELECT is(pg_temp.serve(:lost, 'FLOOR', '{a:3.1*1,b:2.1*1}'), 'a reserved FLOOR*1; b reserved FLOOR*1', 'are served');
SELECT is(queue_leave(:lost, 'VIP', 2, 1, buyer('b'), NULL), NULL, 'and left');
SELECT is(pg_temp.serve(:lost, 'FLOOR', '{c:4.1*4}'), 'c full', 'but for whom nothing is done');
SELECT is(pg_temp.epochs(:lost), 'FLOOR 3, VIP 2', 'and are known again');
SELECT is(queue_leave(:lost, 'FLOOR', 5, 1, buyer('c'), NULL), NULL, 'so is an epoch of a line');
SELECT is(pg_temp.serve(:lost, 'FLOOR', '{d:4.1*1}'), 'd reserved FLOOR*1', 'which none is taken for that came before it');
SELECT is(pg_temp.epochs(:lost), 'FLOOR 5, VIP 2', 'nor does it go back');
SELECT is(failure(format('SELECT queue_leave(2000000000, %L, 1, 2, %L, NULL)', '', buyer('b'))), 'HF104', 'nothing is a line of no event');
ROLLBACK TO recovered;

-- what stays as it is
SELECT throws_ok($$UPDATE queue_tickets SET outcome = 'left' WHERE outcome = 'refused'$$, '23514', NULL, 'an end is an end');
SELECT throws_ok('DELETE FROM queue_tickets', '23514', NULL, 'and stays');
SELECT throws_ok('TRUNCATE queue_tickets', '23514', NULL, 'all of them');
SELECT throws_ok(format($$INSERT INTO queue_tickets (event_id, line, epoch, number, user_id, outcome, booking_id)
  VALUES (%s, 'FLOOR', 1, 99, %L, 'reserved', %L)$$, :sale, buyer('q'), id('FLOOR1.3')), '23505', NULL,
  'a booking is one ticket''s');
SELECT throws_ok(format($$INSERT INTO queue_tickets (event_id, line, epoch, number, user_id, outcome)
  VALUES (%s, 'FLOOR', 1, 99, %L, 'reserved')$$, :sale, buyer('q')), '23514', NULL, 'who is served has one');
SELECT throws_ok(format($$INSERT INTO queue_lines (event_id, line) VALUES (%s, 'a b')$$, :sale), '23514', NULL,
  'a line is named as a section is');

-- lines to be moved on
SELECT set_eq(format('SELECT line FROM queue_open_lines(%s - 1, '''', 10)', :sale), ARRAY['BALCONY', 'FLOOR', 'VIP'], 'open lines');
SELECT is((SELECT string_agg(line, ' ') FROM queue_open_lines(:sale, 'BALCONY', 1)), 'FLOOR', 'a page of them');
UPDATE events SET status = 'closed' WHERE event_id = :sale;
SELECT is((SELECT count(*) FROM queue_open_lines(:sale - 1, '', 10)), 0::bigint, 'none of an event that is not on sale');

-- what is left for those who stand in line, where the line itself cannot be asked
UPDATE events SET status = 'on_sale' WHERE event_id = :sale;
CREATE FUNCTION pg_temp.direct(p_seats text[], p_sections text[], p_buyer text DEFAULT 'direct', p_line boolean DEFAULT true,
  p_lines text[] DEFAULT '{}')
RETURNS text
LANGUAGE sql AS $$
  SELECT outcome FROM holdfast.hold((SELECT max(event_id) FROM holdfast.queue_lines), given.buyer(p_buyer), gen_random_uuid(), NULL, NULL,
    false, false, p_seats, p_sections, array_fill(1, ARRAY[cardinality(p_sections)]), 600, 10, 0, NULL, p_line, p_lines)
$$;
SELECT due(:sale, id('VIP5.3')) \gset _
SELECT is(pg_temp.direct(seats(3), '{}'), 'new', 'nobody waits');
SELECT is((SELECT kept_until FROM filter_event(:sale)), 0::bigint, 'nor by the word that the filter gets');
SELECT queue_mark(:sale, 'VIP', true) \gset _
SELECT ok((SELECT abs(kept_until - clock_ms - 60000) < 30000 FROM filter_event(:sale)), 'which tells for how long somebody does');
SELECT matches(failure(format('SELECT pg_temp.direct(%L, %L)', seats(4), '{}')), '^HF201 .*VIP-A-4', 'seats of a line are for those in it');
SELECT is(pg_temp.direct(seats(3), '{}'), 'same', 'one''s own are one''s own');
SELECT is(pg_temp.direct('{}', '{BALCONY}'), 'new', 'other sections are for all');
SELECT queue_mark(:sale, 'BALCONY', true) \gset _
SELECT is((SELECT kept_lines FROM filter_event(:sale)), 'BALCONY,VIP', 'of each line');
SELECT matches(failure(format('SELECT pg_temp.direct(%L, %L)', '{}', '{BALCONY}')), '^HF202 .*"available": 0', 'places likewise');
SELECT is(pg_temp.direct('{}', '{BALCONY}', p_line => false), 'new', 'but where the line was asked');
UPDATE queue_lines SET waits_until = now() WHERE event_id = :sale AND line = 'BALCONY';
SELECT is(pg_temp.direct('{}', '{BALCONY}'), 'new', 'after a minute without a word nobody waits');
SELECT matches(failure(format('SELECT pg_temp.direct(%L, %L, p_lines => %L)', '{}', '{BALCONY}', '{VIP,BALCONY}')), '^HF202 .*BALCONY',
  'but by the word of one who has asked the line');
SELECT is(pg_temp.direct('{}', '{BALCONY}', p_lines => '{FLOOR}'), 'new', 'which is about that line alone');
SELECT queue_mark(:sale, 'VIP', false) \gset _
SELECT is(pg_temp.direct(seats(4), '{}'), 'new', 'nor when that is told');
SELECT is((SELECT ROW(kept_until, kept_lines)::text FROM filter_event(:sale)), '(0,"")', 'to the filter too');

-- all places of a batch are claimed in one statement: the counter is locked no longer than that
CREATE TEMPORARY SEQUENCE statements;
CREATE FUNCTION pg_temp.count_statement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM nextval('pg_temp.statements');
  RETURN NULL;
END
$$;
CREATE TRIGGER counted AFTER INSERT ON ga_claims FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.count_statement();
SELECT event() AS batch \gset
SELECT queue_epoch(:batch, 'BALCONY', 0) \gset _
SELECT is(pg_temp.serve(:batch, 'BALCONY', '{ba:1.70*1,bb:1.71*1,bc:1.72*1}'),
  'ba reserved BALCONY*1; bb reserved BALCONY*1; bc reserved BALCONY*1', 'three of one batch');
SELECT is((SELECT last_value FROM pg_temp.statements), 1::bigint, 'and one statement');

-- the pass by which a place was come by is that of its booking
UPDATE events SET queue = 'on' WHERE event_id = :sale;
SELECT outcome FROM queue_serve(:sale, 'BALCONY', '{1}', '{90}', ARRAY[buyer('pa')], '{1}', ARRAY[id('pa')], 60, 0, 10, '{4711}') \gset _
SELECT is((SELECT pass FROM bookings WHERE booking_id = id('pa')), 4711::bigint, 'a booking has its pass');

-- what is old goes
SELECT is(queue_trim(1000), 0::bigint, 'nothing of an event that sells');
SAVEPOINT old;
INSERT INTO passes_spent (event_id, user_id, pass) VALUES (:sale, buyer('a'), 1);
UPDATE events SET sales_start = now() - interval '40 days', sales_end = now() - interval '31 days' WHERE event_id = :sale;
SELECT is(queue_trim(2), 3::bigint, 'a batch of tickets, and of passes');
SELECT isnt((SELECT count(*) FROM queue_tickets WHERE event_id = :sale), 0::bigint, 'not more');
SELECT queue_trim(1000) \gset _
SELECT is(NOT EXISTS (SELECT FROM queue_tickets WHERE event_id = :sale)
  AND NOT EXISTS (SELECT FROM passes_spent WHERE event_id = :sale), true, 'all of them');
-- Who was served before has been, should sales be put off after that.
UPDATE events SET queue = 'off', sales_end = now() + interval '1 hour' WHERE event_id = :sale;
UPDATE ga_counts SET capacity = 9 WHERE event_id = :sale AND section_no = 1;
SELECT is(pg_temp.serve(:sale, 'FLOOR', '{a:1.1*2,c:1.3*3,n:1.30*1}'), 'a again; c again; n reserved FLOOR*1',
  'a ticket whose row is gone is served with its booking');
SELECT is((SELECT ROW(outcome, booking_id = id('FLOOR1.1'), status)::text FROM queue_ticket(:sale, 'FLOOR', 1, 1, buyer('a'), id('FLOOR1.1'))),
  '(reserved,t,EXPIRED)', 'and has ended as it did');
SELECT is((SELECT count(*) FROM queue_ticket(:sale, 'FLOOR', 1, 1, buyer('a'), id('nowhere'))), 0::bigint, 'by that booking');
SELECT is(queue_leave(:sale, 'FLOOR', 1, 3, buyer('c'), id('FLOOR1.3')), id('FLOOR1.3'), 'which is what it leaves');
SELECT is((SELECT count(*) FROM queue_tickets WHERE event_id = :sale AND user_id = buyer('c')), 0::bigint, 'and nothing else');
ROLLBACK TO old;

-- the invariant
SELECT is((SELECT count(*) FROM audit_i9()), 0::bigint, 'every ticket is right');
SET session_replication_role = replica;
UPDATE bookings SET user_id = buyer('thief') WHERE booking_id = id('FLOOR1.3');
UPDATE queue_tickets SET booking_id = id('nowhere') WHERE booking_id = id('FLOOR1.4');
UPDATE queue_tickets SET epoch = 30 WHERE line = 'BALCONY' AND number = 1;
UPDATE queue_tickets SET user_id = buyer('h') WHERE booking_id = id('VIP5.6');
UPDATE bookings SET user_id = buyer('h') WHERE booking_id = id('VIP5.6');
SELECT results_eq('SELECT t FROM audit_i9() AS t ORDER BY t COLLATE "C"', ARRAY[
  format('event %s: ticket 1.3 of line FLOOR was served with booking %s, which is another user''s', :sale, id('FLOOR1.3')),
  format('event %s: ticket 1.4 of line FLOOR was served with booking %s, which is not there', :sale, id('nowhere')),
  format('event %s: ticket 30.1 of line BALCONY comes from an epoch that has not begun', :sale),
  format('event %s: user %s has 2 open places of line VIP', :sale, buyer('h'))], 'what breaks it is told');

SELECT * FROM finish();
ROLLBACK;
