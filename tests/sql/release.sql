-- reserve and release: a payment begins; a hold ends before its time.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(45);

-- ---- reserve ---------------------------------------------------------------------------------

SELECT event() AS event \gset
SELECT held(:event, 'anna', seats(1), '{FLOOR}', '{2}') AS a \gset
SELECT expires_at AS until FROM bookings WHERE booking_id = :'a' \gset
SELECT is(failure(format('SELECT reserve(%s, %L, %L)', :event, :'a', 'berta')), 'HF104',
  'another user''s booking does not exist');
SELECT * FROM reserve(:event, :'a', 'anna', 900, 3600) \gset r_
SELECT is(:'r_outcome'::text, 'moved', 'a hold is reserved');
SELECT is(ROW((v).status, (v).version)::text, '(RESERVED,2)', 'the answer says so')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is((v).expires_at, date_trunc('milliseconds', now() + interval '900 seconds'),
  'its deadline gives time to pay') FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is((SELECT array_agg(DISTINCT expires_at) FROM (
    SELECT expires_at FROM seat_claims WHERE booking_id = :'a' UNION ALL
    SELECT expires_at FROM ga_claims WHERE booking_id = :'a' UNION ALL
    SELECT expires_at FROM bookings WHERE booking_id = :'a') AS q),
  ARRAY[date_trunc('milliseconds', now() + interval '900 seconds')],
  'which every claim has too');
SELECT is(claims(:event), format('0:r:%s 1x2:r:%1$s', left(:'a', 8)), 'the claims are reserved');
SELECT is(taken(:event, 1), 2, 'no count has moved');
SELECT is((reserve(:event, :'a', 'anna', 9000, 36000)).outcome, 'done',
  'again: the same reservation');
SELECT is((SELECT ROW(version, expires_at)::text FROM bookings WHERE booking_id = :'a'),
  ROW(2, date_trunc('milliseconds', now() + interval '900 seconds'))::text, 'unmoved');

SELECT held(:event, 'anna', seats(2)) AS b \gset
SELECT expires_at AS until FROM bookings WHERE booking_id = :'b' \gset
SELECT reserve(:event, :'b', 'anna', 60, 3600) \gset _
SELECT is((SELECT expires_at FROM bookings WHERE booking_id = :'b'), :'until'::timestamptz,
  'a deadline is never made earlier');
SELECT held(:event, 'anna', seats(3)) AS c \gset
SELECT reserve(:event, :'c', 'anna', 900, 700) \gset _
SELECT is((SELECT expires_at FROM bookings WHERE booking_id = :'c'),
  date_trunc('milliseconds', now() + interval '700 seconds'),
  'nor later than the longest life of a hold');
SELECT held(:event, 'anna', seats(4)) AS d \gset
SELECT due(:event, :'d') \gset _
SELECT is(failure(format('SELECT reserve(%s, %L, %L)', :event, :'d', 'anna')), 'HF205',
  'a hold past its deadline is not reserved');
SELECT confirm(:event, :'c', 'anna') \gset _
SELECT is(failure(format('SELECT reserve(%s, %L, %L)', :event, :'c', 'anna')),
  'HF206 {"status": "CONFIRMED"}', 'nor what is confirmed');
SELECT due(:event, :'b') \gset _
SELECT is(failure(format('SELECT reserve(%s, %L, %L)', :event, :'b', 'anna')), 'HF205',
  'nor again past the reservation''s own');
SELECT is((hold(:event, 'berta', seats(2))).outcome, 'new',
  'a reservation past its deadline is taken over like a hold');
SELECT is(status(:event, :'b'), 'EXPIRED', 'and ends');
SELECT held(:event, 'anna', seats(7)) AS f \gset
SELECT held(:event, 'anna', seats(8)) AS g \gset
SELECT count(*) FROM (VALUES (:'f'::uuid), (:'g')) AS q (id), LATERAL reserve(:event, q.id, 'anna') \gset _
SELECT release(:event, :'g', 'anna') \gset _
SELECT is(failure(format('SELECT reserve(%s, %L, %L)', :event, :'g', 'anna')), 'HF208',
  'nor what is to be released');
SELECT held(:event, 'anna', seats(5,6)) AS e \gset
DELETE FROM seat_claims WHERE event_id = :event AND position = 5;
SELECT is(failure(format('SELECT reserve(%s, %L, %L)', :event, :'e', 'anna')), 'XX001',
  'a missing claim fails the whole move');
UPDATE events SET status = 'cancelled' WHERE event_id = :event;
SELECT matches(failure(format('SELECT reserve(%s, %L, %L)', :event, :'e', 'anna')), '^HF203',
  'a cancelled event takes no payment');
SELECT is((SELECT array_agg(left(failure(format('SELECT reserve(%s, %L, %L)', :event, id, 'anna')), 5))
  FROM unnest(ARRAY[:'f', :'g']::uuid[]) AS id), '{HF203,HF203}', 'nor goes on with one that has begun');

-- ---- release ---------------------------------------------------------------------------------

SELECT event() AS event \gset
SELECT held(:event, 'anna', seats(1,2), '{FLOOR,BALCONY}', '{2,1}') AS a \gset
SELECT held(:event, 'berta', seats(3), '{FLOOR}', '{1}') AS b \gset
SELECT is(failure(format('SELECT release(%s, %L, %L)', :event, :'a', 'berta')), 'HF104',
  'another user''s booking does not exist');
SELECT is(failure(format('SELECT release(%s, %L, %L)', :event, id('none'), 'anna')), 'HF104',
  'nor does one that never was');
SELECT * FROM release(:event, :'a', 'anna', 'rk') \gset r_
SELECT is(:'r_outcome'::text, 'moved', 'the owner releases');
SELECT is(:'r_positions'::integer[], '{}', 'nothing stands');
SELECT is(ROW((v).status, (v).version, (v).expires_at, (v).seat_ids, (v).quantities)::text,
    '(RELEASED,2,,"{VIP-A-1,VIP-A-2}","{2,1}")', 'the answer is RELEASED, with what it was')
  FROM (SELECT :'r_booking'::booking_view AS v) q;
SELECT is(claims(:event), format('1x1:h:%s 2:h:%1$s', left(:'b', 8)),
  'its claims are gone, and no other');
SELECT is(ARRAY[taken(:event, 1), taken(:event, 2)], '{1,0}', 'the counts have moved');
SELECT is((SELECT ended_at FROM bookings WHERE booking_id = :'a'), now(), 'and the booking has ended');
SELECT is((hold(:event, 'carl', seats(1,2), '{BALCONY}', '{3}')).outcome, 'new',
  'the places are free at once');
SELECT is((release(:event, :'a', 'anna')).outcome, 'done', 'releasing again changes nothing');
SELECT is((SELECT version FROM bookings WHERE booking_id = :'a'), 2, 'not even the version');
SELECT is(ROW((q).outcome, ((q).booking)::text)::text,
    ROW('replay'::text, :'r_booking'::text)::text, 'the same key replays the same answer')
  FROM release(:event, :'a', 'anna', 'rk') AS q;
SELECT is(failure(format($$SELECT holdfast.release(%s, %L, buyer('anna'), 'rk', 'other', false)$$,
  :event, :'a')), 'HF130', 'a key is bound to its request');
SELECT is(claims(:event) ~ left(:'a', 8), false, 'nothing is freed that others have by now');

SELECT due(:event, :'b') \gset _
SELECT is(failure(format('SELECT release(%s, %L, %L)', :event, :'b', 'berta')), 'HF205',
  'a hold past its deadline has expired');
SELECT is((SELECT count(*) FROM seat_claims WHERE booking_id = :'b'), 1::bigint,
  'its claim is given back by whoever takes it');
SELECT held(:event, 'anna', seats(5)) AS c \gset
SELECT confirm(:event, :'c', 'anna') \gset _
SELECT is(failure(format('SELECT release(%s, %L, %L)', :event, :'c', 'anna')),
  'HF206 {"status": "CONFIRMED"}', 'what is confirmed is cancelled, not released');

-- a reservation: the wish is noted
SELECT held(:event, 'anna', seats(6), '{FLOOR}', '{1}') AS d \gset
SELECT reserve(:event, :'d', 'anna') \gset _
SELECT claims(:event) AS before \gset
SELECT is((release(:event, :'d', 'anna', 'wish')).outcome, 'asked',
  'a release waits while a payment is open');
SELECT is((SELECT ROW(status, release_asked_at = now())::text FROM bookings
  WHERE booking_id = :'d'), '(RESERVED,t)', 'the wish is noted');
SELECT is(claims(:event), :'before', 'and nothing else is changed');
SELECT is((SELECT count(*) FROM answers WHERE key = 'wish'), 0::bigint, 'it is no answer to keep');
SELECT due(:event, :'d') \gset _
SELECT is(failure(format('SELECT release(%s, %L, %L)', :event, :'d', 'anna')), 'HF205',
  'past its deadline a reservation has expired');

SELECT held(:event, 'anna', seats(8,9), '{FLOOR}', '{1}') AS e \gset
DELETE FROM ga_claims WHERE booking_id = :'e';
SELECT is(failure(format('SELECT release(%s, %L, %L)', :event, :'e', 'anna')), 'XX001',
  'a missing claim fails the whole move');
SELECT is((SELECT count(*) FROM seat_claims WHERE booking_id = :'e'), 2::bigint,
  'and frees nothing');
UPDATE events SET status = 'cancelled' WHERE event_id = :event;
SELECT is((SELECT count(*) FROM audit_i2() AS t WHERE t LIKE '%taken%'), 0::bigint,
  'the counts are the sums of their claims');

SELECT * FROM finish();
ROLLBACK;
