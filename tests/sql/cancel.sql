-- cancel: a confirmed booking, or some of its items, are given back.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(60);

SELECT event(10, 10, 10) AS event \gset
SELECT confirmed(:event, 'anna', seats(1,2,3), '{FLOOR,BALCONY}', '{3,2}') AS a \gset
SELECT confirmed(:event, 'berta', seats(4), '{FLOOR}', '{1}') AS b \gset
SELECT (SELECT booking_show(b, false) FROM bookings b WHERE booking_id = :'b')::text AS b_shown \gset

SELECT is(failure(format('SELECT cancel(%s, %L, %L)', :event, :'a', 'berta')), 'HF104',
  'another user''s booking does not exist');
SELECT is(failure(format('SELECT cancel(%s, %L, %L)', :event, id('none'), 'anna')), 'HF104',
  'nor does one that never was');

-- ---- some of it --------------------------------------------------------------------------------

SELECT * FROM cancel(:event, :'a', 'anna', seats(2), p_key => 'p1') \gset r_
SELECT is(:'r_outcome'::text, 'moved', 'one seat is given back');
SELECT is(:'r_positions'::integer[], '{0,2}', 'the others stand');
SELECT is(ROW((v).status, (v).version, (v).seat_ids, (v).seat_prices, (v).quantities, (v).total,
    (v).cancelled_at)::text,
    '(CONFIRMED,3,"{VIP-A-1,VIP-A-3}","{1000,5000}","{3,2}",7300,)', 'the answer shows what stands')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is((SELECT places FROM bookings WHERE booking_id = :'a'), 7, 'which are so many places');
SELECT is((SELECT count(*) FROM seat_claims WHERE event_id = :event AND position = 1), 0::bigint,
  'the seat is free');
SELECT is((hold(:event, 'carl', seats(2))).outcome, 'new', 'at once');

SELECT * FROM cancel(:event, :'a', 'anna', NULL, '{FLOOR}', '{1}') \gset r_
SELECT is(ROW((v).quantities, (v).total, (v).version)::text, '("{2,2}",7000,4)',
    'one of several places is given back') FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is(taken(:event, 1), 3, 'the count has moved');
SELECT is((SELECT quantity FROM ga_claims WHERE booking_id = :'a' AND section_no = 1), 2,
  'with its claim');
SELECT * FROM cancel(:event, :'a', 'anna', seats(3), '{FLOOR,BALCONY}', '{2,1}') \gset r_
SELECT is(ROW((v).seat_ids, (v).section_ids, (v).quantities, (v).total)::text,
    '({VIP-A-1},{BALCONY},{1},1200)', 'seats and places in one, a section to its last place')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is(claims(:event) ~ ('1x[0-9]+:b:' || left(:'a', 8)), false, 'whose claim is gone');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{1,1}', 'the counts are right');
SELECT is((SELECT places FROM bookings WHERE booking_id = :'a'), 2, 'and the places');
SELECT results_eq(format('SELECT position, section_no, quantity FROM booking_items
    WHERE booking_id = %L AND NOT gone ORDER BY 1, 2', :'a'),
  'VALUES (0, NULL::smallint, 1), (NULL, 2::smallint, 1)', 'the items that stand are two');
SELECT is((SELECT ROW(total, positions, quantities)::text FROM bookings WHERE booking_id = :'a'),
  '(8300,"{0,1,2}","{3,2}")', 'what was bought is not forgotten');
SELECT is((SELECT booking_show(b, false) FROM bookings b WHERE booking_id = :'b')::text, :'b_shown',
  'another booking is left alone');

-- what does not stand in it
SELECT is(failure(format('SELECT cancel(%s, %L, %L, seats(1,2,4))', :event, :'a', 'anna')),
  'HF122 {"standing": {}, "other_seats": ["VIP-A-2", "VIP-A-4"], "other_sections": []}',
  'seats given back already, or another''s, are named');
SELECT is(failure(format($$SELECT cancel(%s, %L, 'anna', NULL, '{FLOOR,BALCONY}', '{1,2}')$$, :event,
    :'a')),
  'HF122 {"standing": {"BALCONY": 1}, "other_seats": [], "other_sections": ["FLOOR"]}',
  'so are sections without places, and how many others have where that is fewer');
SELECT matches(failure(format($$SELECT cancel(%s, %L, 'anna', seats(1,1))$$, :event, :'a')), '^HF122',
  'a seat twice is refused');
SELECT matches(failure(format($$SELECT cancel(%s, %L, 'anna', NULL, '{BALCONY,BALCONY}', '{1,1}')$$,
  :event, :'a')), '^HF122', 'a section twice');
SELECT matches(failure(format($$SELECT cancel(%s, %L, 'anna', NULL, '{BALCONY}', '{0}')$$, :event,
  :'a')), '^HF122', 'no place of a section');
SELECT matches(failure(format($$SELECT cancel(%s, %L, 'anna', NULL, '{BALCONY}', '{-5}')$$, :event,
  :'a')), '^HF122', 'less than none, which would be more');
SELECT matches(failure(format($$SELECT cancel(%s, %L, 'anna', '{nonsense}', '{VIP}', '{1}')$$, :event,
  :'a')), '^HF122', 'what is not in the event');
SELECT is((SELECT ROW(version, places)::text FROM bookings WHERE booking_id = :'a'), '(5,2)',
  'all refused, nothing changed');

-- ---- all of it -----------------------------------------------------------------------------------

SELECT * FROM cancel(:event, :'a', 'anna', p_key => 'all', p_reason => 'ill') \gset r_
SELECT is(:'r_outcome'::text, 'moved', 'the rest is cancelled');
SELECT is(:'r_positions'::integer[], '{}', 'nothing stands');
SELECT is(ROW((v).status, (v).version, (v).cancelled_at = now(), (v).confirmed_at = now(),
    (v).expires_at)::text, '(CANCELLED,6,t,t,)', 'the answer is CANCELLED')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is((SELECT ROW(cancel_reason, places, ended_at = now())::text FROM bookings
  WHERE booking_id = :'a'), '(ill,0,t)', 'the reason is kept');
SELECT is(claims(:event) ~ left(:'a', 8), false, 'its claims are gone');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{1,0}', 'the counts have moved');
SELECT is((cancel(:event, :'a', 'anna')).outcome, 'done', 'cancelling again changes nothing');
SELECT is((cancel(:event, :'a', 'anna', seats(1))).outcome, 'done', 'nor some of it');
SELECT is((SELECT version FROM bookings WHERE booking_id = :'a'), 6, 'not even the version');
SELECT is(ROW((q).outcome, ((q).booking)::text)::text, ROW('replay'::text, :'r_booking'::text)::text,
    'the same key replays') FROM cancel(:event, :'a', 'anna', p_key => 'all') AS q;
SELECT is(ROW((q).outcome, ((q).booking).version)::text, '(replay,3)',
    'and the key of a part still answers with what stood then')
  FROM cancel(:event, :'a', 'anna', seats(2), p_key => 'p1') AS q;
SELECT is(failure(format($$SELECT holdfast.cancel(%s, %L, buyer('anna'), 'all', 'other', false, NULL,
  NULL, NULL, NULL)$$, :event, :'a')), 'HF130', 'a key is bound to its request');
UPDATE bookings SET status = 'REFUNDED' WHERE booking_id = :'a';
SELECT is((cancel(:event, :'a', 'anna')).outcome, 'done', 'REFUNDED is cancelled too');

-- every item named, one by one or together, is all of it
SELECT confirmed(:event, 'dora', seats(6,7), '{BALCONY}', '{2}') AS d \gset
SELECT cancel(:event, :'d', 'dora', seats(7,6), '{BALCONY}', '{2}') \gset _
SELECT is(status(:event, :'d'), 'CANCELLED', 'naming every item cancels the booking');
SELECT confirmed(:event, 'dora', seats(6,7)) AS d \gset
SELECT cancel(:event, :'d', 'dora', seats(6)) \gset _
SELECT is(status(:event, :'d'), 'CONFIRMED', 'naming one does not');
SELECT cancel(:event, :'d', 'dora', seats(7)) \gset _
SELECT is(status(:event, :'d'), 'CANCELLED', 'naming the last one does');
SELECT is((booking_show(b, false)).seat_ids, '{VIP-A-6,VIP-A-7}', 'and shows what it was')
  FROM bookings b WHERE booking_id = :'d';

-- ---- from where --------------------------------------------------------------------------------

SELECT held(:event, 'emil', seats(8), '{FLOOR}', '{1}') AS e \gset
SELECT is(failure(format('SELECT cancel(%s, %L, %L)', :event, :'e', 'emil')),
  'HF206 {"status": "HOLD"}', 'a hold is released, not cancelled');
SELECT reserve(:event, :'e', 'emil') \gset _
SELECT is(failure(format('SELECT cancel(%s, %L, %L)', :event, :'e', 'emil')),
  'HF206 {"status": "RESERVED"}', 'a reservation likewise');
SELECT due(:event, :'e') \gset _
SELECT is(failure(format('SELECT cancel(%s, %L, %L)', :event, :'e', 'emil')), 'HF205',
  'past its deadline it has expired');
SELECT held(:event, 'fred', seats(9)) AS f \gset
SELECT release(:event, :'f', 'fred') \gset _
SELECT is(failure(format('SELECT cancel(%s, %L, %L)', :event, :'f', 'fred')),
  'HF206 {"status": "RELEASED"}', 'what was released is not cancelled');
SELECT confirmed(:event, 'gerd', seats(9), '{FLOOR}', '{2}') AS g \gset
UPDATE events SET status = 'cancelled' WHERE event_id = :event;
SELECT is((cancel(:event, :'g', 'gerd')).outcome, 'moved', 'a cancelled event lets everybody cancel');

-- a booking with a claim missing
SELECT event() AS odd \gset
SELECT confirmed(:odd, 'hans', seats(1,2), '{FLOOR,BALCONY}', '{2,1}') AS h \gset
DELETE FROM seat_claims WHERE event_id = :odd AND position = 0;
SELECT is(failure(format('SELECT cancel(%s, %L, %L)', :odd, :'h', 'hans')), 'XX001',
  'a missing claim fails the whole move');
SELECT is(failure(format('SELECT cancel(%s, %L, %L, seats(1))', :odd, :'h', 'hans')), 'XX001',
  'and the cancel of that seat');
INSERT INTO seat_claims VALUES (:odd, 0, id('stranger'), 'h', now() + interval '1 hour');
SELECT is(failure(format('SELECT cancel(%s, %L, %L, seats(1))', :odd, :'h', 'hans')), 'XX001',
  'or if it is somebody else''s');
SELECT is((cancel(:odd, :'h', 'hans', seats(2))).outcome, 'moved', 'another one can go');
DELETE FROM ga_claims WHERE booking_id = :'h' AND section_no = 1;
SELECT is(failure(format($$SELECT cancel(%s, %L, 'hans', NULL, '{FLOOR}', '{1}')$$, :odd, :'h')),
  'XX001', 'places likewise');
SELECT is(failure(format($$SELECT cancel(%s, %L, 'hans', NULL, '{BALCONY}', '{1}')$$, :odd, :'h')),
  'XX001', 'also where those of another section are missing');

-- an order of many cancels: capacity is neither lost nor made
SELECT event(20, 20, 20) AS sums \gset
DO $$
DECLARE
  v_event integer := (SELECT max(event_id) FROM holdfast.events);
  v_ids   uuid[] := '{}';
BEGIN
  FOR i IN 0 .. 4 LOOP
    v_ids := v_ids || given.confirmed(v_event, 'buyer', given.seats(3 * i + 1, 3 * i + 2, 3 * i + 3),
      '{FLOOR,BALCONY}', '{3,2}');
  END LOOP;
  FOR i IN 1 .. 5 LOOP
    PERFORM given.cancel(v_event, v_ids[i], 'buyer', given.seats(3 * i - 2), '{FLOOR}', ARRAY[i % 3 + 1]);
  END LOOP;
  PERFORM given.cancel(v_event, v_ids[2], 'buyer');
  PERFORM given.cancel(v_event, v_ids[4], 'buyer', given.seats(11), '{BALCONY}', '{2}');
END
$$;
SELECT is(taken(:sums, 1), (SELECT sum(quantity)::integer FROM ga_claims
  WHERE event_id = :sums AND section_no = 1), 'taken is what the claims add up to');
SELECT is(taken(:sums, 1), 15 - (2 + 3 + 1 + 2 + 3), 'which is what was not cancelled');
SELECT is(taken(:sums, 2), 10 - 2 - 2, 'in the other section too');
SELECT is((SELECT count(*) FROM seat_claims WHERE event_id = :sums), 15::bigint - 5 - 2 - 1,
  'and so many seats');
SELECT is((SELECT sum(places) FROM bookings WHERE event_id = :sums),
  (SELECT count(*) FROM seat_claims WHERE event_id = :sums) + taken(:sums, 1) + taken(:sums, 2),
  'places add up to the claims');
SELECT is((SELECT sum((booking_show(b, false)).total) FROM bookings b
    WHERE event_id = :sums AND status = 'CONFIRMED'),
  (SELECT sum(quantity * unit_price) FROM booking_items i JOIN bookings USING (event_id, booking_id)
    WHERE event_id = :sums AND status = 'CONFIRMED' AND NOT gone), 'and so does the money that stands');

SELECT * FROM finish();
ROLLBACK;
