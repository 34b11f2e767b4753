-- hold: numbered seats, all or none, at the price of this moment; takeover of due claims; the refusals
-- in their order; the caller's own hold once more.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(72);

SELECT event() AS event \gset
SELECT event() AS other \gset

-- ---- a new hold ------------------------------------------------------------------------------

SELECT * FROM hold(:event, 'anna', '{VIP-A-3,VIP-A-1}', p_booking => id('a')) \gset r_
SELECT is(:'r_outcome'::text, 'new', 'free seats are held');
SELECT is(:'r_positions'::text, '{0,2}', 'the answer names the positions, ascending');
SELECT is((booking).status, 'HOLD', 'the answer is a HOLD') FROM (SELECT :'r_booking'::booking_view AS booking) q;
SELECT is((booking).seat_ids, '{VIP-A-1,VIP-A-3}', 'with its seats in layout order')
  FROM (SELECT :'r_booking'::booking_view AS booking) q;
SELECT is((booking).seat_section_ids, '{VIP,VIP}', 'the section of each')
  FROM (SELECT :'r_booking'::booking_view AS booking) q;
SELECT is((booking).seat_prices, '{1000,5000}', 'the price of each: the section''s, or the seat''s own')
  FROM (SELECT :'r_booking'::booking_view AS booking) q;
SELECT is((booking).total, 6000::bigint, 'the total')
  FROM (SELECT :'r_booking'::booking_view AS booking) q;
SELECT is((booking).currency, 'EUR', 'the event''s currency')
  FROM (SELECT :'r_booking'::booking_view AS booking) q;
SELECT is((booking).version, 1, 'version 1')
  FROM (SELECT :'r_booking'::booking_view AS booking) q;
SELECT is((booking).expires_at, date_trunc('milliseconds', now()) + interval '600 seconds',
    'and the deadline: the default life, in whole milliseconds')
  FROM (SELECT :'r_booking'::booking_view AS booking) q;
SELECT is(claims(:event), '0:h:' || left(id('a')::text, 8) || ' 2:h:' || left(id('a')::text, 8),
  'one claim a seat');
SELECT is((SELECT array_agg(c.expires_at) FROM seat_claims c WHERE event_id = :event),
  (SELECT ARRAY[expires_at, expires_at] FROM bookings WHERE booking_id = id('a')),
  'whose deadline is the booking''s');
SELECT is((SELECT ROW(b.places, b.total, b.positions, b.seat_prices, b.first_expires_at)::text
    FROM bookings b WHERE booking_id = id('a')),
  (SELECT ROW(2, 6000::bigint, '{0,2}'::int[], '{1000,5000}'::bigint[], b.expires_at)::text
    FROM bookings b WHERE booking_id = id('a')), 'the booking carries its items');
SELECT is(booking_show(b, true), :'r_booking'::booking_view, 'the first answer can be rebuilt from it')
  FROM bookings b WHERE booking_id = id('a');
SELECT is(booking_show(b, false), :'r_booking'::booking_view, 'and is what a read shows')
  FROM bookings b WHERE booking_id = id('a');

UPDATE sections SET price = 1 WHERE event_id = :event AND section_no = 0;
UPDATE seats SET price = 2 WHERE event_id = :event AND position = 2;
SELECT is((booking_show(b, false)).total, 6000::bigint, 'the price of a hold is copied')
  FROM bookings b WHERE booking_id = id('a');
SELECT is(((hold(:event, 'berta', seats(2))).booking).total, 1::bigint,
  'and a later hold has the later price');

SELECT is((hold(:other, 'berta', '{VIP-A-1,VIP-A-3}')).outcome, 'new',
  'the same seat names in another event are other seats');

UPDATE events SET hold_seconds = 7 WHERE event_id = :event;
SELECT is(((hold(:event, 'berta', seats(4))).booking).expires_at,
  date_trunc('milliseconds', now()) + interval '7 seconds', 'an event may have its own life of holds');

-- ---- refused ---------------------------------------------------------------------------------

SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(5,1,3,6))$$, :event)),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-3"]}', 'seats of others are refused, and named');
SELECT is((SELECT count(*) FROM seat_claims WHERE event_id = :event AND position IN (4, 5)), 0::bigint,
  'all or none: the free ones are not kept');
SELECT is((SELECT count(*) FROM bookings WHERE user_id = buyer('carl')), 0::bigint,
  'and no booking is left');
SELECT is(failure(format($$SELECT hold(%s, 'carl', '{VIP-A-5,VIP-A-99,nonsense}')$$, :event)),
  'HF122 {"unknown_seats": ["VIP-A-99", "nonsense"], "seated_sections": [], "unknown_sections": []}',
  'unknown seats are named');
SELECT is(failure(format($$SELECT hold(%s, 'carl', '{}', '{PIT,FLOOR,VIP}', '{1,1,1}')$$, :event)),
  'HF122 {"unknown_seats": [], "seated_sections": ["VIP"], "unknown_sections": ["PIT"]}',
  'unknown sections are named, and those with numbered seats');
SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(5,5))$$, :event)),
  'HF122 {"unknown_seats": [], "seated_sections": [], "unknown_sections": []}',
  'a seat twice is refused');
SELECT is(failure(format($$SELECT hold(%s, 'carl')$$, :event)), '23514', 'nothing asked for is refused');
SELECT is(failure(format($$SELECT hold(%s, 'carl', '{VIP-A-1}')$$, 2000000000)), 'HF104',
  'no such event');
SELECT is(failure(format($$SELECT hold(%s, 'carl', '{VIP-A-1:x}')$$, :event)),
  'HF122 {"unknown_seats": ["VIP-A-1:x"], "seated_sections": [], "unknown_sections": []}',
  'an id with a colon stays whole');

-- the sale
SELECT event() AS sale \gset
UPDATE events SET sales_start = now() + interval '1 second', sales_end = '2030-01-02 03:04:05Z',
  event_date = '2030-02-01Z' WHERE event_id = :sale;
SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(1))$$, :sale)),
  (SELECT 'HF203 '::text || jsonb_build_object('event_status', 'on_sale', 'sales_end', '2030-01-02T03:04:05Z', 'sales_start',
      to_char(sales_start, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) FROM events WHERE event_id = :sale),
  'a sale that has not begun says when it does');
UPDATE events SET sales_start = now(), sales_end = now() + interval '1 second' WHERE event_id = :sale;
SELECT is((hold(:sale, 'carl', seats(1))).outcome, 'new', 'it begins at its very start');
UPDATE events SET sales_start = now() - interval '1 hour', sales_end = now() WHERE event_id = :sale;
SELECT matches(failure(format($$SELECT hold(%s, 'carl', seats(2))$$, :sale)), '^HF203 \{"sales_end.*"on_sale"',
  'and is over at its very end');
SELECT matches(failure(format($$SELECT hold(%s, 'carl', seats(1))$$, :sale)), '^HF203',
  'also for who asks for what is theirs already');
UPDATE events SET sales_end = now() + interval '1 day', status = 'closed' WHERE event_id = :sale;
SELECT matches(failure(format($$SELECT hold(%s, 'carl', seats(2))$$, :sale)), '^HF203 .*"closed"', 'closed');
UPDATE events SET status = 'cancelled' WHERE event_id = :sale;
SELECT matches(failure(format($$SELECT hold(%s, 'carl', seats(2))$$, :sale)), '^HF203 .*"cancelled"', 'cancelled');
SELECT event() AS sale \gset
INSERT INTO events (organizer_id, title, event_date, sales_end, currency, status)
  VALUES (buyer('organizer'), 'A draft', now() + interval '2 days', now() + interval '1 day', 'EUR',
    'draft') RETURNING event_id AS draft \gset
SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(1))$$, :draft)), 'HF104',
  'a draft does not exist for buyers');
UPDATE events SET queue = 'on' WHERE event_id = :sale;
SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(1))$$, :sale)), 'HF210 {"pass": "missing"}',
  'an event with a queue is entered through it');

-- ---- limits ----------------------------------------------------------------------------------

SELECT event(30, 20, 20) AS lim \gset
UPDATE events SET max_seats_per_booking = 3 WHERE event_id = :lim;
SELECT is(failure(format($$SELECT hold(%s, 'dora', seats(1,2,3,4))$$, :lim)),
  'HF122 {"requested": 4, "max_seats_per_booking": 3}', 'too many places in one booking');
SELECT is(failure(format($$SELECT hold(%s, 'dora', seats(1,2), '{FLOOR,BALCONY}', '{1,1}')$$, :lim)),
  'HF122 {"requested": 4, "max_seats_per_booking": 3}', 'all kinds of places count');
SELECT is((hold(:lim, 'dora', seats(1,2), '{FLOOR}', '{1}')).outcome, 'new', 'as many as allowed');
UPDATE events SET max_seats_per_booking = NULL WHERE event_id = :lim;
SELECT is(failure(format($$SELECT hold(%s, 'dora', '{}', '{FLOOR}', '{11}')$$, :lim)),
  'HF122 {"requested": 11, "max_seats_per_booking": 10}', 'without one of its own the default counts');

UPDATE events SET max_seats_per_user = 5 WHERE event_id = :lim;
SELECT is(failure(format($$SELECT hold(%s, 'dora', seats(5,6,7))$$, :lim)),
  'HF204 {"limit": 5, "current": 3, "requested": 3}', 'a buyer''s places count together');
SELECT is((hold(:lim, 'dora', seats(5,6))).outcome, 'new', 'up to the limit');
SELECT is(failure(format($$SELECT hold(%s, 'dora', '{}', '{FLOOR}', '{1}')$$, :lim)),
  'HF204 {"limit": 5, "current": 5, "requested": 1}', 'and no further');
SELECT is((hold(:lim, 'emil', seats(7,8,9))).outcome, 'new', 'another buyer has their own');
SELECT is((hold(:other, 'dora', seats(9))).outcome, 'new', 'and so has another event');
SELECT confirm(:lim, booking_id, 'dora') FROM bookings
  WHERE event_id = :lim AND user_id = buyer('dora') AND cardinality(positions) = 2 AND section_nos = '{}' \gset _
SELECT is(failure(format($$SELECT hold(%s, 'dora', '{}', '{FLOOR}', '{1}')$$, :lim)),
  'HF204 {"limit": 5, "current": 5, "requested": 1}', 'confirmed places count');
SELECT cancel(:lim, booking_id, 'dora', seats(5)) FROM bookings
  WHERE event_id = :lim AND user_id = buyer('dora') AND status = 'CONFIRMED' \gset _
SELECT is((hold(:lim, 'dora', '{}', '{FLOOR}', '{1}')).outcome, 'new', 'cancelled ones do not');
SELECT due(:lim, booking_id) FROM bookings
  WHERE event_id = :lim AND user_id = buyer('dora') AND places = 3 \gset _
SELECT is((hold(:lim, 'dora', seats(10,11,12))).outcome, 'new', 'nor do those past their deadline');
UPDATE events SET max_seats_per_user = NULL WHERE event_id = :lim;
SELECT is(failure(format($$SELECT hold(%s, 'dora', seats(20), p_per_user => 5)$$, :lim)),
  'HF204 {"limit": 5, "current": 5, "requested": 1}', 'without one of its own the default counts');
SELECT is((hold(:lim, 'dora', seats(20))).outcome, 'new', 'a default of 0 is no limit');

-- ---- the caller's own hold once more -----------------------------------------------------------

SELECT event() AS own \gset
UPDATE events SET max_seats_per_user = 2 WHERE event_id = :own;
SELECT held(:own, 'fred', seats(1,2)) AS mine \gset
SELECT expires_at AS mine_until FROM bookings WHERE booking_id = :'mine' \gset
SELECT * FROM hold(:own, 'fred', seats(2,1)) \gset r_
SELECT is(:'r_outcome'::text, 'same', 'exactly one''s own live hold is answered with it, before the limit');
SELECT is((:'r_booking'::booking_view).booking_id, :'mine'::uuid, 'it is that booking');
SELECT is((:'r_booking'::booking_view).expires_at, :'mine_until'::timestamptz, 'its deadline unmoved');
SELECT is((SELECT count(*) FROM bookings WHERE event_id = :own), 1::bigint, 'and nothing is new');
UPDATE events SET max_seats_per_user = NULL, max_seats_per_booking = 1 WHERE event_id = :own;
SELECT is((hold(:own, 'fred', seats(1,2))).outcome, 'same', 'also before the limit of a booking');
UPDATE events SET max_seats_per_booking = NULL WHERE event_id = :own;
SELECT is((hold(:own, 'fred', seats(1,2), p_key => 'own')).outcome, 'same', 'with a key too');
SELECT is((SELECT count(*) FROM bookings WHERE key = 'own'), 0::bigint, 'which keeps nothing');
SELECT is(failure(format($$SELECT hold(%s, 'fred', seats(1))$$, :own)),
  'HF201 {"seat_ids": ["VIP-A-1"]}', 'a part of one''s own hold is refused');
SELECT is(failure(format($$SELECT hold(%s, 'fred', seats(1,2,3))$$, :own)),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2"]}', 'and more than it');
SELECT is(failure(format($$SELECT hold(%s, 'fred', seats(1,2), '{FLOOR}', '{1}')$$, :own)),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2"]}', 'with general admission it is another wish');
SELECT is(failure(format($$SELECT hold(%s, 'gerd', seats(1,2))$$, :own)),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2"]}', 'another buyer never gets it');
SELECT reserve(:own, :'mine', 'fred') \gset _
SELECT is(((hold(:own, 'fred', seats(1,2))).booking).status, 'RESERVED', 'a reservation likewise');
SELECT confirm(:own, :'mine', 'fred') \gset _
SELECT is(failure(format($$SELECT hold(%s, 'fred', seats(1,2))$$, :own)),
  'HF201 {"seat_ids": ["VIP-A-1", "VIP-A-2"]}', 'what is bought is not held again');

-- ---- takeover ------------------------------------------------------------------------------------

SELECT event() AS late \gset
SELECT held(:late, 'hans', seats(1,2,3)) AS old \gset
SELECT due(:late, :'old', now() + interval '1 microsecond') \gset _
SELECT matches(failure(format($$SELECT hold(%s, 'ida', seats(2))$$, :late)), '^HF201',
  'a hold is live to the last microsecond');
SELECT due(:late, :'old', now()) \gset _
SELECT held(:late, 'ida', seats(2,5)) AS new \gset
SELECT ok(true, 'and free at its deadline');
SELECT is((SELECT ROW(status, version, ended_at = now())::text FROM bookings WHERE booking_id = :'old'),
  '(EXPIRED,2,t)', 'a takeover closes the old booking');
SELECT is(claims(:late), format('0:h:%s 1:h:%s 2:h:%1$s 4:h:%2$s', left(:'old', 8), left(:'new', 8)),
  'and leaves its other claims where they are');
SELECT held(:late, 'jan', seats(1)) AS third \gset
SELECT is((SELECT version FROM bookings WHERE booking_id = :'old'), 2,
  'the next one to take from it does not close it again');
SELECT is((SELECT count(*) FROM seat_claims WHERE booking_id = :'old'), 1::bigint,
  'its last claim still stands, due');
SELECT due(:late, :'third') \gset _
SELECT is((hold(:late, 'jan', seats(1,3))).outcome, 'new', 'one hold may take from two old bookings');
SELECT is((SELECT string_agg(status, ',') FROM bookings WHERE booking_id IN (:'old', :'third')),
  'EXPIRED,EXPIRED', 'both have ended');
-- a due claim of a booking that is live means that the books are wrong: nothing is sold on that
SELECT held(:late, 'karl', seats(7)) AS odd \gset
UPDATE seat_claims SET expires_at = now() WHERE booking_id = :'odd';
SELECT is(failure(format($$SELECT hold(%s, 'lisa', seats(7))$$, :late)), 'XX001',
  'a due claim under a live booking refuses the whole hold');

SELECT * FROM finish();
ROLLBACK;
