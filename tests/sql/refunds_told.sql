-- Refunds as a provider tells of them: late, again, after they have failed, sent again or made past the
-- books; disputes; and what the audit says to each.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(64);

SELECT event(12, 6, 6) AS event \gset
UPDATE events SET payment = 'stripe' WHERE event_id = :event;
UPDATE events SET payment_since = now() - interval '1 day' WHERE event_id = :event;
CREATE FUNCTION pg_temp.money(p_booking uuid) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', b.status, p ->> 'captured', p ->> 'refunded', p ->> 'refund_owed') FROM bookings b,
    LATERAL (SELECT (booking_show(b, false)).payment::jsonb AS p) AS q WHERE b.booking_id = p_booking
$$;
CREATE FUNCTION pg_temp.notices(p_booking uuid) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(kind, ' ' ORDER BY notice_no) FROM notices_new
    WHERE booking_id = p_booking AND kind ~ '^refund|disputed'
$$;
CREATE FUNCTION pg_temp.books() RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(t, E'\n'), 'balanced') FROM audit_i7() AS t
$$;
CREATE FUNCTION pg_temp.heard(p_notice text, p_refund uuid, p_payment text, p_provider_refund text, p_status text,
  p_amount bigint DEFAULT NULL, p_currency text DEFAULT 'eur') RETURNS text LANGUAGE sql AS $$
  SELECT refund_heard('stripe', p_notice, p_refund, p_payment, p_provider_refund, p_status, p_amount, p_currency, 'why')
$$;
CREATE FUNCTION pg_temp.staff(p_booking uuid, p_again boolean) RETURNS text LANGUAGE sql AS $$
  SELECT (refunded(b.event_id, b.booking_id, given.buyer('organizer'), false, NULL, NULL, false, p_again)).outcome
    FROM bookings b WHERE b.booking_id = p_booking
$$;
CREATE FUNCTION pg_temp.refund(p_booking uuid) RETURNS uuid LANGUAGE sql AS $$
  SELECT refund_id FROM refunds WHERE booking_id = p_booking ORDER BY amount DESC LIMIT 1
$$;

-- ---- failed, and what comes after it ---------------------------------------------------------------

SELECT paid(:event, 'anna', seats(1), '{}', '{}', 'pi_a') AS a \gset
SELECT cancel(:event, :'a', 'anna') \gset _
SELECT pg_temp.refund(:'a') AS a1 \gset
SELECT is(pg_temp.heard('evt_a1', :'a1', 'pi_a', 're_a', 'sent'), 'noted', 'the provider has it');
SELECT is(pg_temp.heard('evt_a2', :'a1', 'pi_a', 're_a', 'failed'), 'noted', 'it fails');
SELECT is(pg_temp.heard('evt_a2', :'a1', 'pi_a', 're_a', 'failed'), 'replay', 'a notice acts once');
SELECT is(pg_temp.heard('evt_a3', :'a1', 'pi_a', 're_a', 'done'), 'noted', 'a late notice says that it is done');
SELECT is(pg_temp.money(:'a'), 'CANCELLED 1000 0 1000', 'it is owed all the same');
SELECT is(refund_told(:'a1', 're_a', 'done', NULL), 'noted', 'whoever says so');
SELECT is(pg_temp.money(:'a'), 'CANCELLED 1000 0 1000', 'it is owed');
SELECT is(pg_temp.notices(:'a'), 'refund.requested refund.failed', 'and was told as that');
SELECT is(pg_temp.staff(:'a', true), 'moved', 'it is sent again');
SELECT pg_temp.refund(:'a') AS a2 \gset
SELECT isnt(:'a2'::uuid, :'a1'::uuid, 'under another id');
SELECT is(pg_temp.heard('evt_a4', :'a1', 'pi_a', 're_a', 'done'), 'noted', 'a late notice of the old one');
SELECT is(pg_temp.heard('evt_a5', :'a1', 'pi_a', 're_a', 'failed'), 'noted', 'and another');
SELECT is((SELECT ROW(status, provider_id)::text FROM refunds WHERE refund_id = :'a2'), '(requested,)', 'change nothing');
SELECT is((SELECT ROW(provider_id, previous_ids)::text FROM refunds_due(10) WHERE refund_id = :'a2'),
  '(pi_a,' || :'a1' || ')', 'whoever sends it knows the old id');
SELECT is(refund_told(:'a2', 're_a2', 'done', NULL), 'refunded', 'it is done');
SELECT is(pg_temp.heard('evt_a6', :'a1', 'pi_a', 're_a', 'failed'), 'noted', 'the old one once more');
SELECT is(pg_temp.money(:'a'), 'REFUNDED 1000 1000 0', 'undoes nothing');

-- one that was thought to be refused, and was made all the same
SELECT paid(:event, 'anna', seats(2), '{}', '{}', 'pi_b') AS b \gset
SELECT cancel(:event, :'b', 'anna') \gset _
SELECT pg_temp.refund(:'b') AS b1 \gset
SELECT refund_told(:'b1', NULL, 'failed', 'no') \gset _
SELECT pg_temp.staff(:'b', true) \gset _
SELECT is(pg_temp.heard('evt_b1', :'b1', 'pi_b', 're_b', 'failed'), 'noted', 'that the old one failed is known');
SELECT is((SELECT status FROM refunds WHERE booking_id = :'b'), 'requested', 'the new one is to be sent');
SELECT is(refund_told(:'b1', NULL, 'failed', 'no'), 'noted', 'also to whoever had sent the old one');
SELECT is((SELECT status FROM refunds WHERE booking_id = :'b'), 'requested', 'still');
SELECT is(pg_temp.heard('evt_b2', :'b1', 'pi_b', 're_b', 'done'), 'refunded', 'the old one was sent after all');
SELECT is((SELECT count(*) FROM refunds_due(10)), 0::bigint, 'so that no other is');
SELECT is(refund_told(pg_temp.refund(:'b'), NULL, 'failed', 'it is all gone'), 'noted', 'who is refused meanwhile');
SELECT is(status(:event, :'b') || (SELECT status FROM refunds WHERE booking_id = :'b'), 'REFUNDEDdone', 'undoes nothing');
SELECT is(pg_temp.heard('evt_b3', NULL, 'pi_b', 're_b', 'failed'), 'noted', 'it comes back');
SELECT is(pg_temp.money(:'b'), 'REFUNDED 1000 0 1000', 'and is owed: the single refund of a booking that is REFUNDED');
SELECT is(pg_temp.books(), 'balanced', 'which is no mistake in the books');

-- given back by hand, and then by the provider too
SELECT is(pg_temp.staff(:'b', false), 'moved', 'given back by hand');
SELECT is(pg_temp.heard('evt_b4', NULL, 'pi_b', 're_b', 'failed'), 'noted', 'what is repeated');
SELECT is(pg_temp.money(:'b'), 'REFUNDED 1000 1000 0', 'undoes nothing');
SELECT is(pg_temp.heard('evt_b5', :'b1', 'pi_b', 're_bb', 'done'), 'unfit', 'more than was paid is not written, but said');

-- two refunds
SELECT paid(:event, 'berta', seats(4,5), '{}', '{}', 'pi_c') AS c \gset
SELECT cancel(:event, :'c', 'berta', seats(4)) \gset _
SELECT refund_told(pg_temp.refund(:'c'), 're_c1', 'done', NULL) \gset _
SELECT cancel(:event, :'c', 'berta') \gset _
SELECT refund_told(refund_id, 're_c2', 'done', NULL) AS _ FROM refunds WHERE booking_id = :'c' AND status <> 'done' \gset
SELECT is(pg_temp.money(:'c'), 'REFUNDED 2000 2000 0', 'both are done');
SELECT is(pg_temp.heard('evt_c1', NULL, 'pi_c', 're_c1', 'failed'), 'noted', 'one comes back');
SELECT is(pg_temp.money(:'c'), 'REFUNDED 2000 1000 1000', 'one of two is owed again');
SELECT is(pg_temp.heard('evt_c2', NULL, 'pi_c', 're_c2', 'failed'), 'noted', 'and the other');
SELECT is(pg_temp.money(:'c'), 'REFUNDED 2000 0 2000', 'both');
SELECT is(pg_temp.notices(:'c'), 'refund.requested refund.done refund.requested refund.done refund.failed refund.failed',
  'and told as failed');
SELECT is(pg_temp.books(), 'balanced', 'which is no mistake either');
SELECT is((told('pi_c2', 'succeeded', 2000, :event, :'c', 1)).outcome, 'refunding', 'money that comes after all that');
SELECT is(pg_temp.books(), 'balanced', 'is owed');

-- ---- made at the provider, not here ----------------------------------------------------------------

SELECT paid(:event, 'carl', seats(6,7), '{}', '{}', 'pi_d') AS d \gset
SELECT is(pg_temp.heard('evt_d0', NULL, 'pi_none', 're_d0', 'done', 300), 'unknown', 'of a payment that is not ours');
SELECT is(pg_temp.heard('evt_d1', NULL, 'pi_d', 're_d1', 'sent', 300), 'outside', 'of one that is');
SELECT is(pg_temp.money(:'d'), 'CONFIRMED 2000 0 300', 'it is under way');
SELECT is(pg_temp.heard('evt_d2', NULL, 'pi_d', 're_d1', 'done', 300), 'noted', 'and done');
SELECT is(pg_temp.money(:'d'), 'CONFIRMED 2000 300 0', 'and counted');
SELECT is(pg_temp.books(), 'balanced', 'so that the books are right');
SELECT is(pg_temp.heard('evt_d3', gen_random_uuid(), 'pi_d', 're_d2', 'done', 1701), 'unfit', 'more than is left');
SELECT is(pg_temp.heard('evt_d4', NULL, 'pi_d', 're_d2', 'done', 10, 'usd'), 'unfit', 'other money');
SELECT is(pg_temp.heard('evt_d5', NULL, 'pi_d', 're_d2', 'done'), 'unfit', 'no amount');
SELECT is(pg_temp.heard('evt_d6', NULL, 'pi_d', 're_d2', 'failed', 10), 'noted', 'one that has failed');
SELECT is(pg_temp.money(:'d'), 'CONFIRMED 2000 300 0', 'are not written');
SELECT cancel(:event, :'d', 'carl') \gset _
SELECT is(pg_temp.money(:'d'), 'CANCELLED 2000 300 1700', 'a cancel gives back what there is');
SELECT is(pg_temp.books(), 'balanced', 'and the books are right');
SELECT open_payment(:event, 'carl', seats(8), '{}', '{}', 'pi_e') AS e \gset
SELECT is(pg_temp.heard('evt_e', NULL, 'pi_e', 're_e', 'done', 300), 'early', 'before its money is known');
SELECT told('pi_e', 'succeeded', 1000) \gset _
SELECT is(pg_temp.heard('evt_e', NULL, 'pi_e', 're_e', 'done', 1000), 'outside', 'the same notice later');

-- ---- disputes ----------------------------------------------------------------------------------------

SELECT is(payment_disputed('stripe', 'evt_x', 'pi_none', 'dp_1', 1000, 'eur', 'fraudulent'), 'unknown', 'of nobody''s payment');
SELECT is(payment_disputed('stripe', 'evt_x', 'pi_d', 'dp_1', 1000, 'eur', 'fraudulent'), 'disputed', 'of one of ours');
SELECT is(payment_disputed('stripe', 'evt_x', 'pi_d', 'dp_1', 1000, 'eur', 'fraudulent'), 'replay', 'once');
SELECT is((SELECT data FROM notices_new WHERE booking_id = :'d' AND kind = 'payment.disputed'),
  '{"payment_id": "pi_d", "provider": "stripe", "dispute_id": "dp_1", "amount": 1000, "currency": "EUR",
    "reason": "fraudulent"}'::jsonb, 'staff are told');

-- ---- money of another currency alone -----------------------------------------------------------------

SELECT open_payment(:event, 'dora', seats(9), '{}', '{}', 'pi_f') AS f \gset
SELECT told('pi_f', 'succeeded', 1000, p_currency => 'usd') \gset _
SELECT is(pg_temp.money(:'f'), 'HOLD 0 0 0', 'an answer is JSON');

-- ---- an event that is free of charge from now on -----------------------------------------------------

SELECT open_payment(:event, 'emil', seats(10), '{}', '{}', 'pi_g') AS g \gset
SELECT held(:event, 'emil', seats(11)) AS h \gset
SELECT held(:event, 'emil', seats(12)) AS i \gset
SELECT checkout(:event, :'i', 'emil') \gset _
SELECT payment_opened(:event, :'i', 1, NULL, 'refused') \gset _
UPDATE events SET payment = 'none' WHERE event_id = :event;
SELECT is(failure(format('SELECT confirm(%s, %L, %L)', :event, :'g', 'emil')), 'HF208', 'who is paying is not given it');
SELECT is(ROW((confirm(:event, :'h', 'emil')).outcome, (confirm(:event, :'i', 'emil')).outcome)::text, '(moved,moved)',
  'who is not, is');
SELECT told('pi_i', 'succeeded', 1000, :event, :'i', 1) \gset _
UPDATE payments SET settled_at = settled_at + interval '1 second' WHERE booking_id = :'i'; -- not in one transaction
SELECT is(pg_temp.books(), 'balanced', 'money that comes for it goes back');

SELECT * FROM finish();
ROLLBACK;
