-- The audit of the invariants: silent on sound books, and naming each kind of break when it is planted
-- (by a superuser past all triggers: nobody else could).
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(62);

SELECT users('anna', 'berta', 'carl', 'dora', 'emil', 'fred', 'gerd') \gset _
SELECT event(12, 20, 20) AS event \gset
SELECT event(3, 4, 4) AS other \gset
-- books in which everything has happened
SELECT hold(:event, 'anna', seats(1,2), '{FLOOR,BALCONY}', '{2,1}', p_key => 'hold') \gset _
SELECT held(:event, 'anna', seats(3)) AS res \gset
SELECT reserve(:event, :'res', 'anna') \gset _
SELECT hold(:event, 'berta', seats(4,5,6), '{FLOOR,BALCONY}', '{3,2}', p_key => 'sold') \gset _
SELECT confirm(:event, id('sold'), 'berta', 'ck') \gset _
SELECT cancel(:event, id('sold'), 'berta', seats(5), '{FLOOR}', '{1}', 'pk') \gset _
SELECT confirmed(:event, 'carl', seats(7), '{FLOOR}', '{1}') AS gone \gset
SELECT cancel(:event, :'gone', 'carl', p_key => 'xk') \gset _
SELECT held(:event, 'dora', seats(8), '{BALCONY}', '{1}') AS back \gset
SELECT release(:event, :'back', 'dora', 'rk') \gset _
SELECT held(:event, 'emil', seats(9,10), '{FLOOR}', '{1}') AS due \gset
SELECT due(:event, :'due') \gset _
SELECT held(:event, 'fred', seats(9)) AS taker \gset
SELECT held(:event, 'gerd', seats(11), '{BALCONY}', '{1}') AS late \gset
SELECT due(:event, :'late') \gset _
INSERT INTO seat_claims VALUES (:event, 11, NULL, 'x', 'infinity');
UPDATE sections SET capacity = 11 WHERE event_id = :event AND section_no = 0;

SELECT results_eq('SELECT invariant, failures, first FROM audit() ORDER BY 1',
  $$SELECT 'I' || i, 0::bigint, NULL::text FROM generate_series(1, 6) AS i$$,
  'sound books, with due claims under ended bookings among them');
SELECT is((SELECT string_agg(checked, ', ' ORDER BY invariant) FROM audit()),
  '8 bookings, 14 claims, 6 sections, 4 kept answers, 2 keys of bookings, 8 bookings, 14 claims, '
  || '1 confirmed bookings', 'what was looked at is counted');

-- What the audit says when this is done to the books. It is undone again.
CREATE FUNCTION pg_temp.planted(p_sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_said text;
BEGIN
  BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE p_sql;
    SELECT string_agg(invariant || ' ' || failures || ' ' || first, E'\n' ORDER BY invariant) INTO v_said
      FROM holdfast.audit() WHERE failures > 0;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
  EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    SET LOCAL session_replication_role = origin;
  END;
  RETURN coalesce(v_said, 'nothing');
END
$$;
CREATE TEMPORARY TABLE plants (at serial, about text, expected text, sql text);
INSERT INTO plants (about, expected, sql) VALUES
  ('a hold without its seat claim', '^I1 1 event E: booking HOLD is HOLD and lacks its claim of seat 0$',
    'DELETE FROM seat_claims WHERE event_id = E AND position = 0'),
  ('a hold without its claim of places',
    '^I1 1 event E: booking HOLD is HOLD and lacks its claim of ga 2\nI2 1 event E: section 2 says 4 taken, its claims are 3$',
    'DELETE FROM ga_claims WHERE event_id = E AND section_no = 2 AND booking_id = ''HOLD'''),
  ('a confirmed booking without a claim', '^I1 1 .* CONFIRMED and lacks .* seat 3\nI6 1 .*has not seat 3 for good$',
    'DELETE FROM seat_claims WHERE event_id = E AND position = 3'),
  ('a hold past its deadline without a claim: takeovers close it', '^I1 1 .*is HOLD and lacks',
    'DELETE FROM seat_claims WHERE booking_id = ''LATE'''),
  ('a seat of a hold that another has', '^I1 2 event E: booking HOLD is HOLD and lacks its claim of seat 0$',
    'UPDATE seat_claims SET booking_id = ''SOLD'' WHERE event_id = E AND position = 0'),
  ('a seat in two live bookings, one claim', '^I1 2 .*(lacks|stands in 2 live bookings)',
    'UPDATE bookings SET positions = ''{0}'' WHERE booking_id = ''RES'';
     DELETE FROM seat_claims WHERE booking_id = ''RES'''),
  ('a claim held under a confirmed booking', '^I1 1 .*has state h, quantity 1\nI6 1 ',
    'UPDATE seat_claims SET state = ''h'', expires_at = now() + interval ''1 hour''
      WHERE event_id = E AND position = 3'),
  ('a claim booked under a hold', '^I1 1 .* is HOLD and its claim of seat 0 has state b, quantity 1\nI5 1 ',
    'UPDATE seat_claims SET state = ''b'', expires_at = ''infinity'' WHERE event_id = E AND position = 0'),
  ('a claim held under a reservation', '^I1 1 .* is RESERVED and its claim of seat 2 has state h',
    'UPDATE seat_claims SET state = ''h'' WHERE event_id = E AND position = 2'),
  ('places that are not those of the booking', '^I1 1 .*claim of ga 1 has state h, quantity 3\nI2 1 ',
    'UPDATE ga_claims SET quantity = 3 WHERE booking_id = ''HOLD'' AND section_no = 1'),
  ('a claim of no booking', '^I1 1 event E: seat 10 is claimed for booking [0-9a-f-]+, which is nowhere$',
    'INSERT INTO seat_claims VALUES (E, 10, gen_random_uuid(), ''h'', now())
      ON CONFLICT (event_id, position) DO UPDATE SET booking_id = excluded.booking_id;
     UPDATE bookings SET status = ''EXPIRED'', ended_at = now() WHERE booking_id = ''LATE'''),
  ('a live claim of an ended booking', '^I1 1 event E: seat 9 is claimed for booking DUE, which is EXPIRED$',
    'UPDATE seat_claims SET expires_at = now() + interval ''1 second'' WHERE booking_id = ''DUE'''),
  ('a booked claim of an ended booking', '^I1 1 .*seat 9 is claimed for booking DUE, which is EXPIRED$',
    'UPDATE seat_claims SET state = ''b'', expires_at = ''infinity'' WHERE booking_id = ''DUE'''),
  ('a claim of what a booking has given back', '^I1 1 .*seat 4 .*booking SOLD, which has no such item standing$',
    'INSERT INTO seat_claims VALUES (E, 4, ''SOLD'', ''b'', ''infinity'')'),
  ('a claim of what a booking never had', '^I1 1 .*seat 7 .*booking HOLD, which has no such item standing$',
    'INSERT INTO seat_claims VALUES (E, 7, ''HOLD'', ''h'', now() + interval ''1 hour'')'),
  ('a claim in another event', '^I1 2 event ',
    'UPDATE seat_claims SET event_id = OTHER WHERE event_id = E AND position = 0'),
  ('a claim of no seat', '^I1 1 event E: position 40 is claimed and is no seat$',
    'INSERT INTO seat_claims VALUES (E, 40, NULL, ''x'', ''infinity'')'),
  ('places that do not add up', '^I1 1 event E: the items of booking HOLD do not add up$',
    'UPDATE bookings SET places = 4 WHERE booking_id = ''HOLD'''),
  ('a cancelled booking with places', '^I1 1 event E: the items of booking GONE do not add up$',
    'UPDATE bookings SET places = 2 WHERE booking_id = ''GONE'''),
  ('a total that does not add up', '^I1 1 event E: the items of booking HOLD do not add up$',
    'UPDATE bookings SET total = total + 1 WHERE booking_id = ''HOLD'''),
  ('a seat given back that was never held', '^I1 1 event E: the items of booking SOLD do not add up$',
    'UPDATE bookings SET gone_positions = gone_positions || 99 WHERE booking_id = ''SOLD'''),
  ('a seat twice in a booking', '^I1 [0-9]+ event E: ',
    'UPDATE bookings SET positions = ''{0,0}'' WHERE booking_id = ''HOLD'''),
  ('a seat that the event has not', '^I1 [0-9]+ event E: ',
    'DELETE FROM seat_claims WHERE booking_id = ''DUE'';
     UPDATE bookings SET positions = ''{8,77}'' WHERE booking_id = ''DUE'''),
  ('a numbered section as general admission', '^I1 [0-9]+ event E: ',
    'UPDATE bookings SET section_nos = ''{0}'' WHERE booking_id = ''DUE'';
     DELETE FROM ga_claims WHERE booking_id = ''DUE'';
     UPDATE ga_counts SET taken = taken - 1 WHERE event_id = E AND section_no = 1'),
  ('a booking of nobody', '^I1 1 booking GONE is of event E and user [0-9a-f-]+, one of which is not there$',
    'UPDATE bookings SET user_id = gen_random_uuid() WHERE booking_id = ''GONE'';
     DELETE FROM answers WHERE key = ''xk'''),
  ('a booking of no event', '^I1 [0-9]+ ',
    'UPDATE bookings SET event_id = 2000000000 WHERE booking_id = ''GONE'';
     DELETE FROM answers WHERE key = ''xk'''),
  ('a count that is too high', '^I2 1 event E: section 1 says 9 taken, its claims are 5$',
    'UPDATE ga_counts SET taken = 9 WHERE event_id = E AND section_no = 1'),
  ('a count that is too low', '^I2 1 event E: section 1 says 0 taken, its claims are 5$',
    'UPDATE ga_counts SET taken = 0 WHERE event_id = E AND section_no = 1'),
  ('more taken than there is', '^I2 2 event E: section 1 has 5 of 4 places taken$',
    'ALTER TABLE ga_counts DROP CONSTRAINT ga_counts_check;
     UPDATE ga_counts SET capacity = 4 WHERE event_id = E AND section_no = 1'),
  ('less than nothing taken', '^I2 2 ',
    'ALTER TABLE ga_counts DROP CONSTRAINT ga_counts_check;
     UPDATE ga_counts SET taken = -1 WHERE event_id = E AND section_no = 1'),
  ('two capacities', '^I2 1 event E: section FLOOR has capacity 21, counted as 20$',
    'UPDATE sections SET capacity = 21 WHERE event_id = E AND section_no = 1'),
  ('a section without its count', '^I2 1 event OTHER: section FLOOR has capacity 4, counted as nothing$',
    'DELETE FROM ga_counts WHERE event_id = OTHER AND section_no = 1'),
  ('numbered seats with a count', '^I2 1 event E: section VIP has numbered seats and a count$',
    'INSERT INTO ga_counts VALUES (E, 0, 5, 0)'),
  ('a capacity that is not the seats', '^I2 1 event E: section VIP has capacity 12 and 11 seats for sale$',
    'UPDATE sections SET capacity = 12 WHERE event_id = E AND section_no = 0'),
  ('positions that are not dense', '^I2 1 event OTHER: its 3 seats do not lie at the positions below 3$',
    'UPDATE seats SET position = 5 WHERE event_id = OTHER AND position = 2'),
  ('a seat more than the event knows', '^I2 2 ',
    'INSERT INTO seats VALUES (OTHER, 3, ''VIP-A-9'', 0, ''A'', ''9'', 9)'),
  ('an answer about a booking that is not there', '^I3 1 event E: the kept answer to cancel of booking [0-9a-f-]+ tells of what is not there: no such booking$',
    'UPDATE answers SET booking.booking_id = gen_random_uuid() WHERE key = ''xk'''),
  ('an answer about another''s booking', '^I3 1 .*: no such booking$',
    'UPDATE answers SET user_id = gen_random_uuid() WHERE key = ''xk'''),
  ('an answer from the future', '^I3 1 .*answer to cancel of booking GONE',
    'UPDATE answers SET booking.version = 99 WHERE key = ''xk'''),
  ('a release that was answered and is not', 'I3 1 .*answer to release of booking BACK tells of what is not there: HOLD$',
    'UPDATE bookings SET status = ''HOLD'', ended_at = NULL WHERE booking_id = ''BACK'''),
  ('a cancel that was answered and is not', 'I3 1 .*answer to cancel of booking GONE tells of what is not there: CONFIRMED',
    'UPDATE bookings SET status = ''CONFIRMED'', ended_at = NULL WHERE booking_id = ''GONE'''),
  ('a cancel of a part that is not', 'I3 1 .*answer to cancel of booking SOLD tells of what is not there: CONFIRMED',
    'UPDATE bookings SET gone_positions = ''{}'', gone_quantities = NULL WHERE booking_id = ''SOLD'''),
  ('one key, two bookings', '^I4 1 event E: user [0-9a-f-]+ has 2 bookings under one key, ',
    'UPDATE bookings SET key = ''hold'', fingerprint = ''f'', user_id = (SELECT user_id FROM bookings
      WHERE booking_id = ''HOLD'') WHERE booking_id = ''DUE'''),
  ('the same, of some time ago', '^nothing$',
    'UPDATE bookings SET key = ''hold'', fingerprint = ''f'', user_id = (SELECT user_id FROM bookings
      WHERE booking_id = ''HOLD'') WHERE booking_id = ''DUE'';
     UPDATE bookings SET created_at = now() - interval ''25 hours'''),
  ('confirmed at its deadline', '^I5 1 event E: booking SOLD was confirmed at ',
    'UPDATE bookings SET expires_at = confirmed_at WHERE booking_id = ''SOLD'''),
  ('confirmed and cancelled, after its deadline', '^I5 1 event E: booking GONE was confirmed at ',
    'UPDATE bookings SET expires_at = confirmed_at - interval ''1 second'' WHERE booking_id = ''GONE'''),
  ('a claim that outlives its hold', '^I5 1 event E: booking HOLD is HOLD until .* its claim of seat 0 until ',
    'UPDATE seat_claims SET expires_at = expires_at + interval ''1 second'' WHERE event_id = E AND position = 0'),
  ('places that end before their hold', '^I5 1 event E: booking HOLD is HOLD until .* its claim of ga 1 until ',
    'UPDATE ga_claims SET expires_at = expires_at - interval ''1 ms'' WHERE booking_id = ''HOLD'' AND section_no = 1'),
  ('taken before its deadline', '^I5 1 event E: booking DUE expired at .*, its deadline was ',
    'UPDATE bookings SET ended_at = expires_at - interval ''1 microsecond'' WHERE booking_id = ''DUE'''),
  ('what was answered as CONFIRMED is lost', 'I6 2 event E: booking SOLD was answered as CONFIRMED and is nowhere',
    'DELETE FROM bookings WHERE booking_id = ''SOLD'''),
  ('or was never confirmed', 'I6 [0-9] event E: booking SOLD was answered as CONFIRMED and is HOLD',
    'UPDATE bookings SET status = ''HOLD'', confirmed_at = NULL WHERE booking_id = ''SOLD'''),
  ('a confirmed seat with an end', 'I6 1 event E: booking SOLD is CONFIRMED and has not seat 3 for good$',
    'ALTER TABLE seat_claims DROP CONSTRAINT seat_claims_check;
     UPDATE seat_claims SET expires_at = now() + interval ''9 years'' WHERE event_id = E AND position = 3');

CREATE FUNCTION pg_temp.names(p text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT * FROM pg_temp.ids LOOP
    p := regexp_replace(p, '\m' || r.name || '\M', r.id, 'g');
  END LOOP;
  RETURN p;
END
$$;
CREATE TEMPORARY TABLE ids (name text, id text);
INSERT INTO ids VALUES ('LATE', :'late'), ('DUE', :'due'), ('BACK', :'back'), ('GONE', :'gone'),
  ('RES', :'res'), ('OTHER', :other), ('E', :event);
-- HOLD stands for the booking only after `booking` or within quotes: it is a status too
CREATE FUNCTION pg_temp.fill(p text) RETURNS text
LANGUAGE sql AS $$
  SELECT pg_temp.names(replace(replace(replace(replace(replace(p, '''HOLD''', '''' || given.id('hold') || ''''),
    'booking HOLD', 'booking ' || given.id('hold')), '''SOLD''', '''' || given.id('sold') || ''''),
    'booking SOLD', 'booking ' || given.id('sold')), 'status = ''' || given.id('hold') || '''', 'status = ''HOLD'''))
$$;
SELECT matches(pg_temp.planted(pg_temp.fill(sql)), pg_temp.fill(expected), about) FROM plants ORDER BY at;

SELECT is(sound(), 'sound', 'all was undone: sound again');
SELECT results_eq('SELECT * FROM audit_events(0, 10)', format('VALUES (%s), (%s)', :event, :other),
  'all events');
SELECT results_eq(format('SELECT * FROM audit_events(%s, 1)', :event), format('VALUES (%s)', :other),
  'page by page');

-- what is taken over and what is due of a live booking is allowed, to the microsecond
SELECT held(:event, 'anna', seats(7,8), '{FLOOR}', '{1}') AS edge \gset
SELECT due(:event, :'edge', now()) \gset _
SELECT is(sound(), 'sound', 'a hold at its deadline');
SELECT held(:event, 'berta', seats(7)) AS over \gset
SELECT is(sound(), 'sound', 'taken over in part');
SELECT count(*) FROM expire(100) \gset _
SELECT is(sound(), 'sound', 'and tidied');

-- what was released, and answered so, is paid after all
SELECT held(:event, 'carl', seats(8)) AS freed \gset
SELECT release(:event, :'freed', 'carl', 'fk') \gset _
SELECT paid(:event, :'freed', buyer('organizer'), false, NULL, NULL, false, 'in cash') \gset _
SELECT is(status(:event, :'freed') || ' ' || sound(), 'CONFIRMED sound', 'money behind a release');

-- With 100,000 ended bookings a plan that looked through them for each of 150 claims took over a minute.
SELECT is(ARRAY(SELECT proname FROM pg_proc WHERE proname ~ '^audit_i[0-9]$' AND pronamespace = 'holdfast'::regnamespace
    AND NOT coalesce('enable_nestloop=off' = ANY (proconfig), false)), '{}', 'no audit looks for one row after the other');

SELECT * FROM finish();
ROLLBACK;
