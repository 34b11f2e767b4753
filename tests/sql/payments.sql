-- Payments: a booking is reserved for one, and what it does when it succeeds, fails, is cancelled, comes
-- late, comes twice, or is of another sum.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(104);

SELECT event(12, 6, 3) AS event \gset
UPDATE events SET payment = 'stripe' WHERE event_id = :event;

CREATE FUNCTION pg_temp.pay(p_booking uuid) RETURNS jsonb LANGUAGE sql AS $$
  SELECT (booking_show(b, false)).payment::jsonb FROM bookings b WHERE booking_id = p_booking
$$;
CREATE FUNCTION pg_temp.notices(p_booking uuid) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(kind, ' ' ORDER BY notice_no) FROM notices_new WHERE booking_id = p_booking
$$;

-- ---- checkout ---------------------------------------------------------------------------------

SELECT held(:event, 'anna', seats(1,2), '{FLOOR}', '{2}') AS a \gset
SELECT is(failure(format('SELECT checkout(%s, %L, %L)', :event, :'a', 'berta')), 'HF104',
  'another''s booking does not exist');
SELECT is(failure(format('SELECT holdfast.checkout(%s, %L, %L, NULL, NULL, false, NULL, 60, 3600)', :event, :'a', given.buyer('anna'))),
  'HF291', 'nobody takes payments');
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'a', 'anna')), 'HF207',
  'what costs money is not confirmed without it');
SELECT is(ROW(q.outcome, q.attempt, q.amount, q.pay_currency, q.provider_id)::text,
    '(new,1,2600,EUR,)', 'a first checkout is to be opened at the provider, for what the booking costs')
  FROM checkout(:event, :'a', 'anna') AS q;
SELECT is(status(:event, :'a'), 'RESERVED', 'the booking is reserved');
SELECT is(claims(:event) ~ ('0:r:' || left(:'a', 8)), true, 'with its claims');
SELECT is(pg_temp.pay(:'a'), '{"payment_id": null, "provider": "stripe", "status": "opening", "amount": 2600,
  "currency": "EUR", "captured": 0, "refunded": 0, "refund_owed": 0}'::jsonb, 'and shows its payment');
SELECT is(ROW(q.outcome, q.attempt)::text, '(new,1)', 'again, before the provider has answered: the same')
  FROM checkout(:event, :'a', 'anna') AS q;
SELECT is((q).outcome, 'noted', 'the provider has answered')
  FROM (SELECT payment_opened(:event, :'a', 1, 'pi_a', NULL) AS q) AS x;
SELECT is(ROW(q.outcome, q.attempt, q.provider_id)::text, '(open,1,pi_a)', 'again: the payment it gave')
  FROM checkout(:event, :'a', 'anna') AS q;
SELECT is((SELECT count(*) FROM payments WHERE booking_id = :'a'), 1::bigint, 'there is one');
SELECT throws_ok(format($$INSERT INTO payments (event_id, booking_id, attempt, provider, status, amount, currency)
  VALUES (%s, %L, 2, 'stripe', 'opening', 1, 'EUR')$$, :event, :'a'), '23505', NULL, 'and no second open one');
SELECT is((q).outcome, 'noted', 'a second answer changes nothing')
  FROM (SELECT payment_opened(:event, :'a', 1, 'pi_other', NULL) AS q) AS x;
SELECT is(pg_temp.pay(:'a') ->> 'payment_id', 'pi_a', 'not even the id');
SELECT is(failure(format('SELECT release(%s, %L, %L)', :event, :'a', 'berta')), 'HF104', 'nobody else''s wish');

-- a key belongs to its request
SELECT held(:event, 'anna', seats(3)) AS k \gset
SELECT is((checkout(:event, :'k', 'anna', 'key')).outcome, 'new', 'with a key');
SELECT is((checkout(:event, :'k', 'anna', 'key')).outcome, 'new', 'again with it');
SELECT is(failure(format($$SELECT checkout(%s, %L, 'anna', 'key', 'other')$$, :event, :'k')), 'HF130',
  'which belongs to its request');

-- ---- money in time -------------------------------------------------------------------------------

SELECT * FROM told('pi_a', 'succeeded', 2600, p_notice => 'evt_1') \gset r_
SELECT is(ROW(:'r_outcome'::text, :'r_state'::text, :'r_positions'::integer[], :'r_sections'::text, :r_deadline_ms)::text,
  '(confirmed,b,"{0,1}",FLOOR:2,-1)', 'money confirms, and says what the booking holds');
SELECT is(status(:event, :'a'), 'CONFIRMED', 'it is confirmed');
SELECT is((SELECT (confirm(:event, :'a', 'anna')).outcome), 'done', 'a confirm of the buyer''s finds it so');
SELECT is((told('pi_a', 'succeeded', 2600, p_notice => 'evt_1')).outcome, 'replay', 'the same notice once more');
SELECT is((told('pi_a', 'succeeded', 2600, p_notice => 'evt_2')).outcome, 'noted', 'another that says the same');
SELECT is((told('pi_a', 'failed', 0, p_notice => 'evt_3')).outcome, 'noted', 'one that comes too late');
SELECT is((told('pi_a', 'cancelled', 0)).outcome, 'noted', 'and another');
SELECT is(pg_temp.pay(:'a') ->> 'status', 'succeeded', 'undo nothing');
SELECT is((checkout(:event, :'a', 'anna')).outcome, 'settled', 'a checkout of what is paid says so');
SELECT is(pg_temp.notices(:'a'), 'booking.confirmed payment.succeeded', 'others are told once');
SELECT is((told('pi_none', 'succeeded', 1)).outcome, 'unknown', 'a payment of nobody''s');
SELECT is((SELECT count(*) FROM payment_notices WHERE notice_id = 'evt_none'), 0::bigint, 'is not noted');

-- by what was written on it, where the answer was lost: and the notice came before it
SELECT held(:event, 'anna', seats(4)) AS b \gset
SELECT checkout(:event, :'b', 'anna') \gset _
SELECT is((told('pi_b', 'succeeded', 1000, :event, :'b', 1)).outcome, 'confirmed', 'found by its booking');
SELECT is(pg_temp.pay(:'b') ->> 'payment_id', 'pi_b', 'and given its id');
SELECT is((payment_opened(:event, :'b', 1, 'pi_b', NULL)).outcome, 'noted', 'the answer comes after it');

-- ---- no money ------------------------------------------------------------------------------------

SELECT held(:event, 'anna', seats(5)) AS c \gset
SELECT checkout(:event, :'c', 'anna') \gset _
SELECT is((q).outcome || (q).state, 'back-to-holdh', 'refused by the provider: back to HOLD')
  FROM (SELECT payment_opened(:event, :'c', 1, NULL, 'no such currency') AS q) AS x;
SELECT is(status(:event, :'c'), 'HOLD', 'so it is');
SELECT is(ROW(q.outcome, q.attempt)::text, '(new,2)', 'the next checkout is another attempt')
  FROM checkout(:event, :'c', 'anna') AS q;
SELECT payment_opened(:event, :'c', 2, 'pi_c', NULL) \gset _
SELECT expires_at AS c_deadline FROM bookings WHERE booking_id = :'c' \gset
SELECT is((told('pi_c', 'processing', 0)).outcome, 'noted', 'under way');
SELECT is((q).outcome || (q).state, 'back-to-holdh', 'declined: back to HOLD')
  FROM (SELECT told('pi_c', 'failed', 0, p_notice => 'evt_c', p_error => 'declined') AS q) AS x;
SELECT is((SELECT ROW(status, expires_at = :'c_deadline')::text FROM bookings WHERE booking_id = :'c'), '(HOLD,t)',
  'with the deadline that it had');
SELECT is(pg_temp.pay(:'c') ->> 'status', 'open', 'the payment can be tried again');
SELECT is(ROW(q.outcome, q.attempt, q.provider_id)::text, '(open,2,pi_c)', 'checkout gives the same one')
  FROM checkout(:event, :'c', 'anna') AS q;
SELECT is(status(:event, :'c'), 'RESERVED', 'reserved again');
SELECT is((told('pi_c', 'failed', 0, p_notice => 'evt_c', p_error => 'declined')).outcome, 'replay', 'the notice once more');
SELECT is(ROW(status(:event, :'c'), pg_temp.notices(:'c'))::text, '(RESERVED,payment.failed)',
  'says nothing of the new try, and is told to nobody');
SELECT is((told('pi_c', 'failed', 0, p_decline => 'ch_c1')).outcome, 'back-to-hold', 'declined again');
SELECT checkout(:event, :'c', 'anna') \gset _
SELECT is((told('pi_c', 'failed', 0, p_decline => 'ch_c1')).outcome, 'noted', 'a decline that is known is of an earlier try');
SELECT is((told('pi_c', 'failed', 0, p_notice => 'evt_c1', p_decline => 'ch_c1')).outcome, 'noted', 'whoever tells it');
SELECT is(ROW(status(:event, :'c'), pg_temp.notices(:'c'))::text, '(RESERVED,"payment.failed payment.failed")',
  'says nothing of this one, and is told to nobody');
SELECT is((told('pi_c', 'open', 0)).outcome, 'noted', 'the provider waits for it');
SELECT is((told('pi_c', 'failed', 0, p_decline => 'ch_c1')).outcome, 'noted', 'and the earlier one is still known');
SELECT is((told('pi_c', 'failed', 0, p_decline => 'ch_c2')).outcome, 'back-to-hold', 'the next one is another');
SELECT is((told('pi_c', 'succeeded', 1000)).outcome, 'confirmed', 'money confirms a HOLD too');

SELECT held(:event, 'anna', seats(6)) AS d \gset
SELECT checkout(:event, :'d', 'anna') \gset _
SELECT payment_opened(:event, :'d', 1, 'pi_d', NULL) \gset _
SELECT is((told('pi_d', 'cancelled', 0)).outcome, 'back-to-hold', 'cancelled: back to HOLD');
SELECT is(ROW(q.outcome, q.attempt)::text, '(new,2)', 'and another attempt')
  FROM checkout(:event, :'d', 'anna') AS q;
SELECT payment_opened(:event, :'d', 2, 'pi_d2', NULL) \gset _
SELECT is((release(:event, :'d', 'anna')).outcome, 'asked', 'a release waits for the payment');
SELECT is((SELECT bool_and(q.cancel) FROM payments_due(10, 3600) AS q WHERE q.provider_id = 'pi_d2'), true,
  'the sweep is told to cancel it');
SELECT is((told('pi_d2', 'failed', 0)).outcome, 'noted', 'a declined try does not answer the wish');
SELECT is((q).outcome || (q).state, 'released-', 'the cancelled payment does')
  FROM (SELECT told('pi_d2', 'cancelled', 0) AS q) AS x;
SELECT is(claims(:event) ~ left(:'d', 8), false, 'its seat is free');
SELECT is((told('pi_d', 'succeeded', 1000)).outcome, 'confirmed-late',
  'money of a cancelled payment is money: the seat was free still');
SELECT is(ROW(status(:event, :'d'), pg_temp.notices(:'d'))::text,
  '(CONFIRMED,"booking.confirmed payment.succeeded")', 'and is told');

-- ---- late money ------------------------------------------------------------------------------------

-- its own due claims, of a booking that nobody has ended yet
SELECT open_payment(:event, 'berta', seats(7), '{FLOOR}', '{1}', 'pi_e') AS e \gset
SELECT due(:event, :'e') \gset _
SELECT is((told('pi_e', 'succeeded', 1300)).outcome, 'confirmed-late', 'due, not yet ended: all taken again');
SELECT is((SELECT ROW(status, late, ended_at)::text FROM bookings WHERE booking_id = :'e'), '(CONFIRMED,t,)', 'confirmed');
SELECT is((SELECT revived FROM filter_some(:event, ARRAY[:'e'::uuid])), floor(extract(epoch FROM now()) * 1000)::bigint,
  'the filter is told since when it stands again');
SELECT is(taken(:event, 1), 3, 'the count counts it once');
-- the janitor has been
SELECT open_payment(:event, 'berta', seats(8), '{FLOOR}', '{1}', 'pi_f') AS f \gset
SELECT due(:event, :'f') \gset _
SELECT count(*) FROM expire(10) \gset _
SELECT is(status(:event, :'f'), 'EXPIRED', 'given back');
SELECT is(ROW((q).outcome, (q).revived)::text, ROW('confirmed-late', floor(extract(epoch FROM now()) * 1000)::bigint)::text,
    'and free: taken again, as from now')
  FROM (SELECT told('pi_f', 'succeeded', 1300) AS q) AS x;
SELECT is(taken(:event, 1), 4, 'with the count');
-- another's due claim is taken over, and its booking closed
SELECT open_payment(:event, 'berta', seats(9), '{}', '{}', 'pi_g') AS g \gset
SELECT due(:event, :'g') \gset _
SELECT held(:event, 'carl', seats(9,10)) AS other \gset
SELECT due(:event, :'other') \gset _
SELECT is((told('pi_g', 'succeeded', 1000)).outcome, 'confirmed-late', 'another''s due claim is taken over');
SELECT is(status(:event, :'other'), 'EXPIRED', 'which closes that booking');
-- somebody has one of the seats
SELECT open_payment(:event, 'berta', seats(11,12), '{FLOOR}', '{1}', 'pi_h') AS h \gset
SELECT due(:event, :'h') \gset _
SELECT held(:event, 'carl', seats(12)) AS rival \gset
SELECT claims(:event) AS before \gset
SELECT * FROM told('pi_h', 'succeeded', 2300) \gset r_
SELECT is(ROW(:'r_outcome'::text, :'r_state'::text, :'r_positions'::integer[])::text, '(unfulfilled,-,{})',
  'a seat that somebody has is not taken, nor any of the others');
SELECT is(claims(:event), :'before', 'no claim has changed');
SELECT is(taken(:event, 1), 5, 'nor the count, until its due places are given back');
SELECT is(ROW(status(:event, :'h'), pg_temp.pay(:'h') ->> 'refund_owed')::text, '(PAID_UNFULFILLED,2300)',
  'all of it is owed');
SELECT is((SELECT ROW(amount, reason, status)::text FROM refunds WHERE booking_id = :'h'), '(2300,late,requested)',
  'by a refund');
SELECT is(pg_temp.notices(:'h'), 'booking.unfulfilled payment.succeeded refund.requested', 'and told');
SELECT is((told('pi_h', 'succeeded', 2300)).outcome, 'noted', 'once');
-- no place left in the section; due ones of others are given back first
SELECT open_payment(:event, 'berta', '{}', '{BALCONY}', '{2}', 'pi_i') AS i \gset
SELECT due(:event, :'i') \gset _
SELECT count(*) FROM expire(10) \gset _
SELECT held(:event, 'carl', '{}', '{BALCONY}', '{2}') AS full \gset
SELECT due(:event, :'full') \gset _
SELECT is((told('pi_i', 'succeeded', 400)).outcome, 'confirmed-late', 'due places of others are given back');
SELECT is(ROW(taken(:event, 2), status(:event, :'full'))::text, '(2,EXPIRED)', 'and their bookings closed');
SELECT open_payment(:event, 'dora', '{}', '{BALCONY}', '{1}', 'pi_j') AS j \gset
SELECT due(:event, :'j') \gset _
SELECT paid(:event, 'carl', '{}', '{BALCONY}', '{1}', 'pi_j2') \gset _
SELECT is((told('pi_j', 'succeeded', 200)).outcome, 'unfulfilled', 'a full section stays as it is');
SELECT is(taken(:event, 2), 3, 'its count too');
-- a killed seat is nobody's
SELECT event(2, 1, 1) AS small \gset
UPDATE events SET payment = 'stripe' WHERE event_id = :small;
SELECT open_payment(:small, 'dora', seats(1), '{}', '{}', 'pi_k') AS killed \gset
SELECT due(:small, :'killed') \gset _
SELECT count(*) FROM expire(10) \gset _
INSERT INTO seat_claims (event_id, position, state, expires_at) VALUES (:small, 0, 'x', 'infinity');
SELECT is((told('pi_k', 'succeeded', 1000)).outcome, 'unfulfilled', 'a seat taken off sale is not taken');

-- ---- money too often, or not as agreed -------------------------------------------------------------

SELECT is((told('pi_d2', 'succeeded', 1000)).outcome, 'refunding', 'money for a booking that is paid goes back');
SELECT is((SELECT string_agg(r.reason || r.amount || r.attempt, ' ') FROM refunds r WHERE booking_id = :'d'),
  'duplicate10002', 'all of that payment');
SELECT is(ROW(status(:event, :'d'), pg_temp.pay(:'d') - 'payment_id')::text, ROW('CONFIRMED'::text,
  '{"provider": "stripe", "status": "succeeded", "amount": 1000, "currency": "EUR", "captured": 2000,
    "refunded": 0, "refund_owed": 1000}'::jsonb)::text, 'the booking stands');
SELECT is((told('pi_second', 'succeeded', 1000, :event, :'d', 1)).outcome, 'refunding',
  'a payment made twice at the provider is somebody''s money too');
SELECT is((SELECT count(*) FROM payments WHERE booking_id = :'d'), 3::bigint, 'and has a row');

SELECT open_payment(:small, 'emil', seats(2), '{}', '{}', 'pi_l') AS l \gset
SELECT is((q).outcome || (q).state, 'refundingh', 'another sum does not confirm')
  FROM (SELECT told('pi_l', 'succeeded', 999) AS q) AS x;
SELECT is((SELECT ROW(amount, reason)::text FROM refunds WHERE booking_id = :'l'), '(999,mismatch)', 'it goes back');
SELECT is((checkout(:small, :'l', 'emil')).attempt, 2::smallint, 'and can be paid again');
SELECT payment_opened(:small, :'l', 2, 'pi_l2', NULL) \gset _
SELECT is((told('pi_l2', 'succeeded', 1000, p_currency => 'usd')).outcome, 'refunding', 'nor does another currency');
SELECT is((SELECT ROW(amount, currency, reason)::text FROM refunds WHERE booking_id = :'l' AND attempt = 2),
  '(1000,USD,mismatch)', 'which goes back as it came');
SELECT is(pg_temp.pay(:'l') ->> 'captured', '999', 'and is not counted in ours');
-- the event is cancelled
SELECT checkout(:small, :'l', 'emil') \gset _
SELECT payment_opened(:small, :'l', 3, 'pi_l3', NULL) \gset _
UPDATE events SET status = 'cancelled' WHERE event_id = :small;
SELECT is((q).outcome || (q).state, 'unfulfilled-', 'money for an event that is cancelled')
  FROM (SELECT told('pi_l3', 'succeeded', 1000) AS q) AS x;
SELECT is((SELECT ROW(status(:small, :'l'), r.amount, r.reason)::text FROM refunds r
  WHERE booking_id = :'l' AND attempt = 3), '(PAID_UNFULFILLED,1000,event-cancelled)', 'goes back');
SELECT is(failure(format('SELECT checkout(%s, %L, %L)', :small, :'l', 'emil')), 'HF206 {"status": "PAID_UNFULFILLED"}',
  'and nothing more is paid');

-- ---- guards -----------------------------------------------------------------------------------------

SELECT is(failure('UPDATE payments SET status = ''open'' WHERE provider_id = ''pi_a'''), '23514', 'no way back');
SELECT is(failure('UPDATE payments SET amount = 1 WHERE provider_id = ''pi_a'''), '23514', 'a sum stays');
SELECT is(failure('UPDATE payments SET refunding = captured + 1 WHERE provider_id = ''pi_a'''), '23514',
  'no more goes back than came');
SELECT is(failure('DELETE FROM payments'), '23514', 'a payment is never forgotten');
SELECT is(failure('UPDATE refunds SET amount = 1'), '23514', 'nor is what a refund was of');
SELECT is(failure('DELETE FROM refunds'), '23514', 'nor a refund');

SELECT is((SELECT string_agg(t, E'\n') FROM audit_i7() AS t), NULL, 'all money is accounted for');
SELECT is((SELECT string_agg(t, E'\n') FROM audit_i1() AS t WHERE t NOT LIKE '%user%'), NULL, 'all claims too');

SELECT * FROM finish();
ROLLBACK;
