-- event_update: seats that go and come back, capacities, due claims, versions, and who may.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(34);

CREATE FUNCTION pg_temp.change(p_event integer, p_in jsonb, p_versions integer[] DEFAULT NULL,
  p_user uuid DEFAULT given.buyer('organizer'), p_all boolean DEFAULT false) RETURNS jsonb
LANGUAGE sql AS $$
  SELECT ((event_update(p_event, p_user, p_all, p_versions, p_in, 600, 10, 0)).body)::jsonb
$$;
CREATE FUNCTION pg_temp.rows(VARIADIC p_ids text[]) RETURNS jsonb
LANGUAGE sql AS $$
  SELECT jsonb_build_object('sections', jsonb_build_array(jsonb_build_object('section_id', 'VIP',
    'capacity', cardinality(p_ids),
    'rows', jsonb_build_array(jsonb_build_object('row', 'A', 'seats', to_jsonb(p_ids))))))
$$;
CREATE FUNCTION pg_temp.floor(p_capacity integer) RETURNS jsonb
LANGUAGE sql AS $$
  SELECT jsonb_build_object('sections',
    jsonb_build_array(jsonb_build_object('section_id', 'FLOOR', 'capacity', p_capacity)))
$$;
CREATE FUNCTION pg_temp.due(p_event integer, p_booking uuid) RETURNS void
LANGUAGE sql AS $$
  UPDATE bookings SET expires_at = now() - interval '1 second'
    WHERE event_id = p_event AND booking_id = p_booking;
  UPDATE seat_claims SET expires_at = now() - interval '1 second'
    WHERE event_id = p_event AND booking_id = p_booking;
  UPDATE ga_claims SET expires_at = now() - interval '1 second'
    WHERE event_id = p_event AND booking_id = p_booking;
$$;

-- ---- seats -----------------------------------------------------------------------------------

SELECT given.event(4) AS event \gset
SELECT given.held(:event, 'anna', given.seats(1)) AS anna \gset
SELECT given.held(:event, 'bert', given.seats(2)) AS bert \gset
SELECT pg_temp.due(:event, :'bert');
SELECT throws_ok(format('SELECT pg_temp.change(%s, pg_temp.rows(%L, %L))', :event, 'VIP-A-3', 'VIP-A-4'),
  'HF220', NULL, 'a held seat does not go');
SELECT is(seat_states(:event), 'haaa', 'and nothing else went');
SELECT is((SELECT status FROM bookings WHERE booking_id = :'bert'), 'HOLD', 'nor was a booking ended');
SELECT is(pg_temp.change(:event, pg_temp.rows('VIP-A-4', 'VIP-A-1', 'new')) #> '{sections,0,capacity}',
  '3', 'a seat whose hold is over goes');
SELECT is(seat_states(:event), 'hxxaa', 'positions stay, a new one comes at the end');
SELECT is((SELECT status FROM bookings WHERE booking_id = :'bert'), 'EXPIRED', 'its booking has ended');
SELECT is((SELECT array_agg(seat_id ORDER BY adjacency) FROM seats
    WHERE event_id = :event AND seat_id = ANY ('{VIP-A-4,VIP-A-1,new}')), '{VIP-A-4,VIP-A-1,new}',
  'neighbours are as the new layout has them');
SELECT is((SELECT array_agg(expires_at) FROM seat_claims WHERE event_id = :event AND state = 'x'),
  '{infinity,infinity}', 'what is killed stays so');
SELECT throws_ok(format('SELECT given.held(%s, %L, given.seats(3))', :event, 'carl'), 'HF201', NULL,
  'and cannot be held');
SELECT pg_temp.change(:event, pg_temp.rows('VIP-A-1', 'VIP-A-2', 'VIP-A-3', 'VIP-A-4')) \g /dev/null
SELECT is(seat_states(:event), 'haaax', 'they come back as they were');
SELECT lives_ok(format('SELECT given.held(%s, %L, given.seats(2, 3))', :event, 'carl'), 'and are held');
SELECT is((SELECT ROW(seats_count, layout_version, version)::text FROM events WHERE event_id = :event),
  '(5,3,3)', 'the layout has a version of its own');
SELECT is((SELECT sum(capacity) FROM section_counts(:event) WHERE section_id = 'VIP'), 4::bigint,
  'the capacity is what is for sale');

-- ---- general admission -----------------------------------------------------------------------

SELECT given.event(1, 5) AS event \gset
SELECT given.held(:event, 'anna', '{}', '{FLOOR}', '{2}') AS anna \gset
SELECT given.held(:event, 'bert', '{}', '{FLOOR}', '{3}') AS bert \gset
SELECT tag AS map_tag FROM event_layout(:event, NULL, false) \gset
SELECT throws_ok(format('SELECT pg_temp.change(%s, pg_temp.floor(4))', :event), 'HF220', NULL,
  'not below what is taken');
SELECT pg_temp.due(:event, :'bert');
SELECT throws_ok(format('SELECT pg_temp.change(%s, pg_temp.floor(1))', :event), 'HF220', NULL,
  'nor below what would be');
SELECT is((SELECT status FROM bookings WHERE booking_id = :'bert'), 'HOLD', 'and nothing was given back');
SELECT is(pg_temp.change(:event, pg_temp.floor(2)) #> '{sections,1,available}', '0',
  'due claims are given back first');
SELECT is((SELECT ROW(capacity, taken)::text FROM ga_counts WHERE event_id = :event AND section_no = 1),
  '(2,2)', 'the counter says so');
SELECT is((SELECT status FROM bookings WHERE booking_id = :'bert'), 'EXPIRED', 'and the booking has ended');
SELECT is((SELECT layout_version FROM events WHERE event_id = :event), 1, 'no seat has moved');
SELECT isnt((SELECT tag FROM event_layout(:event, NULL, false)), :'map_tag', 'but a map shows another capacity');

-- ---- money that a provider can take ------------------------------------------------------------

CREATE FUNCTION pg_temp.refusal(p_event integer, p_in jsonb) RETURNS text
LANGUAGE sql AS $$
  SELECT substring(failure(format('SELECT pg_temp.change(%s, %L)', p_event, p_in)) FROM '"pointer": "([^"]*)"')
$$;
SELECT given.event(4) AS dear \gset
UPDATE events SET currency = 'MGA' WHERE event_id = :dear;
SELECT is(pg_temp.refusal(:dear, '{"payment": "stripe"}'), '/payment', 'not of a currency that it counts otherwise');
UPDATE events SET currency = 'KWD' WHERE event_id = :dear;
UPDATE seats SET price = 1005 WHERE event_id = :dear AND position = 3;
SELECT is(pg_temp.refusal(:dear, '{"payment": "stripe"}'), '/payment', 'nor where a seat has a price that it cannot take');
UPDATE seats SET price = NULL WHERE event_id = :dear AND position = 3;
SELECT is(pg_temp.refusal(:dear, '{"payment": "stripe"}'), NULL, 'else it may be');
UPDATE events SET payment = 'stripe' WHERE event_id = :dear;
SELECT is(pg_temp.refusal(:dear, '{"sections": [{"section_id": "FLOOR", "base_price": 1005}]}'), '/sections',
  'nor can such a price be made');
SELECT is(pg_temp.refusal(:dear, '{"pricing": {"enabled": true, "round_to": 5}}'), '/pricing/round_to', 'nor a rule for such');
SELECT is(pg_temp.refusal(:dear, '{"title": "Another"}'), NULL, 'what has nothing to do with it is not held up');
SELECT is(pg_temp.refusal(:dear, '{"payment": "none", "sections": [{"section_id": "FLOOR", "base_price": 1005}]}'), NULL,
  'nor an event whose money no provider takes');

-- ---- versions, and who may -------------------------------------------------------------------

SELECT throws_ok(format('SELECT pg_temp.change(%s, %L, %L)', :event, '{}', '{1,3}'), 'HF221', NULL,
  'of another version');
SELECT throws_ok(format('SELECT pg_temp.change(%s, %L, %L)', :event, '{}', '{}'), 'HF221', NULL,
  'of none');
SELECT is(pg_temp.change(:event, '{}', '{1,2}') -> 'version', '3', 'of the right one');
INSERT INTO users (user_id, email, password_hash, role)
  VALUES (given.buyer('other'), 'other@example.test', '$y$j9T$not.a.hash.of.any.password', 'organizer');
SELECT throws_ok(format('SELECT pg_temp.change(%s, %L, NULL, given.buyer(%L))', :event, '{}', 'other'),
  'HF104', NULL, 'an event of others is none');
UPDATE users SET role = 'admin' WHERE user_id = given.buyer('other');
SELECT lives_ok(format('SELECT pg_temp.change(%s, %L, NULL, given.buyer(%L), true)', :event, '{}', 'other'),
  'but for admins');
UPDATE users SET disabled_at = now() WHERE user_id = given.buyer('other');
SELECT throws_ok(format('SELECT pg_temp.change(%s, %L, NULL, given.buyer(%L), true)', :event, '{}', 'other'),
  'HF103', NULL, 'as long as their account is in force');

SELECT finish();
