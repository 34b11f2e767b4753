-- hold with a key: the same request gets its first answer again, whatever has become of the booking;
-- without a key, a repeat after an unknown outcome.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(27);

SELECT event() AS event \gset
CREATE TEMPORARY TABLE first AS
  SELECT h.* FROM hold(:event, 'anna', seats(1,3), '{FLOOR}', '{2}', p_key => 'k') AS h;
CREATE FUNCTION pg_temp.again() RETURNS TABLE (outcome text, same boolean)
LANGUAGE sql AS $$
  SELECT h.outcome, h.booking = f.booking AND h.booking::text = f.booking::text
      AND h.positions = f.positions
    FROM first f, given.hold((f.booking).event_id, 'anna', given.seats(1,3), '{FLOOR}', '{2}',
      p_key => 'k') AS h
$$;

SELECT is((SELECT outcome FROM first), 'new', 'a keyed hold is new');
SELECT results_eq('SELECT * FROM pg_temp.again()', $$VALUES ('replay', true)$$,
  'again: the same bytes');
SELECT is((SELECT count(*) FROM bookings), 1::bigint, 'and nothing more');
SELECT is(ROW(b.key, b.fingerprint)::text, '(k,print)', 'key and fingerprint are the booking''s own')
  FROM bookings b WHERE booking_id = id('k');
SELECT is((SELECT count(*) FROM answers), 0::bigint, 'no answer is stored beside it');

-- the clock has moved on
SELECT due(:event, id('k'), now() + interval '5 minutes') \gset _
SELECT results_eq('SELECT * FROM pg_temp.again()', $$VALUES ('replay', true)$$,
  'with the deadline of then');
UPDATE sections SET price = 9 WHERE event_id = :event;
UPDATE seats SET price = 9 WHERE event_id = :event;
UPDATE events SET status = 'closed', currency = 'USD', max_seats_per_booking = 1,
  max_seats_per_user = 1, sales_end = sales_start WHERE event_id = :event;
SELECT results_eq('SELECT * FROM pg_temp.again()', $$VALUES ('replay', true)$$,
  'after prices, limits and the sale have changed');
SELECT reserve(:event, id('k'), 'anna') \gset _
SELECT results_eq('SELECT * FROM pg_temp.again()', $$VALUES ('replay', true)$$, 'when RESERVED');
SELECT confirm(:event, id('k'), 'anna') \gset _
SELECT results_eq('SELECT * FROM pg_temp.again()', $$VALUES ('replay', true)$$, 'when CONFIRMED');
SELECT cancel(:event, id('k'), 'anna', seats(1), '{FLOOR}', '{1}') \gset _
SELECT results_eq('SELECT * FROM pg_temp.again()', $$VALUES ('replay', true)$$,
  'when cancelled in part');
SELECT cancel(:event, id('k'), 'anna') \gset _
SELECT results_eq('SELECT * FROM pg_temp.again()', $$VALUES ('replay', true)$$, 'when CANCELLED');
UPDATE bookings SET status = 'REFUNDED' WHERE booking_id = id('k');
SELECT results_eq('SELECT * FROM pg_temp.again()', $$VALUES ('replay', true)$$, 'when REFUNDED');

SELECT event() AS event \gset
SELECT hold(:event, 'anna', seats(1), p_key => 'r') AS first_r \gset
SELECT release(:event, id('r'), 'anna') \gset _
SELECT is((hold(:event, 'anna', seats(1), p_key => 'r')).outcome, 'replay', 'when RELEASED');
SELECT is((SELECT count(*) FROM seat_claims WHERE event_id = :event), 0::bigint,
  'and takes nothing again');
SELECT hold(:event, 'anna', seats(2), p_key => 'x') AS first_x \gset
SELECT due(:event, id('x')) \gset _
SELECT is((hold(:event, 'anna', seats(2), p_key => 'x')).outcome, 'replay', 'when past its deadline');
SELECT held(:event, 'berta', seats(2)) AS taker \gset
SELECT is((hold(:event, 'anna', seats(2), p_key => 'x')).outcome, 'replay',
  'when EXPIRED and taken over');
SELECT is(status(:event, id('x')), 'EXPIRED', 'which does not bring it back');

-- ---- a key is bound to its request -------------------------------------------------------------

SELECT is(failure(format($$SELECT hold(%s, 'anna', seats(5), p_key => 'x', p_print => 'other')$$,
  :event)), 'HF130', 'another request under the same key is refused');
SELECT is(failure(format($$SELECT hold(%s, 'mallory', seats(2), p_key => 'x')$$, :event)), 'HF130',
  'and so is another user');
SELECT is((hold(:event, 'anna', seats(6), p_key => 'y')).outcome, 'new', 'another key is another hold');
SELECT is(failure(format($$SELECT hold(%s, 'anna', seats(6), p_key => 'z')$$, :event)),
  'none', 'a key that came with one''s own live hold kept nothing');
SELECT is((hold(:event, 'anna', seats(7), p_key => 'z', p_print => 'later')).outcome, 'new',
  'so it is free for a request that does something');
SELECT is(failure(format($$SELECT hold(%s, 'carl', seats(2,7), p_key => 'lost')$$, :event)),
  'HF201 {"seat_ids": ["VIP-A-2", "VIP-A-7"]}', 'a refusal');
SELECT due(:event, id('z')) \gset _
SELECT due(:event, :'taker') \gset _
SELECT is((hold(:event, 'carl', seats(2,7), p_key => 'lost')).outcome, 'new',
  'is not kept: the same key is judged anew');

-- ---- an unknown outcome without a key ------------------------------------------------------------

SELECT hold(:event, 'dora', seats(9), p_booking => id('once')) AS lost_answer \gset
SELECT is(h.outcome || (h.booking::text = (:'lost_answer'::hold_result).booking::text)::text,
    'replaytrue', 'a repeat with the same id gets the answer that was lost')
  FROM hold(:event, 'dora', seats(9), p_booking => id('once'), p_wait => true) AS h;
SELECT is(failure(format($$SELECT hold(%s, 'mallory', seats(9), p_booking => id('once'),
  p_wait => true)$$, :event)), 'HF130', 'nobody else does');
SELECT is((hold(:event, 'dora', seats(10), p_booking => id('never'), p_wait => true)).outcome, 'new',
  'and acts where the first call never did');

SELECT * FROM finish();
ROLLBACK;
