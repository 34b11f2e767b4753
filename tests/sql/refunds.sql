-- Money that goes back: what the policy of an event gives, of which payment, never more than came; and
-- what staff say of money that no provider has.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(75);

SELECT event(12, 6, 6) AS event \gset
UPDATE events SET payment = 'stripe' WHERE event_id = :event;

-- ---- policy ---------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.policy(p_event integer, p_policy text) RETURNS void LANGUAGE sql AS $$
  UPDATE events SET refund_policy = replace(replace(replace(p_policy,
    'SOON', to_char(now() + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SSOF')),
    'LATER', to_char(now() + interval '2 days', 'YYYY-MM-DD"T"HH24:MI:SSOF')),
    'PAST', to_char(now() - interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SSOF'))::jsonb
    WHERE event_id = p_event
$$;
CREATE FUNCTION pg_temp.part(p_event integer, p_policy text, p_amount bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.policy(p_event, p_policy);
  RETURN refund_part(p_event, p_amount, provider_unit((SELECT currency FROM events WHERE event_id = p_event)));
END
$$;

SELECT is(pg_temp.part(:event, '[]', 1234), 1234::bigint, 'no policy: everything');
UPDATE events SET currency = 'KWD' WHERE event_id = :event;
SELECT is(pg_temp.part(:event, '[{"until": "SOON", "percent": 50, "fee": 0}]', 1030), 510::bigint,
  'of thousandths no single ones');
UPDATE events SET currency = 'EUR' WHERE event_id = :event;
SELECT is(pg_temp.part(:event, '[{"until": "SOON", "percent": 100, "fee": 0}]', 1234), 1234::bigint, 'all of it');
SELECT is(pg_temp.part(:event, '[{"until": "SOON", "percent": 50, "fee": 0}]', 1001), 501::bigint, 'half is rounded up');
SELECT is(pg_temp.part(:event, '[{"until": "SOON", "percent": 33, "fee": 0}]', 101), 33::bigint, 'less than half is not');
SELECT is(pg_temp.part(:event, '[{"until": "SOON", "percent": 50, "fee": 100}]', 1001), 401::bigint, 'less the fee');
SELECT is(pg_temp.part(:event, '[{"until": "SOON", "percent": 50, "fee": 600}]', 1001), 0::bigint, 'never below nothing');
SELECT is(pg_temp.part(:event, '[{"until": "SOON", "percent": 0, "fee": 0}]', 1001), 0::bigint, 'nothing of it');
SELECT is(pg_temp.part(:event, '[{"until": "PAST", "percent": 100, "fee": 0}]', 1001), 0::bigint, 'nothing after the last rule');
SELECT is(pg_temp.part(:event, '[{"until": "LATER", "percent": 25, "fee": 0}, {"until": "PAST", "percent": 100, "fee": 0},
  {"until": "SOON", "percent": 75, "fee": 1}]', 1000), 749::bigint, 'the first rule by its time, wherever it stands');
SELECT is(pg_temp.part(:event, '[{"until": "2999-01-01", "percent": 10, "fee": 0}]', 9223372036854775807 / 1000),
  922337203685478::bigint, 'a date, and an amount beyond what a person has');
UPDATE events SET timezone = 'Pacific/Kiritimati' WHERE event_id = :event;
SELECT is(pg_temp.part(:event, format('[{"until": "%s", "percent": 10, "fee": 0}]',
    (now() AT TIME ZONE 'Pacific/Kiritimati')::date), 1000), 0::bigint, 'a date is its beginning, where the event is');
UPDATE events SET timezone = 'UTC' WHERE event_id = :event;
SELECT is(pg_temp.part(:event, '[{"until": "9999-12-31", "percent": 10}]', 1000), 100::bigint, 'a far date, no fee');

-- ---- cancel ---------------------------------------------------------------------------------------

SELECT pg_temp.policy(:event, '[{"until": "SOON", "percent": 50, "fee": 100}]') \gset _
SELECT paid(:event, 'anna', seats(1,2,3), '{FLOOR}', '{2}', 'pi_a') AS a \gset
CREATE FUNCTION pg_temp.money(p_booking uuid) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', b.status, p ->> 'captured', p ->> 'refunded', p ->> 'refund_owed') FROM bookings b,
    LATERAL (SELECT (booking_show(b, false)).payment::jsonb AS p) AS q WHERE b.booking_id = p_booking
$$;
SELECT is(pg_temp.money(:'a'), 'CONFIRMED 7600 0 0', 'paid');
SELECT cancel(:event, :'a', 'anna', seats(1)) \gset _
SELECT is(pg_temp.money(:'a'), 'CONFIRMED 7600 0 400', 'of one seat: its half, less the fee');
SELECT is((SELECT ROW(amount, refund)::text FROM booking_cancels WHERE booking_id = :'a'), '(1000,400)', 'kept with the cancel');
SELECT is((SELECT data ->> 'refund' FROM notices_new WHERE booking_id = :'a' AND kind = 'booking.cancelled'), '400',
  'and told');
SELECT is((cancel(:event, :'a', 'anna', seats(2), '{FLOOR}', '{1}')).outcome, 'moved', 'some more');
SELECT is(pg_temp.money(:'a'), 'CONFIRMED 7600 0 950', 'the fee once a cancel, not a line');
SELECT (refunds_due(10)).refund_id AS r1 LIMIT 1 \gset
SELECT is((SELECT count(*) FROM refunds WHERE tries = 1), 1::bigint, 'of two of one payment one is sent');
SELECT is((SELECT count(*) FROM refunds_due(10)), 1::bigint, 'and then the other');
SELECT is((SELECT count(*) FROM refunds_due(10)), 0::bigint, 'and neither again at once');
SELECT is(refund_told(:'r1', 're_1', 'sent', NULL), 'noted', 'the provider has it');
SELECT is(refund_told(:'r1', 're_1', 'done', NULL), 'noted', 'and has done it');
SELECT is(pg_temp.money(:'a'), 'CONFIRMED 7600 ' || (SELECT amount FROM refunds WHERE refund_id = :'r1') || ' '
  || (SELECT 950 - amount FROM refunds WHERE refund_id = :'r1'), 'so it is shown');
SELECT is(refund_told(:'r1', 're_1', 'sent', NULL), 'noted', 'what comes out of order');
SELECT is((SELECT status FROM refunds WHERE refund_id = :'r1'), 'done', 'undoes nothing');
SELECT is(refund_told(gen_random_uuid(), 're_1', 'done', NULL), 'unknown', 'a refund of nobody''s');
UPDATE events SET status = 'cancelled' WHERE event_id = :event;
SELECT cancel(:event, :'a', 'anna') \gset _
SELECT is(pg_temp.money(:'a'), 'CANCELLED 7600 ' || (SELECT amount FROM refunds WHERE refund_id = :'r1') || ' '
  || (SELECT 6250 - amount FROM refunds WHERE refund_id = :'r1'), 'an event that is cancelled gives all back that stood');
SELECT is((SELECT reason FROM refunds WHERE booking_id = :'a' ORDER BY created_at DESC LIMIT 1), 'event-cancelled', 'and says why');
SELECT is((SELECT captured - refunding FROM payments WHERE booking_id = :'a'), 1350::bigint, 'what is kept are the parts kept before');
SELECT refund_told(refund_id, 're_' || amount, 'failed', 'no such card') AS _ FROM refunds
  WHERE booking_id = :'a' AND status <> 'done' AND reason = 'cancel' \gset
SELECT refund_told(refund_id, 're_' || amount, 'done', NULL) AS _ FROM refunds
  WHERE booking_id = :'a' AND status = 'requested' \gset
SELECT is(status(:event, :'a'), 'CANCELLED', 'one that has failed is still owed');
SELECT (refunded(:event, :'a', buyer('organizer'), false, NULL, NULL, false, true)).outcome AS again \gset
SELECT is(:'again'::text, 'moved', 'and is sent again by hand');
SELECT is((SELECT ROW(count(*), min(q.provider_id), bool_or(q.refund_id = :'r1'))::text FROM refunds_due(10) AS q),
  '(1,pi_a,f)', 'under another id');
SELECT is((SELECT refund_told(refund_id, 're_x', 'done', NULL) FROM refunds WHERE booking_id = :'a' AND status = 'requested'),
  'refunded', 'when the last one is done');
SELECT is(status(:event, :'a'), 'REFUNDED', 'the booking is REFUNDED');
SELECT is((SELECT refund_told(:'r1', 're_1', 'failed', 'it came back')), 'noted', 'one that comes back after all');
SELECT is(pg_temp.money(:'a'), 'REFUNDED 7600 ' || (SELECT 6250 - amount FROM refunds WHERE refund_id = :'r1') || ' '
  || (SELECT amount FROM refunds WHERE refund_id = :'r1'), 'is owed again');
SELECT is((SELECT string_agg(t, E'\n') FROM audit_i7() AS t), NULL, 'all money is accounted for');

-- free of charge, or nothing given back: stays CANCELLED
SELECT event(12, 6, 6) AS two \gset
SELECT confirmed(:two, 'anna', seats(1)) AS free \gset
SELECT cancel(:two, :'free', 'anna') \gset _
SELECT is((SELECT refund FROM booking_cancels WHERE booking_id = :'free'), 0::bigint, 'what was not paid here does not go back');
UPDATE events SET payment = 'stripe' WHERE event_id = :two;
SELECT pg_temp.policy(:two, '[{"until": "PAST", "percent": 50, "fee": 0}]') \gset _
SELECT paid(:two, 'anna', seats(2), '{}', '{}', 'pi_b') AS b \gset
SELECT cancel(:two, :'b', 'anna') \gset _
SELECT is(pg_temp.money(:'b'), 'CANCELLED 1000 0 0', 'nothing goes back after the last rule');
SELECT pg_temp.policy(:two, '[]') \gset _
-- nothing is owed of them, so the word of staff changes nothing
CREATE FUNCTION pg_temp.staff(p_event integer, p_booking uuid, p_again boolean) RETURNS text LANGUAGE sql AS $$
  SELECT ROW(q.outcome, (q.booking).status, (q.booking).version - (booking_show(b, false)).version)::text
    FROM bookings b, holdfast.refunded(p_event, p_booking, given.buyer('organizer'), false, NULL, NULL, false,
      p_again) AS q
    WHERE b.booking_id = p_booking
$$;
SELECT is(pg_temp.staff(:two, :'free', false), '(done,CANCELLED,0)', 'one that was free is not REFUNDED by hand');
SELECT is(pg_temp.staff(:two, :'free', true), '(done,CANCELLED,0)', 'nor by sending nothing again');
SELECT is(pg_temp.staff(:two, :'b', false), '(done,CANCELLED,0)', 'nor one of which nothing goes back');
SELECT is(refund_settle(:two, :'b'), false, 'whoever asks');
SELECT paid(:two, 'anna', seats(3,10), '{}', '{}', 'pi_b2') AS b2 \gset
SELECT cancel(:two, :'b2', 'anna', seats(3)) \gset _
SELECT refund_told(refund_id, 're_b2', 'done', NULL) FROM refunds WHERE booking_id = :'b2' \gset _
SELECT pg_temp.policy(:two, '[{"until": "PAST", "percent": 50, "fee": 0}]') \gset _
SELECT cancel(:two, :'b2', 'anna') \gset _
SELECT is(pg_temp.staff(:two, :'b2', false), '(done,CANCELLED,0)', 'nor one whose last part was kept');
SELECT is((SELECT string_agg(t, E'\n') FROM audit_i7() AS t), NULL, 'and the books are sound');
SELECT pg_temp.policy(:two, '[]') \gset _
-- unfulfilled, refunded
SELECT open_payment(:two, 'anna', seats(4), '{}', '{}', 'pi_c') AS c \gset
SELECT due(:two, :'c') \gset _
SELECT held(:two, 'berta', seats(4)) AS rival \gset
SELECT told('pi_c', 'succeeded', 1000) \gset _
SELECT is((SELECT refund_told(refund_id, 're_c', 'done', NULL) FROM refunds WHERE booking_id = :'c'), 'refunded',
  'who paid and got nothing has the money again');
SELECT is((SELECT ROW(status, places)::text FROM bookings WHERE booking_id = :'c'), '(REFUNDED,0)', 'so the booking says');

-- ---- two cancels at once -------------------------------------------------------------------------

SELECT paid(:two, 'carl', seats(5,6), '{FLOOR}', '{1}', 'pi_d') AS d \gset
SELECT session('one'), session('two') \gset _
SELECT run('one', 'BEGIN') \gset _
SELECT is(run('one', format('SELECT outcome FROM holdfast.cancel(%s, %L, %L, NULL, NULL, false, NULL, ''{VIP-A-5}'', NULL, NULL)',
  :two, :'d', buyer('carl'))), 'moved', 'one seat is cancelled');
SELECT start('two', sql_move('cancel', :two, :'d', 'carl')) \gset _
SELECT ok(until_waiting('two'), 'a cancel of all waits for it');
SELECT run('one', 'COMMIT') \gset _
SELECT is(finish('two'), 'moved', 'and then has its turn');
SELECT is(pg_temp.money(:'d'), 'CANCELLED 2300 0 2300', 'together they give back what was paid');

-- ---- paid elsewhere --------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.word(p_event integer, p_booking uuid, p_staff text, p_all boolean DEFAULT false,
  p_key text DEFAULT NULL) RETURNS paid_result LANGUAGE sql AS $$
  SELECT holdfast.paid(p_event, p_booking, given.buyer(p_staff), p_all, p_key,
    CASE WHEN p_key IS NOT NULL THEN 'print' END, false, 'till 3')
$$;
SELECT held(:two, 'dora', seats(7), '{FLOOR}', '{1}') AS e \gset
SELECT users('other', 'former', 'gone', 'root') \gset _
UPDATE users SET role = 'organizer' WHERE email IN ('other@example.test', 'gone@example.test');
UPDATE users SET role = 'admin' WHERE email = 'root@example.test';
UPDATE users SET disabled_at = now() WHERE email = 'gone@example.test';
SELECT is(failure(format('SELECT pg_temp.word(%s, %L, ''other'')', :two, :'e')), 'HF104', 'another''s event');
-- A token may outlive the role of its bearer.
UPDATE events SET organizer_id = buyer('gone') WHERE event_id = :two;
SELECT is(failure(format('SELECT pg_temp.word(%s, %L, %L, %L)', :two, :'e', who, everything)), 'HF103',
    format('no word of %s (%s) that it was paid', who, everything))
  FROM (VALUES ('gone', false), ('former', true), ('other', true)) AS w (who, everything);
SELECT is(failure(format('SELECT refunded(%s, %L, %L, %L, NULL, NULL, false, false)', :two, :'e', buyer(who), everything)),
    'HF103', format('nor (%s, %s) that it was given back', who, everything))
  FROM (VALUES ('gone', false), ('former', true)) AS w (who, everything);
UPDATE events SET organizer_id = buyer('organizer') WHERE event_id = :two;
SELECT checkout(:two, :'e', 'dora') \gset _
SELECT is(failure(format('SELECT pg_temp.word(%s, %L, ''organizer'')', :two, :'e')), 'HF208', 'not while a payment is under way');
SELECT payment_opened(:two, :'e', 1, NULL, 'refused') \gset _
SELECT is(ROW(q.outcome, q.positions, q.user_id = buyer('dora'), (q.booking).status)::text, '(moved,{6},t,CONFIRMED)',
  'the word of staff confirms') FROM pg_temp.word(:two, :'e', 'organizer', false, 'w') AS q;
SELECT is(pg_temp.money(:'e'), 'CONFIRMED 1300 0 0', 'and is money');
SELECT is((pg_temp.word(:two, :'e', 'organizer', false, 'w')).outcome, 'replay', 'with its key: the same answer');
SELECT is((pg_temp.word(:two, :'e', 'root', true)).outcome, 'done', 'again, by anybody who may: nothing');
SELECT cancel(:two, :'e', 'dora', NULL, '{FLOOR}', '{1}') \gset _
SELECT is((SELECT count(*) FROM refunds_due(10) AS q WHERE q.booking_id = :'e'), 0::bigint, 'no job sends back what no provider has');
SELECT is((SELECT status FROM refunds WHERE booking_id = :'e'), 'requested', 'it is owed');
SELECT refunded(:two, :'e', buyer('organizer'), false, NULL, NULL, false, false) \gset _
SELECT is(pg_temp.money(:'e'), 'CONFIRMED 1300 300 0', 'until staff say that it is done');
-- in the unit of whoever has the money, not of how the event is paid for by now
SELECT event(12, 6, 6) AS dinar \gset
UPDATE events SET payment = 'stripe', currency = 'KWD' WHERE event_id = :dinar;
SELECT pg_temp.policy(:dinar, '[{"until": "SOON", "percent": 50, "fee": 15}]') \gset _
SELECT held(:dinar, 'dora', seats(1)) AS cash \gset
SELECT is((pg_temp.word(:dinar, :'cash', 'organizer')).outcome, 'moved', 'cash for what could be paid by card');
SELECT cancel(:dinar, :'cash', 'dora') \gset _
SELECT is(pg_temp.money(:'cash'), 'CANCELLED 1000 0 485', 'goes back to the last coin');
SELECT open_payment(:dinar, 'dora', seats(2), '{}', '{}', 'pi_dinar') AS card \gset
SELECT told('pi_dinar', 'succeeded', 1000, p_currency => 'kwd') \gset _
UPDATE events SET payment = 'none' WHERE event_id = :dinar;
SELECT cancel(:dinar, :'card', 'dora') \gset _
SELECT is(pg_temp.money(:'card'), 'CANCELLED 1000 0 480', 'what the provider has as it can send it');
-- late
SELECT held(:two, 'emil', seats(8)) AS f \gset
SELECT due(:two, :'f') \gset _
SELECT count(*) FROM expire(100) \gset _
SELECT is((pg_temp.word(:two, :'f', 'organizer')).outcome, 'moved', 'an ended booking, whose seat is free');
SELECT held(:two, 'emil', seats(9)) AS g \gset
SELECT due(:two, :'g') \gset _
SELECT held(:two, 'fred', seats(9)) AS rival \gset
SELECT is(failure(format('SELECT pg_temp.word(%s, %L, ''organizer'')', :two, :'g')), 'HF201 {"seat_ids": ["VIP-A-9"]}',
  'one whose seat another has stays as it was');
SELECT is(status(:two, :'g'), 'EXPIRED', 'and no money is written');
SELECT is(failure(format('SELECT pg_temp.word(%s, %L, ''organizer'')', :two, :'d')), 'HF206 {"status": "CANCELLED"}',
  'a cancelled one is not paid any more');
SELECT is((SELECT string_agg(t, E'\n') FROM audit_i7() AS t), NULL, 'all money is accounted for, at the end too');

SELECT * FROM finish();
