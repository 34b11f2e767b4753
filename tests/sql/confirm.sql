-- confirm: HOLD or RESERVED to CONFIRMED, before the deadline and by the owner alone.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(45);

SELECT event() AS event \gset
SELECT held(:event, 'anna', seats(3,1), '{FLOOR}', '{2}') AS a \gset

SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'a', 'berta')), 'HF104',
  'another user''s booking does not exist');
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, id('nothing'), 'anna')), 'HF104',
  'nor does one that never was');
SELECT event() AS other \gset
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :other, :'a', 'anna')), 'HF104',
  'nor the id in another event');
SELECT is(status(:event, :'a'), 'HOLD', 'nothing has moved');

SELECT * FROM confirm(:event, :'a', 'anna') \gset r_
SELECT is(:'r_outcome'::text, 'moved', 'the owner confirms');
SELECT is(:'r_positions'::integer[], '{0,2}', 'with the positions that stand');
SELECT is(ROW((v).status, (v).version, (v).confirmed_at = now(), (v).expires_at)::text,
    '(CONFIRMED,2,t,)', 'the answer is CONFIRMED, without a deadline')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is(ROW((v).seat_ids, (v).quantities, (v).total)::text, '("{VIP-A-1,VIP-A-3}",{2},6600)',
    'its items and total are those of the hold')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is(claims(:event), format('0:b:%s 1x2:b:%1$s 2:b:%1$s', left(:'a', 8)),
  'every claim is booked');
SELECT is((SELECT count(*) FROM seat_claims WHERE booking_id = :'a' AND expires_at = 'infinity')
    + (SELECT count(*) FROM ga_claims WHERE booking_id = :'a' AND expires_at = 'infinity'), 3::bigint,
  'for good');
SELECT is(taken(:event, 1), 2, 'no count has moved');
SELECT is((confirm(:event, :'a', 'anna')).outcome, 'done', 'confirming again changes nothing');
SELECT is((SELECT version FROM bookings WHERE booking_id = :'a'), 2, 'not even the version');
SELECT is(((confirm(:event, :'a', 'anna')).booking)::text, :'r_booking'::text, 'and answers the same');

-- the deadline
SELECT held(:event, 'anna', seats(5)) AS b \gset
SELECT due(:event, :'b', now() + interval '1 microsecond') \gset _
SELECT is((confirm(:event, :'b', 'anna')).outcome, 'moved', 'a hold confirms to its last microsecond');
SELECT held(:event, 'anna', seats(6), '{FLOOR}', '{1}') AS c \gset
SELECT due(:event, :'c') \gset _
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'c', 'anna')), 'HF205',
  'and not at its deadline, whatever is stored');
SELECT is(status(:event, :'c'), 'HOLD', 'the refusal changes nothing');
SELECT held(:event, 'berta', seats(6)) AS taker \gset
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'c', 'anna')), 'HF205',
  'EXPIRED likewise, its seat taken over');
SELECT due(:event, :'c', now() + interval '1 hour') \gset _
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'c', 'anna')), 'HF205',
  'an ended booking stays so, even if its deadline were moved');

-- the same key
SELECT held(:event, 'anna', seats(7)) AS d \gset
SELECT confirm(:event, :'d', 'anna', 'ck') AS first \gset
SELECT is((confirm(:event, :'d', 'anna', 'ck')).outcome, 'replay', 'the same key replays');
SELECT is(((confirm(:event, :'d', 'anna', 'ck')).booking)::text,
  ((:'first'::move_result).booking)::text, 'the same answer');
SELECT cancel(:event, :'d', 'anna') \gset _
SELECT is(((confirm(:event, :'d', 'anna', 'ck')).booking)::text,
  ((:'first'::move_result).booking)::text, 'also after a cancel');
SELECT is(failure(format($$SELECT holdfast.confirm(%s, %L, buyer('anna'), 'ck', 'another', false)$$,
  :event, :'d')), 'HF130', 'another request under it is refused');
SELECT is(failure(format('SELECT confirm(%s, %L, %L, %L)', :event, :'d', 'berta', 'ck')), 'HF104',
  'another user''s key of that name is another key');
SELECT is(failure(format('SELECT confirm(%s, %L, %L, %L)', :event, :'d', 'anna', 'ck2')),
  'HF206 {"status": "CANCELLED"}', 'another key is judged anew');
SELECT is((SELECT count(*) FROM answers WHERE key = 'ck2'), 0::bigint, 'and a refusal is not kept');
SELECT held(:event, 'anna', seats(7)) AS d2 \gset
SELECT is((confirm(:event, :'d2', 'anna', 'ck2')).outcome, 'moved',
  'so that the key still works where it can');
SELECT is((confirm(:event, :'a', 'anna', 'late key')).outcome, 'done',
  'a key that finds the work done');
SELECT is((confirm(:event, :'a', 'anna', 'late key')).outcome, 'replay', 'keeps that answer');

-- what cannot confirm
SELECT held(:event, 'anna', seats(8)) AS e \gset
SELECT release(:event, :'e', 'anna') \gset _
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'e', 'anna')),
  'HF206 {"status": "RELEASED"}', 'a released booking');
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'d', 'anna')),
  'HF206 {"status": "CANCELLED"}', 'a cancelled one');

-- a booking with a claim missing is not confirmed: nothing is
SELECT held(:event, 'anna', seats(8,9), '{FLOOR}', '{1}') AS f \gset
DELETE FROM seat_claims WHERE event_id = :event AND position = 8;
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'f', 'anna')), 'XX001',
  'a missing claim fails the whole move');
SELECT is((SELECT state::text FROM seat_claims WHERE event_id = :event AND position = 7), 'h',
  'and leaves the others as they were');
INSERT INTO seat_claims VALUES (:event, 8, id('stranger'), 'h', now() + interval '1 hour');
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'f', 'anna')), 'XX001',
  'a seat that is somebody else''s by now likewise');
SELECT is((SELECT booking_id FROM seat_claims WHERE event_id = :event AND position = 8),
  id('stranger'), 'whose claim stays theirs');

-- the event
SELECT event() AS show \gset
SELECT held(:show, 'anna', seats(1)) AS s1 \gset
SELECT held(:show, 'anna', seats(2)) AS s2 \gset
SELECT held(:show, 'anna', '{}', '{FLOOR}', '{1}') AS s3 \gset
UPDATE events SET status = 'closed', sales_end = now() WHERE event_id = :show;
SELECT is((confirm(:show, :'s1', 'anna')).outcome, 'moved', 'a hold confirms after the sale has ended');
UPDATE events SET payment = 'stripe' WHERE event_id = :show;
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :show, :'s2', 'anna')), 'HF207',
  'where payment is taken a booking must be paid first');
SELECT is(status(:show, :'s2') || claims(:show),
  format('HOLD0:b:%s 1:h:%s 1x1:h:%s', left(:'s1', 8), left(:'s2', 8), left(:'s3', 8)),
  'and nothing is changed');
UPDATE sections SET price = 0 WHERE event_id = :show;
UPDATE events SET status = 'on_sale', sales_end = now() + interval '1 day' WHERE event_id = :show;
SELECT held(:show, 'anna', seats(5)) AS free \gset
SELECT is((confirm(:show, :'free', 'anna')).outcome, 'moved', 'nothing to pay needs no payment');
UPDATE events SET status = 'cancelled', payment = 'none' WHERE event_id = :show;
SELECT matches(failure(format('SELECT confirm(%s, %L, %L)', :show, :'s2', 'anna')), '^HF203 \{',
  'a cancelled event confirms nothing');
SELECT is((confirm(:show, :'s1', 'anna')).outcome, 'done', 'what was confirmed before stays so');

-- from RESERVED
SELECT event() AS pay \gset
SELECT held(:pay, 'anna', seats(1), '{FLOOR}', '{1}') AS p \gset
SELECT reserve(:pay, :'p', 'anna') \gset _
SELECT is((confirm(:pay, :'p', 'anna')).outcome, 'moved', 'a reservation confirms');
SELECT is(claims(:pay), format('0:b:%s 1x1:b:%1$s', left(:'p', 8)), 'with its claims');
SELECT held(:pay, 'anna', seats(2)) AS p \gset
SELECT reserve(:pay, :'p', 'anna') \gset _
SELECT due(:pay, :'p') \gset _
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :pay, :'p', 'anna')), 'HF205',
  'and not past its deadline');
SELECT is((booking_show(b, false)).status, 'EXPIRED', 'as which it is shown')
  FROM bookings b WHERE booking_id = :'p';

SELECT * FROM finish();
ROLLBACK;
