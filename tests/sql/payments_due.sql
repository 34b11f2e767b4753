-- Which payments the provider is asked about, when, and in what order; and that this costs the same however
-- many are open.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(28);

SELECT event(40, 10, 3) AS event \gset
UPDATE events SET payment = 'stripe' WHERE event_id = :event;

CREATE FUNCTION pg_temp.asks(p_limit integer DEFAULT 10) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(q.provider_id || CASE WHEN q.cancel THEN '!' ELSE '' END, ' ')
    FROM payments_due(p_limit, 120) AS q
$$;
-- So much time passes for a payment and its booking.
CREATE FUNCTION pg_temp.pass(p_payment text, p_time interval) RETURNS void LANGUAGE sql AS $$
  UPDATE bookings b SET expires_at = b.expires_at - p_time, ended_at = b.ended_at - p_time FROM payments p
    WHERE p.provider_id = p_payment AND p.booking_id = b.booking_id AND p.event_id = b.event_id;
  UPDATE payments SET asked_at = asked_at - p_time, ends_at = ends_at - p_time,
      processing_since = processing_since - p_time WHERE provider_id = p_payment
$$;
CREATE FUNCTION pg_temp.rests(p_payment text) RETURNS interval LANGUAGE sql AS $$
  SELECT justify_hours(asked_at - now()) FROM payments WHERE provider_id = p_payment AND asked_at < 'infinity'
$$;

-- ---- when ----------------------------------------------------------------------------------------

SELECT open_payment(:event, 'anna', seats(1), '{}', '{}', 'pi_a') AS a \gset
SELECT is(pg_temp.asks(), NULL, 'a new payment is left alone');
SELECT pg_temp.pass('pi_a', '3 minutes') \gset _
SELECT is(pg_temp.asks(), 'pi_a', 'silence is asked about');
SELECT is(pg_temp.asks(), NULL, 'once');
SELECT pg_temp.pass('pi_a', '3 minutes') \gset _
SELECT is(pg_temp.asks(), 'pi_a', 'and again');
SELECT (release(:event, :'a', 'anna')).outcome \gset _
SELECT is(pg_temp.asks(), 'pi_a!', 'a wish to release at once');
SELECT is(pg_temp.asks(), NULL, 'that once too');

SELECT open_payment(:event, 'anna', seats(2), '{}', '{}', 'pi_b') AS b \gset
SELECT is((told('pi_b', 'failed', 0)).outcome, 'back-to-hold', 'declined');
SELECT (release(:event, :'b', 'anna')).outcome \gset _
SELECT is(pg_temp.asks(), 'pi_b!', 'the payment of a hold that is released: at once');

SELECT open_payment(:event, 'anna', seats(3), '{}', '{}', 'pi_c') AS c \gset
UPDATE payments SET asked_at = now() + interval '1 day' WHERE provider_id = 'pi_c';
SELECT pg_temp.pass('pi_c', '30 minutes') \gset _
SELECT is(pg_temp.asks(), 'pi_c!', 'the deadline: at once, however lately it was asked about');
UPDATE bookings SET status = 'HOLD', expires_at = now() + interval '5 minutes' WHERE booking_id = :'c';
UPDATE payments SET ends_at = now() WHERE provider_id = 'pi_c';
SELECT is(pg_temp.asks(), 'pi_c', 'a deadline that was put off is no end');
SELECT is((SELECT ends_at = now() + interval '5 minutes' FROM payments WHERE provider_id = 'pi_c'), true,
  'the new one is');
SELECT is((checkout(:event, :'c', 'anna')).outcome, 'open', 'checkout once more');
SELECT is((SELECT p.ends_at = k.expires_at AND k.expires_at > now() + interval '5 minutes' FROM payments p
  JOIN bookings k USING (booking_id) WHERE p.provider_id = 'pi_c'), true, 'and that of another checkout');

-- ---- in what order -------------------------------------------------------------------------------

SELECT open_payment(:event, 'berta', seats(4), '{}', '{}', 'pi_d') AS d \gset
SELECT open_payment(:event, 'berta', seats(5), '{}', '{}', 'pi_e') AS e \gset
SELECT open_payment(:event, 'berta', seats(6), '{}', '{}', 'pi_f') AS f \gset
SELECT pg_temp.pass('pi_d', '10 minutes') \gset _
SELECT pg_temp.pass('pi_e', '20 minutes') \gset _
SELECT (release(:event, :'f', 'berta')).outcome \gset _
SELECT is(pg_temp.asks(1) || ' ' || pg_temp.asks(1) || ' ' || pg_temp.asks(), 'pi_f! pi_e! pi_d',
  'wishes, what has ended, silence');

-- ---- a bank that takes its time ------------------------------------------------------------------

SELECT open_payment(:event, 'carl', seats(7), '{}', '{}', 'pi_g') AS g \gset
SELECT is((told('pi_g', 'processing', 0)).outcome, 'noted', 'under way');
SELECT pg_temp.pass('pi_g', '1 hour') \gset _
SELECT is(pg_temp.asks(), 'pi_g!', 'asked about');
SELECT is((told('pi_g', 'processing', 0)).outcome, 'noted', 'still under way');
SELECT is(pg_temp.rests('pi_g'), '1 hour', 'less often the longer it takes');
SELECT pg_temp.pass('pi_g', '10 days') \gset _
SELECT is(pg_temp.asks(), 'pi_g!', 'after ten days too');
SELECT is((told('pi_g', 'processing', 0)).outcome || pg_temp.rests('pi_g'), 'noted1 day', 'once a day');
SELECT is((told('pi_g', 'failed', 0)).outcome || pg_temp.rests('pi_g'), 'noted00:00:00',
  'what was declined in the end is to be cancelled soon');
SELECT pg_temp.pass('pi_g', '3 minutes') \gset _
SELECT is(pg_temp.asks(), 'pi_g!', 'so it is');
UPDATE payments SET processing_since = now() - interval '91 days', asked_at = now() - interval '1 day'
  WHERE provider_id = 'pi_g';
SELECT is(pg_temp.asks(), 'pi_g!', 'after 90 days for the last time');
SELECT is((SELECT asked_at FROM payments WHERE provider_id = 'pi_g'), 'infinity', 'and never again');
SELECT is((SELECT checked ~ ' 1 of them open and not asked about any more,' FROM audit_money()), true,
  'which holdfast-verify tells');

-- ---- without an answer ---------------------------------------------------------------------------

SELECT held(:event, 'dora', seats(8)) AS h \gset
SELECT (checkout(:event, :'h', 'dora')).outcome \gset _
SET LOCAL session_replication_role = replica;
UPDATE payments SET created_at = now() - interval '21 hours' WHERE booking_id = :'h';
SET LOCAL session_replication_role = origin;
SELECT is(payments_give_up(10), 0::bigint, 'a booking that lives has its payment');
UPDATE bookings SET expires_at = now() - interval '20 hours' WHERE booking_id = :'h';
SELECT is(payments_give_up(10), 1::bigint, 'one that has ended loses it');

-- ---- however many are open -----------------------------------------------------------------------

SET LOCAL session_replication_role = replica;
INSERT INTO payments (event_id, booking_id, attempt, provider, provider_id, status, amount, currency, ends_at)
  SELECT p.event_id, gen_random_uuid(), 1, 'stripe', 'pi_' || n, CASE WHEN n % 2 = 0 THEN 'open' ELSE 'opening' END,
      1, 'EUR', now() + interval '1 hour'
    FROM payments p, generate_series(1, 30000) AS n WHERE p.provider_id = 'pi_a';
SET LOCAL session_replication_role = origin;
SELECT pg_temp.pass('pi_d', '1 hour') \gset _
-- As the sweep has it (see roles).
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.read() RETURNS bigint LANGUAGE sql AS $$
  SELECT pg_stat_get_xact_tuples_returned('payments'::regclass) + pg_stat_get_xact_tuples_fetched('payments'::regclass)
$$;
SELECT pg_temp.read() AS before \gset
SELECT pg_temp.asks(5) AS asked, payments_give_up(100) \gset _
SELECT is(ROW(:'_asked'::text, pg_temp.read() - :before < 40)::text, '(pi_d!,t)',
  'few of thirty thousand are read to find one');

SELECT * FROM finish();
ROLLBACK;
