-- Deliveries when there are very many at once, of which the planner knows nothing, and when some of those
-- that they are for are slow, gone, or were never meant to be reached.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(46);

ALTER TABLE deliveries SET (autovacuum_enabled = off);
SELECT users('anna', 'berta') \gset _
SELECT event() AS event \gset
SELECT event() AS other \gset
SELECT count(webhook_create(buyer('organizer'), id(name), 'https://' || name || '.example/', NULL, repeat('ab', 32), 9))
  FROM (VALUES ('one'), ('two')) AS w (name) \gset _
SET plan_cache_mode = force_generic_plan; -- as all programs have it
SET jit = off;

CREATE FUNCTION pg_temp.spread() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  WHILE EXISTS (SELECT FROM holdfast.outbox_spread(0, true, 500)) LOOP
  END LOOP;
END
$$;
-- So many for one webhook (or, null, mails to all), each about another booking, from a position on.
CREATE FUNCTION pg_temp.waiting(p_hook text, p_event integer, p_from integer, p_until integer) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO holdfast.notices (event_id, position, kind, data, written_at)
    SELECT p_event, n, 'booking.confirmed', '{}', now() FROM generate_series(p_from, p_until) AS n;
  INSERT INTO holdfast.event_logs (event_id, last, spread) VALUES (p_event, p_until, p_until)
    ON CONFLICT (event_id) DO UPDATE SET last = p_until, spread = p_until;
  INSERT INTO holdfast.deliveries (event_id, position, about, channel, lane, target_id, template)
    SELECT p_event, n, given.id('about' || n), CASE WHEN p_hook IS NULL THEN 'mail' ELSE 'webhook' END,
        coalesce(given.id(p_hook), '00000000-0000-0000-0000-000000000001'),
        coalesce(given.id(p_hook), given.id('target' || n)), 'booking.confirmed'
      FROM generate_series(p_from, p_until) AS n
$$;
CREATE FUNCTION pg_temp.counted() RETURNS bigint
LANGUAGE sql AS $$
  SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
    WHERE schemaname = 'holdfast' AND relname = 'deliveries'
$$;
CREATE FUNCTION pg_temp.few(p_max integer, p_sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_before bigint;
  v_read   bigint;
BEGIN
  FOR i IN 1 .. 2 LOOP -- the second time as a job that has its plans
    v_before := pg_temp.counted();
    EXECUTE 'SELECT count(*) FROM (' || p_sql || ') AS q';
    v_read := pg_temp.counted() - v_before;
  END LOOP;
  RETURN CASE WHEN v_read > p_max THEN 'read ' || v_read ELSE 'few' END;
END
$$;
CREATE FUNCTION pg_temp.states(p_hook text) RETURNS text
LANGUAGE sql AS $$
  SELECT coalesce(string_agg(q.status || ' ' || q.n, ', ' ORDER BY q.status), '') FROM (SELECT status, count(*) AS n
    FROM holdfast.deliveries WHERE lane = given.id(p_hook) GROUP BY status) AS q
$$;

-- ---- nothing waits, the planner looks, and then very much does ------------------------------------

SELECT pg_temp.waiting(NULL, :event, 1, 5000) \gset _
UPDATE deliveries SET status = 'done', ended_at = now();
VACUUM ANALYZE deliveries;
SELECT pg_temp.waiting(NULL, :event, 5001, 9000) \gset _
SELECT pg_temp.waiting('one', :event, 9001, 13000) \gset _
SELECT is((SELECT reltuples FROM pg_class WHERE relname = 'deliveries_order'), 0::real, 'of what waits nothing is known');
BEGIN;
SELECT is(pg_temp.few(150, $$SELECT outbox_take('mail', 8)$$), 'few', 'mails are taken');
SELECT is(pg_temp.few(150, $$SELECT outbox_take('webhook', 8)$$), 'few', 'calls are');
SELECT is(pg_temp.few(20, $$SELECT outbox_told(delivery_id, 'later', 'no', true, false, false) FROM (SELECT delivery_id
  FROM holdfast.deliveries WHERE event_id = $$ || :event || $$ AND position = 9001) AS q$$), 'few', 'that one failed is told');
SELECT is(pg_temp.few(20, 'SELECT outbox_bury(500)'), 'few', 'that nothing is old is seen');
SELECT is(pg_temp.few(9000, 'SELECT outbox_state()'), 'few', 'what waits is counted, and nothing else');
SELECT is(pg_temp.few(200, 'SELECT delivery_list(NULL, 100)'), 'few', 'the newest are listed');
SELECT is(pg_temp.few(200, $$SELECT delivery_list('dead', 100)$$), 'few', 'those that are dead are');
ROLLBACK;

-- the receiver says 410
SELECT outbox_told((SELECT delivery_id FROM deliveries WHERE position = 9001), 'dead', '410', true, true, false) \gset _
SELECT is(pg_temp.states('one'), 'dead 1, waiting 3999', 'that one alone is written down with the answer');
SELECT is((SELECT count(*) FROM outbox_take('webhook', 8)), 0::bigint, 'no other is sent');
SELECT is(outbox_bury(500), 500::bigint, 'they are given up by steps');
SELECT is(pg_temp.states('one'), 'dead 501, waiting 3499', 'that are short');

-- three days
UPDATE deliveries SET since = now() - interval '73 hours' WHERE position BETWEEN 5001 AND 5600 OR position BETWEEN 12001 AND 12600;
SELECT is(outbox_bury(500), 500::bigint, 'old ones are given up by steps as well');
SELECT is(outbox_bury(500), 500::bigint, 'so many in all, of mails, of calls and of what is for nobody');
SELECT is((SELECT string_agg(DISTINCT error, ',') FROM deliveries WHERE channel = 'mail' AND status = 'dead'),
  'it was not tried in three days', 'though nobody has tried them');
SELECT is((SELECT count(*) FROM deliveries WHERE channel = 'mail' AND status = 'dead'), 600::bigint, 'and no others');

-- sent again, by steps and in order
SELECT is(delivery_resend(NULL, 400), 400::bigint, 'so many of the dead');
SELECT is(delivery_resend(NULL, 400), 200::bigint, 'and the rest; none of the webhook that is gone');
SELECT is((SELECT count(*) FROM (SELECT position, lag(position) OVER (ORDER BY next_at) AS before FROM deliveries
  WHERE channel = 'mail' AND position BETWEEN 5001 AND 5600) AS q WHERE before > position), 0::bigint, 'in the order of the log');
DELETE FROM deliveries;

-- ---- turns ---------------------------------------------------------------------------------------

SELECT webhook_create(buyer('organizer'), id('slow'), 'https://slow.example/', NULL, repeat('ab', 32), 9) \gset _
SELECT pg_temp.waiting('slow', :other, 1, 30) \gset _
SELECT pg_temp.waiting('two', :other, 31, 60) \gset _
CREATE FUNCTION pg_temp.turn(p_limit integer, p_status text, p_slow boolean, p_of_slow boolean DEFAULT false) RETURNS text
LANGUAGE sql AS $$
  SELECT string_agg(substr(q.address, 9, 4), ' ') FROM (SELECT t.address,
    holdfast.outbox_told(t.delivery_id, p_status, NULL, false, false, p_slow AND t.address LIKE '%slow%')
      FROM holdfast.outbox_take('webhook', p_limit, p_of_slow) AS t) AS q
$$;
SELECT pg_temp.turn(2, 'done', false) \gset _
SELECT is(pg_temp.turn(1, 'done', true) || ' ' || pg_temp.turn(1, 'done', true), 'slow two.', 'the one that waited longest is first');
UPDATE delivery_lanes SET served_at = now() - interval '1 minute' WHERE lane = id('slow');
SELECT is(pg_temp.turn(5, 'done', true), 'two. two. two. two. two.', 'one that is slow leaves the turn to others');
SELECT is(pg_temp.turn(16, 'done', true), 'two. two. two. two. two. two. two. two.', 'also where there would be room for it');
SELECT is(pg_temp.turn(5, 'done', true, true), 'slow', 'asked for apart it has one, and one alone, and no other has any');
UPDATE deliveries SET next_at = 'infinity' WHERE lane = id('two') AND status = 'waiting';
SELECT is(pg_temp.turn(5, 'done', true), NULL, 'also when no other waits it is asked for apart');
SELECT is(pg_temp.turn(1, 'done', false, true), 'slow', 'it is not slow any more');
SELECT is(pg_temp.turn(3, 'done', false), 'slow slow slow', 'so that it is as all others');
SELECT outbox_told((SELECT delivery_id FROM outbox_take('webhook', 1)), 'done', NULL, false, false, false, true) \gset _
SELECT is(pg_temp.turn(3, 'done', false), 'slow', 'one to which several at once were too many gets one');

-- mail to a single buyer does not wait for mail to all
DELETE FROM deliveries;
SELECT pg_temp.waiting(NULL, :other, 61, 100) \gset _
SELECT confirmed(:event, 'anna', seats(1)) AS b \gset
SELECT pg_temp.spread() \gset _
SELECT ok(EXISTS (SELECT FROM outbox_take('mail', 2) WHERE address LIKE 'anna%'), 'that to one has its turn');

-- ---- those who are not called --------------------------------------------------------------------

SELECT id('two') AS two \gset
SELECT is((SELECT count(*) FROM deliveries WHERE lane = :'two' AND status = 'waiting'), 1::bigint, 'an organizer is told');
UPDATE users SET disabled_at = now() WHERE user_id = buyer('organizer');
SELECT is((SELECT count(*) FROM outbox_take('webhook', 8)), 0::bigint, 'not one who is disabled');
UPDATE users SET disabled_at = NULL, role = 'user' WHERE user_id = buyer('organizer');
SELECT is((SELECT count(*) FROM outbox_take('webhook', 8)), 0::bigint, 'nor one who is none any more');
SELECT cancel(:event, :'b', 'anna') \gset _
SELECT pg_temp.spread() \gset _
SELECT is((SELECT count(*) FROM deliveries WHERE lane = :'two' AND status = 'waiting'), 1::bigint, 'nor is anything new written for such');
UPDATE users SET role = 'organizer' WHERE user_id = buyer('organizer');
SELECT is((SELECT count(*) FROM outbox_take('webhook', 8) WHERE address LIKE '%two%'), 1::bigint, 'once he is again, he is told');
UPDATE delivery_lanes SET failures = 3, failing_since = now() - interval '71 hours' WHERE lane = :'two';
SELECT delivery_id AS d FROM deliveries WHERE lane = :'two' \gset
SELECT outbox_told(:'d', 'later', 'no', true, false, false) \gset _
SELECT is((SELECT disabled_at FROM webhooks WHERE webhook_id = :'two'), NULL, 'one that fails is tried for three days');
UPDATE delivery_lanes SET failing_since = now() - interval '73 hours' WHERE lane = :'two';
SELECT outbox_told(:'d', 'later', 'no', true, false, false) \gset _
SELECT isnt((SELECT disabled_at FROM webhooks WHERE webhook_id = :'two'), NULL, 'and then disabled');

-- what comes after one that was put off is put off with it
SELECT webhook_create(buyer('organizer'), id('new'), 'https://new.example/', NULL, repeat('ab', 32), 9) \gset _
SELECT confirmed(:event, 'berta', seats(2)) AS c \gset
SELECT cancel(:event, :'c', 'berta') \gset _
SELECT pg_temp.spread() \gset _
SELECT count(outbox_told(delivery_id, 'later', 'no', false, false, false)) FROM outbox_take('webhook', 8) WHERE address LIKE '%new%' \gset _
SELECT is((SELECT count(DISTINCT next_at) FROM deliveries WHERE lane = id('new')), 1::bigint, 'due at one time');

-- ---- mail that a server refuses, and mail to those who never asked --------------------------------

DELETE FROM deliveries;
UPDATE delivery_lanes SET refused = 0, paused_until = '-infinity', failures = 0;
SELECT pg_temp.waiting(NULL, :other, 101, 110) \gset _
SELECT is((SELECT string_agg(outbox_told(delivery_id, 'refused', '550', false, false, false), ',' ORDER BY position)
    FROM (SELECT * FROM deliveries ORDER BY position LIMIT 5) AS q), 'dead,dead,dead,waiting,waiting',
  'if it refuses one after the other it is the server that is wrong');
SELECT is((SELECT failures FROM delivery_lanes WHERE refused > 0), 1, 'which is left alone');
SELECT outbox_told((SELECT delivery_id FROM deliveries WHERE position = 106), 'done', NULL, false, false, false) \gset _
SELECT is(outbox_told((SELECT delivery_id FROM deliveries WHERE position = 107), 'refused', '550', false, false, false), 'dead',
  'until something gets through');

DELETE FROM deliveries;
UPDATE users SET name = 'Anna B.' WHERE user_id = buyer('anna');
SELECT count(notice_write(:event, :'b', 'booking.cancelled', '{"amount": 1}')) FROM generate_series(1, 150) \gset _
SELECT pg_temp.spread() \gset _
SELECT is((SELECT string_agg(round(extract(epoch FROM next_at - created_at) / 3600)::bigint || ' ' || n, ', ') FROM (SELECT next_at, created_at,
    count(*) AS n FROM deliveries WHERE target_id = buyer('anna') GROUP BY 1, 2 ORDER BY 1) AS q), '0 60, 1 60, 2 30',
  'an account gets sixty mails in an hour');
SELECT is((SELECT string_agg(mail_facts(event_id, position, buyer('anna'))::json ->> 'name', ',') FROM (SELECT * FROM notices
  WHERE event_id = :event AND kind = 'booking.cancelled' LIMIT 1) AS q), 'Anna B.', 'with the name');
SELECT ok(bool_and(mail_name(name) = ''), 'but for one that is more than a name')
  FROM (VALUES ('See https://evil.example'), ('www.evil.example'), ('a@b.example'), ('WWW.x'), ('evil.example/x')) AS n (name);

-- ---- one event that fails or is busy, and those behind it -----------------------------------------

DELETE FROM notices_new;
SELECT count(notice_write(e, NULL, 'event.changed', '{"fields": []}')) FROM (VALUES (:event), (:other)) AS v (e) \gset _
SELECT session('s1', 'postgres') \gset _
SELECT run('s1', 'BEGIN'), run('s1', format('SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(%L, 5))', 'log/' || :event)) \gset _
SELECT is((SELECT event FROM outbox_spread(0, false, 500)), (:other)::bigint, 'where one is busy the next has its turn');
SELECT is((SELECT count(*) FROM outbox_spread(0, false, 500)), 0::bigint, 'and then nobody');
SELECT run('s1', 'ROLLBACK') \gset _
UPDATE event_logs SET last = last - 1, spread = 0 WHERE event_id = :event; -- its next position is taken
SELECT ok(failed LIKE '23505 %' AND event = :event, 'one that fails says so') FROM outbox_spread(0, false, 500);
SELECT is((SELECT count(*) FROM notices_new WHERE event_id = :event), 1::bigint, 'and keeps what it has');

SELECT * FROM finish();
