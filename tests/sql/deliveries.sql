-- Deliveries: who is told of what, in which order, how often, and when it is given up.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(50);

SELECT users('anna', 'berta', 'root', 'former') \gset _
UPDATE users SET role = 'admin' WHERE user_id IN (buyer('root'), buyer('former'));
UPDATE users SET disabled_at = now() WHERE user_id = buyer('former');
SELECT event() AS event \gset
SELECT webhook_create(buyer('organizer'), id('hook'), 'https://a.example/hook', NULL, repeat('ab', 32), 2) \gset _
SELECT webhook_create(buyer('organizer'), id('some'), 'https://b.example/hook', '{booking.cancelled}',
  repeat('cd', 32), 2) \gset _

CREATE FUNCTION pg_temp.spread(p_mail boolean, p_limit integer DEFAULT 100) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_steps integer := 0;
BEGIN
  WHILE EXISTS (SELECT FROM holdfast.outbox_spread(0, p_mail, p_limit)) LOOP
    v_steps := v_steps + 1;
  END LOOP;
  RETURN v_steps;
END
$$;
CREATE FUNCTION pg_temp.waiting(p_channel text) RETURNS text
LANGUAGE sql AS $$
  SELECT coalesce(string_agg(template || ' ' || coalesce(split_part(u.email::text, '@', 1), right(w.url, 22)), ', '
      ORDER BY position, template, u.email, w.url), '')
    FROM holdfast.deliveries d LEFT JOIN holdfast.users u ON u.user_id = d.target_id
      LEFT JOIN holdfast.webhooks w ON w.webhook_id = d.target_id
    WHERE channel = p_channel AND status = 'waiting'
$$;
CREATE FUNCTION pg_temp.taken(p_channel text, p_limit integer DEFAULT 10) RETURNS text
LANGUAGE sql AS $$SELECT coalesce(string_agg(template, ', '), '') FROM holdfast.outbox_take(p_channel, p_limit)$$;
CREATE FUNCTION pg_temp.due() RETURNS void
LANGUAGE sql AS $$UPDATE holdfast.deliveries SET next_at = now() WHERE status = 'waiting';
  UPDATE holdfast.delivery_lanes SET paused_until = '-infinity'$$;

-- who is told
SELECT confirmed(:event, 'anna', seats(1,2)) AS b \gset
SELECT cancel(:event, :'b', 'anna', seats(2)) \gset _
SELECT notice_write(:event, :'b', 'booking.unfulfilled', '{}') \gset _
SELECT notice_write(:event, :'b', 'refund.requested', '{}') \gset _
SELECT notice_write(:event, :'b', 'refund.failed', '{"amount": 250, "currency": "EUR"}') \gset _
SELECT is(pg_temp.spread(true), 1, 'one step');
SELECT is(pg_temp.waiting('webhook'), 'booking.confirmed https://a.example/hook, '
  'booking.cancelled https://a.example/hook, booking.cancelled https://b.example/hook, '
  'booking.unfulfilled https://a.example/hook, refund.requested https://a.example/hook, '
  'refund.failed https://a.example/hook', 'webhooks get the kinds that they want');
SELECT is(pg_temp.waiting('mail'), 'booking.confirmed anna, booking.cancelled anna, booking.unfulfilled anna, '
  'staff.booking.unfulfilled organizer, staff.booking.unfulfilled root, staff.refund.failed organizer, '
  'staff.refund.failed root', 'buyers, the organizer and those admins who still are get mail');
SELECT is(pg_temp.spread(true), 0, 'and that once');
SELECT confirmed(:event, 'berta', seats(3)) AS c \gset
SELECT is(pg_temp.spread(false), 1, 'without a mail server');
SELECT is((SELECT count(*) FROM deliveries WHERE channel = 'mail' AND target_id = buyer('berta')), 0::bigint,
  'nobody is written to');

-- order and turns
SELECT is(pg_temp.taken('webhook'), 'booking.confirmed, booking.cancelled, booking.confirmed',
  'the first of each booking and target is taken');
SELECT is(pg_temp.taken('webhook'), '', 'what was tried waits');
SELECT pg_temp.due() \gset _
SELECT is((SELECT count(DISTINCT address) FROM outbox_take('webhook', 2)), 2::bigint,
  'lanes have turns: the first of each comes before the second of any');
CREATE FUNCTION pg_temp.of(p_kind text, p_target uuid DEFAULT NULL, p_event integer DEFAULT NULL) RETURNS uuid
LANGUAGE sql AS $$SELECT delivery_id FROM holdfast.deliveries WHERE template = p_kind
  AND (p_target IS NULL OR target_id = p_target) AND (p_event IS NULL OR event_id = p_event) ORDER BY position LIMIT 1$$;
SELECT is(outbox_told(pg_temp.of('booking.confirmed', id('hook')), 'done', NULL, false, false, false), 'done', 'it got there');
SELECT is(outbox_told(pg_temp.of('booking.confirmed', id('hook')), 'later', 'late', true, false, false), 'gone',
  'what somebody says of it later counts no more');
SELECT pg_temp.due() \gset _
SELECT is((SELECT string_agg(template, ',' ORDER BY template) FROM outbox_take('webhook', 10) WHERE address LIKE '%a.ex%'),
  'booking.cancelled,booking.confirmed', 'the next of that booking follows');
SELECT is((SELECT tries FROM deliveries WHERE delivery_id = pg_temp.of('booking.cancelled', id('some'))), 3, 'tries are counted');
SELECT ok(next_at BETWEEN now() + interval '32 seconds' AND now() + interval '48 seconds', 'the third pause is 40 s, more or less')
  FROM deliveries WHERE delivery_id = pg_temp.of('booking.cancelled', id('some'));
SELECT ok(bool_and(outbox_pause(n) <= interval '7.2 hours'), 'no pause is longer than six hours and a fifth')
  FROM generate_series(1, 2000) AS n;

-- a lane that fails is left alone, then tried with one
SELECT outbox_told(pg_temp.of('booking.cancelled', id('hook')), 'later', 'refused', true, false, false) \gset _
UPDATE deliveries SET next_at = now() WHERE status = 'waiting';
SELECT is((SELECT count(*) FROM outbox_take('webhook', 10) WHERE address LIKE '%a.ex%'), 0::bigint, 'paused');
SELECT pg_temp.due() \gset _
SELECT is((SELECT count(*) FROM outbox_take('webhook', 10) WHERE address LIKE '%a.ex%'), 1::bigint, 'then one');
SELECT outbox_told(pg_temp.of('booking.cancelled', id('hook')), 'done', NULL, false, false, false) \gset _
SELECT is((SELECT failures FROM delivery_lanes WHERE lane = id('hook')), 0, 'it got through: all as before');

-- three days
UPDATE deliveries SET since = now() - interval '73 hours' WHERE delivery_id = pg_temp.of('booking.cancelled', id('some'));
SELECT is(outbox_told(pg_temp.of('booking.cancelled', id('some')), 'later', 'no', true, false, false), 'dead', 'after three days it is dead');
SELECT is((SELECT string_agg(template || ' ' || error, ',') FROM delivery_list('dead', 10)), 'booking.cancelled no', 'and listed');
SELECT is(delivery_resend(NULL, 500), 1::bigint, 'all that are dead');
SELECT is((SELECT count(*) FROM delivery_list('dead', 10)), 0::bigint, 'wait again');
SELECT is((SELECT address FROM outbox_take('webhook', 10) WHERE delivery_id = pg_temp.of('booking.cancelled', id('some'))),
  'https://b.example/hook', 'and are taken at once, under the same id');
SELECT outbox_told(pg_temp.of('booking.cancelled', id('some')), 'done', NULL, false, false, false) \gset _
SELECT is(delivery_resend(pg_temp.of('booking.cancelled', id('some')), 1), 1::bigint, 'one that was done may be sent again');
SELECT is(delivery_resend(gen_random_uuid(), 1), 0::bigint, 'and one that there is not may not');

-- gone
SELECT is(outbox_told(pg_temp.of('booking.cancelled', id('some')), 'dead', '410', false, true, false), 'dead', 'the receiver is gone');
SELECT is((SELECT w.body::json ->> 'status' FROM webhook_list(buyer('organizer'), NULL, NULL, 10) AS w WHERE webhook_id = id('some')),
  'disabled', 'its webhook is disabled');
SELECT is(delivery_resend(NULL, 500), 0::bigint, 'nothing is sent there again');
SELECT cancel(:event, :'c', 'berta') \gset _
SELECT pg_temp.spread(false) \gset _
SELECT is((SELECT count(*) FROM deliveries WHERE target_id = id('some') AND status = 'waiting'), 0::bigint, 'nor anything new');
SELECT is(failure(format('SELECT webhook_create(%L, %L, ''https://c.example/'', NULL, %L, 2)', buyer('organizer'),
  gen_random_uuid(), repeat('ab', 32))), 'HF122 {"detail": "An account has at most 2 webhooks.", "pointer": "/url"}', 'there is a limit to them');
SELECT is(failure(format('SELECT webhook_create(%L, %L, ''https://c.example/'', ''{a.b}'', %L, 9)', buyer('organizer'),
  gen_random_uuid(), repeat('ab', 32))) ~ '^HF122', true, 'kinds that there are not');
SELECT is(failure(format('SELECT webhook_delete(%L, %L, false)', buyer('root'), id('some'))), 'HF104', 'of somebody else''s');
SELECT webhook_delete(buyer('organizer'), id('some'), false) \gset _
SELECT outbox_bury(500) \gset _
SELECT is((SELECT count(*) FROM deliveries WHERE target_id = id('some')), 0::bigint, 'with a webhook go its deliveries');
SELECT webhook_delete(buyer('organizer'), id('hook'), false) \gset _
SELECT is(pg_temp.taken('webhook'), '', 'nothing more is sent to one that was deleted');
UPDATE deliveries SET since = now() - interval '73 hours' WHERE delivery_id = pg_temp.of('staff.refund.failed', buyer('root'));
SELECT ok(outbox_bury(2) = 2 AND EXISTS (SELECT FROM delivery_lanes WHERE lane = id('hook')), 'what was for it goes by steps');
SELECT outbox_bury(500) \gset _
SELECT is((SELECT count(*) FROM delivery_lanes WHERE channel = 'webhook'), 0::bigint, 'and its lane in the end');

-- to all buyers, by steps
SELECT event(40) AS event \gset
SELECT users(VARIADIC ARRAY(SELECT 'u' || n FROM generate_series(1, 25) AS n)) \gset _
SELECT count(confirmed(:event, 'u' || n, seats(n))) FROM generate_series(1, 25) AS n \gset _
SELECT confirmed(:event, 'u1', seats(30)) AS twice \gset
SELECT cancel(:event, (SELECT booking_id FROM bookings WHERE event_id = :event AND user_id = buyer('u25')), 'u25') \gset _
SELECT held(:event, 'anna', seats(31)) \gset _
SELECT pg_temp.spread(true) \gset _
DELETE FROM deliveries;
SELECT event_update(:event, buyer('organizer'), false, NULL, '{"event_date": "2999-06-01T20:00:00Z", "timezone": "Europe/Berlin"}', 600, 10, 0) \gset _
SELECT is(pg_temp.spread(true, 10), 4, 'publishing, and three steps for what concerns all');
SELECT is((SELECT count(DISTINCT target_id) FROM deliveries WHERE event_id = :event AND template = 'event.changed'), 24::bigint,
  'each buyer with a booking that stands');
SELECT body::json AS f FROM outbox_take('mail', 1) \gset
SELECT event_update(:event, buyer('organizer'), false, NULL, '{"title": "Other"}', 600, 10, 0) \gset _
SELECT event_update(:event, buyer('organizer'), false, NULL, '{"status": "cancelled"}', 600, 10, 0) \gset _
SELECT is(pg_temp.spread(true, 10), 4, 'likewise');
SELECT is((SELECT string_agg(k, ', ' ORDER BY k) FROM (SELECT template || ' ' || count(*) || ' ' || count(DISTINCT target_id)
    FROM deliveries WHERE event_id = :event GROUP BY template) AS q (k)),
  'event.cancelled 24 24', 'once, of how it is now: what nobody has been told yet is dropped');
SELECT is(pg_temp.spread(true, 10), 0, 'and that is all');

-- what a mail says
SELECT is(time_tell('2026-11-21 18:00:00Z', 'Europe/Berlin'), 'Saturday 21 November 2026, 19:00 (Europe/Berlin, UTC+01:00)', 'in winter');
SELECT is(time_tell('2026-07-01 18:00:00Z', 'America/St_Johns'), 'Wednesday 1 July 2026, 15:30 (America/St_Johns, UTC-02:30)', 'in summer, elsewhere');
SELECT is(string_agg(money_tell(n, c), ', '), '12.50 EUR, 0.05 USD, 1250 JPY, 1.250 KWD, 0.00 EUR', 'money')
  FROM (VALUES (1250, 'EUR'), (5, 'USD'), (1250, 'JPY'), (1250, 'KWD'), (0, 'EUR')) AS m (n, c);
SELECT :'f'::json ->> 'event_when' AS when, :'f'::json ->> 'event_was' <> '' AS was \gset
SELECT is(:'when'::text, 'Saturday 1 June 2999, 22:00 (Europe/Berlin, UTC+02:00)', 'where the event is');
SELECT ok(:'was', 'and when it would have been');

SELECT is((SELECT string_agg(channel || ' ' || waiting || ' ' || dead, ', ' ORDER BY channel) FROM outbox_state()),
  'log 0 0, mail 24 0, webhook 0 0', 'what waits is counted');
SELECT is((SELECT count(*) FROM delivery_list(NULL, 3)), 3::bigint, 'a list has an end');
SELECT ok(bool_and(d.lane IS NOT NULL), 'and every delivery a lane') FROM deliveries d;
SELECT ok(NOT EXISTS (SELECT FROM notices WHERE data::text LIKE '%@%'), 'no notice holds an address');

SELECT * FROM finish();
