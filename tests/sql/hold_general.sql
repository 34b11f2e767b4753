-- hold: general admission, alone and beside numbered seats; the count that moves with its claims;
-- giving back what is due; sold out.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(40);

SELECT event(10, 5, 3) AS event \gset

SELECT * FROM hold(:event, 'anna', '{}', '{BALCONY,FLOOR}', '{1,2}', p_booking => id('a')) \gset r_
SELECT is(:'r_outcome'::text, 'new', 'places of two sections are held');
SELECT is(:'r_positions'::integer[], '{}', 'no seats');
SELECT is((v).section_ids, '{FLOOR,BALCONY}', 'sections in the order of the event')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is((v).quantities, '{2,1}', 'the quantity of each')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is((v).section_prices, '{300,200}', 'the price of each')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is((v).total, 800::bigint, 'the total') FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is(booking_show(b, true), :'r_booking'::booking_view, 'the first answer can be rebuilt')
  FROM bookings b WHERE booking_id = id('a');
SELECT is(claims(:event), format('1x2:h:%s 2x1:h:%1$s', left(id('a')::text, 8)),
  'one claim a section');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{2,1}', 'the counts have moved');

SELECT * FROM hold(:event, 'berta', seats(3,1), '{FLOOR}', '{1}', p_booking => id('b')) \gset r_
SELECT is((v).total, 6300::bigint, 'a mix of seats and places has one total')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is(booking_show(b, true), :'r_booking'::booking_view, 'its first answer can be rebuilt')
  FROM bookings b WHERE booking_id = id('b');
SELECT is((SELECT places FROM bookings WHERE booking_id = id('b')), 3, 'and all its places count');

-- ---- refused ---------------------------------------------------------------------------------

SELECT is(failure(format($$SELECT hold(%s, 'carl', '{}', '{FLOOR}', '{3}')$$, :event)),
  'HF202 {"available": 2, "section_id": "FLOOR"}', 'sold out says how many are left');
SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(7), '{FLOOR}', '{3}')$$, :event)),
  'HF202 {"available": 2, "section_id": "FLOOR"}', 'all or none: not the seat either');
SELECT is((SELECT count(*) FROM seat_claims WHERE position = 6 AND event_id = :event), 0::bigint,
  'which stays free');
SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(1), '{BALCONY}', '{1}')$$, :event)),
  'HF201 {"seat_ids": ["VIP-A-1"]}', 'a lost seat loses the places');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{3,1}', 'no count has moved');
SELECT is(failure(format($$SELECT hold(%s, 'carl', '{}', '{FLOOR}', '{0}')$$, :event)), '23514',
  'no place at all');
SELECT is(failure(format($$SELECT hold(%s, 'carl', '{}', '{FLOOR}', '{-2}')$$, :event)), '23514',
  'less than none');
SELECT matches(failure(format($$SELECT hold(%s, 'carl', '{}', '{FLOOR,FLOOR}', '{1,1}')$$, :event)),
  '^HF122', 'a section twice');
SELECT is(failure(format($$SELECT hold(%s, 'carl', '{}', '{FLOOR}', '{}')$$, :event)),
  '23502', 'a section without a quantity');

SELECT held(:event, 'carl', '{}', '{FLOOR}', '{2}') AS last \gset
SELECT is(taken(:event, 1), 5, 'the last places go');
SELECT is(failure(format($$SELECT hold(%s, 'dora', '{}', '{FLOOR}', '{1}')$$, :event)),
  'HF202 {"available": 0, "section_id": "FLOOR"}', 'and then there is none');

-- ---- giving back what is due -------------------------------------------------------------------

SELECT due(:event, :'last') \gset _
SELECT is(failure(format($$SELECT hold(%s, 'dora', '{}', '{FLOOR}', '{3}')$$, :event)),
  'HF202 {"available": 2, "section_id": "FLOOR"}', 'what is due counts as available');
SELECT is(status(:event, :'last'), 'HOLD', 'a refusal gives nothing back');
SELECT held(:event, 'dora', '{}', '{FLOOR}', '{1}') AS dora \gset
SELECT is(status(:event, :'last'), 'EXPIRED', 'a full section gives back what is due first');
SELECT is(taken(:event, 1), 4, 'all that is due of it');
SELECT is((SELECT ROW(version, ended_at = now())::text FROM bookings WHERE booking_id = :'last'),
  '(2,t)', 'and the booking ends once');

-- a section that is not full is not tidied on the way; a repeat after HF290 does tidy
SELECT due(:event, :'dora') \gset _
SELECT held(:event, 'emil', '{}', '{FLOOR}', '{1}') AS emil \gset
SELECT is(status(:event, :'dora'), 'HOLD', 'where places are left nothing is given back');
SELECT is((hold(:event, 'fred', '{}', '{FLOOR}', '{1}', p_give_back => true)).outcome, 'new',
  'a repeat after the count was hit by others gives back first');
SELECT is(status(:event, :'dora'), 'EXPIRED', 'in any case');
SELECT is(taken(:event, 1), 5, 'and holds then');

-- a due booking with claims of several kinds: each is given back once, by whoever takes it
SELECT event(10, 2, 2) AS mixed \gset
SELECT held(:mixed, 'anna', seats(1), '{FLOOR,BALCONY}', '{2,2}') AS old \gset
SELECT due(:mixed, :'old') \gset _
SELECT held(:mixed, 'berta', '{}', '{FLOOR}', '{2}') AS new \gset
SELECT is(status(:mixed, :'old'), 'EXPIRED', 'giving back one of its claims closes a booking');
SELECT is(claims(:mixed), format('0:h:%s 1x2:h:%s 2x2:h:%1$s', left(:'old', 8), left(:'new', 8)),
  'and leaves the others');
SELECT is(taken(:mixed, 2), 2, 'which count in the number until given back');
SELECT held(:mixed, 'carl', seats(1), '{BALCONY}', '{1}') AS third \gset
SELECT is(claims(:mixed), format('0:h:%s 1x2:h:%s 2x1:h:%1$s', left(:'third', 8), left(:'new', 8)),
  'one hold takes over a seat and gives places back');

-- exactly full, by the count alone: the trigger raises what the caller repeats on
SELECT is(failure(format($$INSERT INTO ga_claims VALUES (%s, 1, gen_random_uuid(), 1, 'h', now())$$,
  :mixed)), 'HF290', 'a claim beyond the capacity is refused by the count');
SELECT is(failure(format($$INSERT INTO ga_claims VALUES (%s, 0, gen_random_uuid(), 1, 'h', now())$$,
  :mixed)), 'HF290', 'and so is one of a section that has no count');

-- more due claims than one go gives back still leave room for any request
SELECT event(1, 600, 1) AS big \gset
DO $$
DECLARE
  v_event integer := (SELECT max(event_id) FROM holdfast.events);
BEGIN
  FOR i IN 1 .. 600 LOOP
    PERFORM given.held(v_event, 'buyer ' || i, '{}', '{FLOOR}', '{1}');
  END LOOP;
  UPDATE holdfast.ga_claims SET expires_at = now() WHERE event_id = v_event;
  UPDATE holdfast.bookings SET expires_at = now() WHERE event_id = v_event;
END
$$;
SELECT held(:big, 'gerd', '{}', '{FLOOR}', '{10}') AS ten \gset
SELECT is(taken(:big, 1), 110, 'at most 500 due claims are given back at once');
SELECT is((SELECT count(*) FROM bookings WHERE event_id = :big AND status = 'EXPIRED'), 500::bigint,
  'and their bookings end');

SELECT * FROM finish();
ROLLBACK;
