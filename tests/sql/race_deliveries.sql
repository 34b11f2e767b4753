-- One delivery and two who come for it: who has looked, and then waited, does not send what has been sent
-- or given up meanwhile.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(8);

SELECT users('anna') \gset _
SELECT event(6) AS event \gset
SELECT webhook_create(buyer('organizer'), id('hook'), 'https://a.example/hook', NULL, repeat('ab', 32), 2) \gset _
SELECT session('late', 'holdfast_outbox') \gset _

-- Between what is due and its lock nothing waits. Here the look at a webhook does, for whoever has this lock.
CREATE OR REPLACE FUNCTION holdfast.webhook_is_alive(w webhooks) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1);
  RETURN w.disabled_at IS NULL;
END
$$;
CREATE FUNCTION pg_temp.come_late() RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_lock(1);
  PERFORM given.start('late', 'SELECT count(*)::text FROM holdfast.outbox_take(''webhook'', 8)');
  RETURN given.until_waiting('late');
END
$$;

SELECT confirmed(:event, 'anna', seats(1)) \gset _
SELECT count(*) FROM outbox_spread(0, false, 100) \gset _
SELECT ok(pg_temp.come_late(), 'one has seen what is due');
SELECT is((SELECT count(*) FROM outbox_take('webhook', 8)), 1::bigint, 'another takes it');
SELECT pg_advisory_unlock(1) \gset _
SELECT is(finish('late'), '0', 'it is not taken twice');
SELECT is((SELECT tries FROM deliveries), 1, 'nor counted');

UPDATE deliveries SET next_at = now(), since = now() - interval '73 hours';
SELECT ok(pg_temp.come_late(), 'one has seen what is due, of three days ago');
SELECT is(outbox_bury(8), 1::bigint, 'another gives it up');
SELECT pg_advisory_unlock(1) \gset _
SELECT is(finish('late'), '0', 'it is not sent any more');
SELECT is((SELECT status || tries FROM deliveries), 'dead1', 'nor changed');

SELECT * FROM finish();
