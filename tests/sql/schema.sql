-- What the tables refuse, whoever asks: tried as the owner of everything. The functions never come to
-- these walls; they are there for the day when somebody does by hand what they should not.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(207);

SELECT event() AS event \gset
SELECT held(:event, 'anna', seats(1,2), '{FLOOR}', '{2}') AS a \gset

-- ---- keys: whatever is hot is keyed by its event --------------------------------------------------

SELECT is((SELECT (SELECT a.attname FROM pg_attribute a
      WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0])::text
    FROM pg_index i WHERE i.indrelid = t::regclass AND i.indisprimary), 'event_id',
    t || ': the event leads the primary key')
  FROM unnest('{bookings,seat_claims,ga_claims,ga_counts,seats,sections,answers}'::text[]) AS t;
SELECT is((SELECT count(*) FROM pg_constraint c
    WHERE c.conrelid = t::regclass AND c.contype IN ('u', 'f') AND c.conkey[1] <> (
      SELECT attnum FROM pg_attribute WHERE attrelid = c.conrelid AND attname = 'event_id')), 0::bigint,
    t || ': and each of its other keys')
  FROM unnest('{bookings,seat_claims,ga_claims,ga_counts,seats,sections,answers}'::text[]) AS t;

-- ---- a seat in two live bookings ---------------------------------------------------------------

SELECT throws_ok(format($$INSERT INTO seat_claims VALUES (%s, 0, %L, 'h', now() + interval '1 hour')$$,
  :event, id('second')), '23505', NULL, 'a seat has one claim');
SELECT throws_ok(format($$INSERT INTO ga_claims VALUES (%s, 1, %L, 1, 'h', now() + interval '1 hour')$$,
  :event, :'a'), '23505', NULL, 'a booking has one claim of a section');

-- ---- claims ----------------------------------------------------------------------------------

SELECT throws_ok(format('UPDATE seat_claims SET %s WHERE event_id = %s', change, :event), '23514', NULL,
    'a seat claim cannot be: ' || change)
  FROM unnest(ARRAY[
    $$state = 'a'$$, $$state = 'b'$$, $$state = 'x', booking_id = NULL$$,
    $$expires_at = 'infinity'$$, $$state = 'x', expires_at = 'infinity'$$,
    $$booking_id = NULL$$, $$state = 'b', expires_at = now() + interval '1 year'$$]) AS change;
SELECT throws_ok(format('UPDATE ga_claims SET %s WHERE event_id = %s', change, :event), '23514', NULL,
    'a claim of places cannot be: ' || change)
  FROM unnest(ARRAY[$$state = 'a'$$, $$state = 'x', expires_at = 'infinity'$$, $$state = 'b'$$,
    $$expires_at = 'infinity'$$, $$quantity = 0$$, $$quantity = -1$$]) AS change;
SELECT throws_ok(format('UPDATE %s SET %s = NULL WHERE event_id = %s', t, c, :event), '23502', NULL,
    format('%s.%s is never null', t, c))
  FROM (VALUES ('seat_claims', 'state'), ('seat_claims', 'expires_at'), ('ga_claims', 'state'),
    ('ga_claims', 'expires_at'), ('ga_claims', 'quantity'), ('ga_claims', 'booking_id'),
    ('bookings', 'status'), ('bookings', 'expires_at'), ('bookings', 'places')) AS v (t, c);

-- ---- the count of a section ------------------------------------------------------------------

SELECT throws_ok(format('UPDATE ga_counts SET taken = %s WHERE event_id = %s AND section_no = 1', n,
    :event), '23514', NULL, 'no hand changes the count, to ' || n)
  FROM unnest('{-1,0,1,2,3,6}'::int[]) AS n;
SELECT throws_ok(format('UPDATE ga_counts SET capacity = 1 WHERE event_id = %s AND section_no = 1',
  :event), '23514', NULL, 'a capacity is not less than what is taken');
SELECT lives_ok(format('UPDATE ga_counts SET capacity = 2 WHERE event_id = %s AND section_no = 1',
  :event), 'but may be just that');
SELECT throws_ok(format($$INSERT INTO ga_claims VALUES (%s, 1, %L, 1, 'h', now())$$, :event,
  id('more')), 'HF290', NULL, 'a claim does not go beyond it');
SELECT throws_ok(format('UPDATE ga_claims SET quantity = 3 WHERE event_id = %s', :event), '23514', NULL,
  'nor does a claim that grows');
SELECT throws_ok(format('UPDATE ga_claims SET section_no = 2, quantity = 4 WHERE event_id = %s',
  :event), '23514', NULL, 'nor one that moves to another section');
SELECT throws_ok(format('UPDATE ga_claims SET section_no = 2 WHERE event_id = %s', :event),
  '23514', NULL, 'even where it fits');
SELECT throws_ok(format('UPDATE ga_claims SET booking_id = gen_random_uuid() WHERE event_id = %s',
  :event), '23514', NULL, 'or to another booking');
SELECT lives_ok(format('UPDATE ga_claims SET quantity = 1 WHERE event_id = %s', :event), 'one that shrinks');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{1,0}', 'moves the count');
SELECT lives_ok(format('UPDATE ga_claims SET quantity = 2 WHERE event_id = %s', :event), 'and back');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{2,0}', 'likewise');
SELECT throws_ok(format('DELETE FROM ga_counts WHERE event_id = %s AND section_no = 1', :event),
  '23514', NULL, 'a count is not removed under its claims');
SELECT throws_ok(format('UPDATE ga_counts SET section_no = 0 WHERE event_id = %s AND section_no = 1',
  :event), '23514', NULL, 'nor moved to another section');
SELECT throws_ok(format('INSERT INTO ga_counts VALUES (%s, 0, 10, 4)', :event), '23514', NULL,
  'nor begun with places taken');
SELECT throws_ok(format('INSERT INTO ga_counts VALUES (%s, 9, 10, 0)', :event), '23503', NULL,
  'nor for a section that is not there');
SELECT throws_ok('TRUNCATE ga_claims', '23514', NULL, 'claims are not emptied past the count');
SELECT throws_ok('TRUNCATE ga_counts', '23514', NULL, 'nor the counts');
SELECT lives_ok(format('DELETE FROM ga_claims WHERE event_id = %s', :event), 'a claim that goes');
SELECT is(taken(:event, 1), 0, 'takes its places from the count');
-- many at once, of several sections
SELECT count(held(:event, 'x' || i, '{}', '{FLOOR,BALCONY}', '{1,1}'))
  FROM generate_series(1, 2) AS i \gset _
SELECT lives_ok(format('UPDATE ga_claims SET quantity = quantity WHERE event_id = %s', :event),
  'claims that do not change');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{2,2}', 'move no count');
SELECT lives_ok(format('DELETE FROM ga_claims WHERE event_id = %s', :event), 'many that go');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{0,0}', 'all count');

-- ---- moves of a booking: every pair that is not in the table ----------------------------------------

CREATE FUNCTION pg_temp.jump(p_from text, p_to text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_event   integer := (SELECT min(event_id) FROM holdfast.events);
  v_booking uuid := gen_random_uuid();
  v_state   text;
BEGIN
  BEGIN
    INSERT INTO holdfast.bookings (event_id, booking_id, user_id, places, positions, seat_prices,
        section_nos, quantities, section_prices, total, currency, first_expires_at, expires_at,
        confirmed_at)
      VALUES (v_event, v_booking, given.buyer('anna'), 1, '{1}', '{1}', '{}', '{}', '{}', 1, 'EUR',
        now(), now(), now());
    -- whatever it takes to come to that state
    SET LOCAL session_replication_role = replica;
    UPDATE holdfast.bookings SET status = p_from WHERE booking_id = v_booking;
    SET LOCAL session_replication_role = origin;
    UPDATE holdfast.bookings SET status = p_to WHERE booking_id = v_booking;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
  EXCEPTION WHEN OTHERS THEN
    v_state := SQLSTATE;
  END;
  RETURN CASE v_state WHEN 'ZZ000' THEN 'moved' ELSE v_state END;
END
$$;
CREATE TEMPORARY TABLE allowed (move text);
INSERT INTO allowed VALUES
  ('HOLD RESERVED'), ('HOLD CONFIRMED'), ('HOLD EXPIRED'), ('HOLD RELEASED'), ('RESERVED HOLD'),
  ('RESERVED CONFIRMED'), ('RESERVED EXPIRED'), ('RESERVED RELEASED'), ('CONFIRMED CANCELLED'),
  ('CANCELLED REFUNDED'), ('EXPIRED CONFIRMED'), ('RELEASED CONFIRMED'),
  ('EXPIRED PAID_UNFULFILLED'), ('RELEASED PAID_UNFULFILLED'), ('PAID_UNFULFILLED REFUNDED');
SELECT is(pg_temp.jump(f.status, t.status),
    CASE WHEN f.status || ' ' || t.status IN (SELECT move FROM allowed) THEN 'moved' ELSE 'HF206' END,
    f.status || ' to ' || t.status)
  FROM booking_states f, booking_states t WHERE f.status <> t.status ORDER BY f.status, t.status;
SELECT throws_ok(format($$UPDATE bookings SET status = 'SOLD' WHERE booking_id = %L$$, :'a'), 'HF206',
  NULL, 'nor to what is no state');
SELECT results_eq($$SELECT status FROM booking_states WHERE live ORDER BY 1$$,
  $$VALUES ('CONFIRMED'), ('HOLD'), ('RESERVED')$$, 'three states hold places');

-- ---- bookings --------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.insert(p_change text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v jsonb := jsonb_build_object('event_id', (SELECT min(event_id) FROM holdfast.events),
    'booking_id', gen_random_uuid(), 'user_id', given.buyer('anna'), 'status', 'HOLD', 'version', 1,
    'places', 1, 'positions', '{5}'::int[], 'seat_prices', '{1}'::bigint[],
    'section_nos', '{}'::int[], 'quantities', '{}'::int[], 'section_prices', '{}'::bigint[],
    'gone_positions', '{}'::int[], 'total', 1, 'currency', 'EUR', 'created_at', now(),
    'first_expires_at', now(), 'expires_at', now());
BEGIN
  INSERT INTO holdfast.bookings
    SELECT (jsonb_populate_record(NULL::holdfast.bookings, v || p_change::jsonb)).*;
  RETURN 'in';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.insert(change), state, 'a booking with ' || change)
  FROM (VALUES
    ('{}', 'in'),
    ('{"positions": [], "seat_prices": []}', '23514'),
    ('{"positions": [1, 2]}', '23514'),
    ('{"seat_prices": []}', '23514'),
    ('{"positions": null}', '23502'),
    ('{"section_nos": [1], "quantities": [], "section_prices": [1]}', '23514'),
    ('{"section_nos": [1], "quantities": [1], "section_prices": []}', '23514'),
    ('{"section_nos": [1], "quantities": [0], "section_prices": [1]}', '23514'),
    ('{"section_nos": [1], "quantities": [-1], "section_prices": [1]}', '23514'),
    ('{"section_nos": [1], "quantities": [2], "section_prices": [1]}', 'in'),
    ('{"section_nos": [1], "quantities": [2], "section_prices": [1], "gone_quantities": [1, 1]}',
      '23514'),
    ('{"total": -1}', '23514'),
    ('{"total": null}', '23502'),
    ('{"places": -1}', '23514'),
    ('{"version": 0}', '23514'),
    ('{"status": "CONFIRMED", "confirmed_at": "2026-01-01Z"}', '23514'),
    ('{"status": "EXPIRED"}', '23514'),
    ('{"status": "RESERVED"}', '23514'),
    ('{"key": "k"}', '23514'),
    ('{"fingerprint": "f"}', '23514'),
    ('{"key": "", "fingerprint": "f"}', '23514'),
    ('{"key": "k", "fingerprint": "f"}', 'in'),
    ('{"user_id": null}', '23502'),
    ('{"expires_at": null}', '23502')) AS v (change, state);
SELECT is(pg_temp.insert(jsonb_build_object('key', repeat('k', 256), 'fingerprint', 'f')::text), '23514',
  'a key of 256 characters');
SELECT is(pg_temp.insert(jsonb_build_object('booking_id', :'a')::text), '23505', 'an id twice');

SELECT throws_ok(format('UPDATE bookings SET %s WHERE booking_id = %L', change, :'a'), '23514', NULL,
    'the items of a booking never change: ' || change)
  FROM unnest(ARRAY['positions = ''{7}''', 'seat_prices = ''{1,1}''', 'section_nos = ''{2}''',
    'quantities = ''{1}''', 'section_prices = ''{0}''', 'total = 0', 'currency = ''USD''',
    'created_at = now()', 'first_expires_at = now()', 'key = ''k'', fingerprint = ''f''',
    'user_id = gen_random_uuid()', 'booking_id = gen_random_uuid()', 'event_id = 0']) AS change;
SELECT throws_ok(format('DELETE FROM bookings WHERE booking_id = %L', :'a'), '23514', NULL,
  'a booking is never deleted');
SELECT throws_ok('TRUNCATE bookings', '23514', NULL, 'nor all of them');
SELECT throws_ok(format($$UPDATE bookings SET status = 'CONFIRMED' WHERE booking_id = %L$$, :'a'),
  '23514', NULL, 'CONFIRMED has its moment');
SELECT throws_ok(format($$UPDATE bookings SET cancel_reason = repeat('x', 501) WHERE booking_id = %L$$,
  :'a'), '23514', NULL, 'a reason is short');

-- ---- answers ---------------------------------------------------------------------------------

SELECT throws_ok(format($$INSERT INTO answers VALUES (%s, %L, 'confirm', %s, 'f', %s, %s, %s)$$,
    :event, buyer('anna'), key, status, booking, body), state, NULL, about)
  FROM (VALUES
    ('''k''', '200', 'NULL', 'NULL', '23514', 'an answer answers something'),
    ('''k''', '409', 'NULL', '''{}''', '23514', 'only what went well is kept'),
    ('''''', '200', 'NULL', '''{}''', '23514', 'no empty key'),
    ('repeat(''k'', 256)', '200', 'NULL', '''{}''', '23514', 'no long key'),
    ('NULL', '200', 'NULL', '''{}''', '23502', 'no answer without a key'))
    AS v (key, status, booking, body, state, about);
SELECT lives_ok(format($$INSERT INTO answers VALUES (%s, %L, 'confirm', 'k', 'f', 200, NULL, '{}')$$,
  :event, buyer('anna')), 'one answer a key');
SELECT throws_ok(format($$INSERT INTO answers VALUES (%s, %L, 'confirm', 'k', 'g', 200, NULL, '{}')$$,
  :event, buyer('anna')), '23505', NULL, 'and no second');
SELECT lives_ok(format($$INSERT INTO answers VALUES (%s, %L, 'cancel', 'k', 'g', 200, NULL, '{}')$$,
  :event, buyer('anna')), 'another operation has its own keys');

-- ---- seats, sections, events -------------------------------------------------------------------

SELECT throws_ok(format('UPDATE seats SET %s WHERE event_id = %s AND position = 0', change, :event),
    '23514', NULL, 'a seat stays what it is: ' || change)
  FROM unnest(ARRAY['position = 99', 'seat_id = ''other''', 'section_no = 1', 'event_id = 0']) AS change;
SELECT lives_ok(format('UPDATE seats SET price = 7, label = ''1a'' WHERE event_id = %s', :event),
  'its price and its label may change');
SELECT throws_ok(format($$INSERT INTO seats VALUES (%s, 50, 'VIP-A-1', 0, 'A', '1', 1)$$, :event),
  '23505', NULL, 'a seat id is unique in its event');
SELECT throws_ok(format($$INSERT INTO seats VALUES (%s, 0, 'VIP-A-50', 0, 'A', '1', 1)$$, :event),
  '23505', NULL, 'and so is a position');
SELECT throws_ok(format($$INSERT INTO seats VALUES (%s, -1, 'VIP-A-50', 0, 'A', '1', 1)$$, :event),
  '23514', NULL, 'positions begin at 0');
SELECT throws_ok(format($$INSERT INTO seats VALUES (%s, 50, 'VIP-A-50', 9, 'A', '1', 1)$$, :event),
  '23503', NULL, 'a seat lies in a section');
SELECT throws_ok(format($$INSERT INTO sections VALUES (%s, 7, %L, 'n', 'ga', %s)$$, :event, id, n),
    state, NULL, format('a section %s of %s places', id, n))
  FROM (VALUES ('VIP', 1, '23505'), ('A B', 1, '23514'), ('', 1, '23514'), ('X', -1, '23514'),
    ('X', 1000001, '23514')) AS v (id, n, state);
SELECT throws_ok(format('UPDATE sections SET price = -1 WHERE event_id = %s', :event), '23514', NULL,
  'no price is negative');

SELECT event() AS gone \gset
UPDATE events SET status = 'cancelled' WHERE event_id = :gone;
SELECT is(failure(format('UPDATE events SET status = %L WHERE event_id = %s', t, :gone)),
    'HF206 {"status": "cancelled"}', 'a cancelled event does not become ' || t)
  FROM unnest('{draft,on_sale,closed}'::text[]) AS t;
SELECT is(failure(format($$UPDATE events SET status = 'draft' WHERE event_id = %s$$, :event)),
  'HF206 {"status": "on_sale"}', 'an event on sale does not become a draft');
SELECT lives_ok(format($$UPDATE events SET status = 'closed' WHERE event_id = %s$$, :event),
  'a sale is closed');
SELECT lives_ok(format($$UPDATE events SET status = 'on_sale' WHERE event_id = %s$$, :event),
  'and opened again');
SELECT throws_ok(format('UPDATE events SET %s WHERE event_id = %s', change, :event), '23514', NULL,
    'an event cannot have ' || change)
  FROM unnest(ARRAY['currency = ''eur''', 'hold_seconds = 0', 'max_seats_per_booking = 0',
    'max_seats_per_user = 0', 'sales_start = sales_end + interval ''1 second''', 'title = ''''',
    'payment = ''cash''', 'queue = ''maybe''', 'version = 0', 'seats_count = -1']) AS change;

SELECT * FROM finish();
ROLLBACK;
