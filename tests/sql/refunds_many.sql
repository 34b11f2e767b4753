-- The next refund that is due costs the same however many there are: counted by the server, with plans
-- that were made while the table was empty.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(3);

SELECT event(1, 1, 1) AS event \gset
SET plan_cache_mode = force_generic_plan;
SELECT count(*) FROM refunds_due(1) \gset _
INSERT INTO payments (event_id, booking_id, attempt, provider, provider_id, status, amount, currency, captured, refunding,
    settled_at)
  SELECT :event, gen_random_uuid(), 1, CASE WHEN n % 100 = 0 THEN 'elsewhere' ELSE 'stripe' END, 'pi_' || n, 'succeeded',
      100, 'EUR', 100, 100, now() FROM generate_series(1, 20000) AS n;
INSERT INTO refunds (event_id, booking_id, attempt, amount, currency, reason, next_at)
  SELECT event_id, booking_id, attempt, 100, 'EUR', 'cancel',
      CASE provider WHEN 'elsewhere' THEN 'infinity' ELSE now() - random() * interval '1 day' END FROM payments;
CREATE FUNCTION pg_temp.read_for(p_limit integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_before bigint := (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
    WHERE relname IN ('refunds', 'payments'));
BEGIN
  PERFORM refunds_due(p_limit);
  RETURN (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables
    WHERE relname IN ('refunds', 'payments')) - v_before;
END
$$;
SELECT cmp_ok(pg_temp.read_for(1), '<', 20::bigint, 'one is found without reading the others');
ANALYZE refunds, payments;
SELECT cmp_ok(pg_temp.read_for(1), '<', 20::bigint, 'also when it is known how many there are');
SELECT is((SELECT count(DISTINCT q.refund_id) FROM refunds_due(50) AS q JOIN payments p USING (event_id, booking_id)
  WHERE p.provider = 'stripe'), 50::bigint, 'and so many as are wanted, once each');

SELECT * FROM finish();
