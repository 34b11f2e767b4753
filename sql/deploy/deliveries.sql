-- Deliveries of notices: to the webhooks of organizers, and as mail to buyers and staff. Each is tried
-- until it is done or three days have passed, in the order of the log for one booking and one target.
--
-- A lane is what fails as one: a webhook, or the mail server, which has two: one for what concerns a single
-- account, one for what goes to all buyers of an event, so that the first does not wait for the second. One
-- that fails is left alone for a while, and then tried with a single delivery.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE TABLE webhooks (
  webhook_id  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  owner_id    uuid NOT NULL REFERENCES users (user_id),
  url         text NOT NULL CHECK (length(url) BETWEEN 8 AND 2000),
  kinds       text[] CHECK (cardinality(kinds) > 0),          -- null: all
  secret      bytea NOT NULL CHECK (octet_length(secret) = 32), -- it signs, so it cannot be a hash
  created_at  timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz                                     -- the receiver has said that it is gone
);
CREATE INDEX webhooks_owner ON webhooks (owner_id, created_at, webhook_id);

CREATE TABLE delivery_lanes (
  channel       text NOT NULL CHECK (channel IN ('mail', 'webhook')),
  lane          uuid NOT NULL,
  failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0), -- since something last went through
  failing_since timestamptz,
  refused       integer NOT NULL DEFAULT 0,           -- recipients in a row
  slow          boolean NOT NULL DEFAULT false,       -- the last try took long: who is asked for apart
  single_until  timestamptz NOT NULL DEFAULT '-infinity', -- several at once were too many for it
  served_at     timestamptz NOT NULL DEFAULT '-infinity',
  paused_until  timestamptz NOT NULL DEFAULT '-infinity', -- since it failed
  PRIMARY KEY (channel, lane)
);
INSERT INTO delivery_lanes (channel, lane)
  VALUES ('mail', '00000000-0000-0000-0000-000000000000'), ('mail', '00000000-0000-0000-0000-000000000001');

CREATE TABLE deliveries (
  delivery_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE, -- the receiver sees the same at each try
  event_id    integer NOT NULL,
  position    bigint NOT NULL,
  about       uuid NOT NULL,                    -- the booking, or zeros: the event itself
  channel     text NOT NULL,
  lane        uuid NOT NULL,
  target_id   uuid NOT NULL,                    -- a webhook, or the account that a mail is for
  template    text NOT NULL,                    -- of a mail; of a webhook the kind
  status      text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'done', 'dead')),
  tries       integer NOT NULL DEFAULT 0,
  next_at     timestamptz NOT NULL DEFAULT now(),
  since       timestamptz NOT NULL DEFAULT now(), -- three days from here
  created_at  timestamptz NOT NULL DEFAULT now(),
  ended_at    timestamptz,
  error       text CHECK (length(error) <= 500),
  PRIMARY KEY (event_id, position, channel, target_id, template),
  FOREIGN KEY (event_id, position) REFERENCES notices (event_id, position) ON DELETE CASCADE,
  FOREIGN KEY (channel, lane) REFERENCES delivery_lanes (channel, lane),
  CHECK ((status = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX deliveries_waiting ON deliveries (channel, lane, next_at) WHERE status = 'waiting';
CREATE INDEX deliveries_order ON deliveries (event_id, target_id, about, position) WHERE status = 'waiting';
CREATE INDEX deliveries_since ON deliveries (channel, since) WHERE status = 'waiting';
CREATE INDEX deliveries_dead ON deliveries (created_at, event_id, position) WHERE status = 'dead';
CREATE INDEX deliveries_dead_lane ON deliveries (channel, lane, event_id, position) WHERE status = 'dead';
CREATE INDEX deliveries_created ON deliveries (created_at, event_id, position);
CREATE INDEX deliveries_mailed ON deliveries (target_id, created_at) WHERE channel = 'mail';
CREATE INDEX deliveries_lane ON deliveries (channel, lane);

-- ---- who is told of what -------------------------------------------------------------------------

-- A notice that every buyer with a standing booking is told of.
CREATE FUNCTION notice_is_broad(n notices) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = holdfast, pg_temp AS $$
  SELECT n.kind = 'event.cancelled'
    OR n.kind = 'event.changed' AND (n.data ? 'event_date' OR n.data -> 'fields' ? 'venue_id')
$$;

-- Webhooks of whoever may still have some.
CREATE FUNCTION webhook_is_alive(w webhooks) RETURNS boolean
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT w.disabled_at IS NULL AND EXISTS (SELECT FROM users u WHERE u.user_id = w.owner_id
    AND u.disabled_at IS NULL AND u.role IN ('organizer', 'admin'))
$$;

-- How long the next mail to an account waits: 60 go within an hour. Nobody has verified the address, and
-- whoever has made the account writes to it by each thing that he does.
CREATE FUNCTION mail_late(p_user uuid) RETURNS interval
LANGUAGE sql VOLATILE SET search_path = holdfast, pg_temp AS $$
  SELECT interval '1 hour' * (count(*) / 60) FROM (SELECT FROM deliveries d
    WHERE d.target_id = p_user AND d.channel = 'mail' AND d.lane = '00000000-0000-0000-0000-000000000000'
      AND d.created_at > now() - interval '1 hour' LIMIT 3600) AS q
$$;

-- The deliveries of the notices after p_after up to p_until, but for those to all buyers.
CREATE FUNCTION deliveries_write(p_event integer, p_after bigint, p_until bigint, p_mail boolean)
RETURNS bigint
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_zero uuid := '00000000-0000-0000-0000-000000000000';
  v_rows bigint;
BEGIN
  INSERT INTO deliveries (event_id, position, about, channel, lane, target_id, template, next_at, since)
    SELECT n.event_id, n.position, coalesce(n.booking_id, v_zero), t.channel, t.lane, t.target_id, t.template,
        now() + t.late, now() + t.late
      FROM notices n JOIN events e USING (event_id)
        CROSS JOIN LATERAL (
          SELECT 'webhook' AS channel, w.webhook_id AS lane, w.webhook_id AS target_id, n.kind AS template, '0'::interval AS late
            FROM webhooks w WHERE w.owner_id = e.organizer_id AND webhook_is_alive(w)
              AND (w.kinds IS NULL OR n.kind = ANY (w.kinds))
          UNION ALL
          SELECT 'mail', v_zero, u.user_id, n.kind, mail_late(u.user_id) FROM bookings b JOIN users u USING (user_id)
            WHERE p_mail AND b.event_id = n.event_id AND b.booking_id = n.booking_id
              AND n.kind IN ('booking.confirmed', 'booking.cancelled', 'booking.unfulfilled', 'refund.done')
          UNION ALL
          SELECT 'mail', v_zero, u.user_id, 'staff.' || n.kind, '0' FROM users u
            WHERE p_mail AND u.disabled_at IS NULL AND (u.user_id = e.organizer_id OR u.role = 'admin')
              AND n.kind IN ('booking.unfulfilled', 'payment.disputed', 'refund.failed')) AS t
      WHERE n.event_id = p_event AND n.position > p_after AND n.position <= p_until;
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  RETURN v_rows;
END
$$;

-- Mails of an event to so many of its buyers, those after the last that has been written to.
CREATE FUNCTION deliveries_write_broad(l event_logs, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_zero  uuid := '00000000-0000-0000-0000-000000000000';
  v_broad uuid := '00000000-0000-0000-0000-000000000001';
  v_users uuid[];
  v_rows  bigint;
BEGIN
  SELECT array_agg(q.user_id) INTO v_users FROM (SELECT b.user_id FROM bookings b
    WHERE b.event_id = l.event_id AND b.status = 'CONFIRMED' AND b.user_id > l.spread_user
    GROUP BY b.user_id ORDER BY b.user_id LIMIT p_limit) AS q;
  -- Whoever has not yet been told of a change before hears of how it is now.
  DELETE FROM deliveries d USING notices n
    WHERE n.event_id = l.event_id AND n.position = l.spread + 1 AND d.event_id = l.event_id
      AND d.target_id = ANY (v_users) AND d.about = v_zero AND d.position <= l.spread AND d.status = 'waiting'
      AND d.channel = 'mail' AND d.lane = v_broad AND d.template IN (n.kind, 'event.changed');
  INSERT INTO deliveries (event_id, position, about, channel, lane, target_id, template)
    SELECT n.event_id, n.position, v_zero, 'mail', v_broad, u.user_id, n.kind
      FROM notices n JOIN users u ON u.user_id = ANY (v_users)
      WHERE n.event_id = l.event_id AND n.position = l.spread + 1;
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  UPDATE event_logs o
    SET spread = CASE WHEN cardinality(v_users) = p_limit THEN o.spread ELSE o.spread + 1 END,
      spread_user = CASE WHEN cardinality(v_users) = p_limit THEN v_users[p_limit] END
    WHERE o.event_id = l.event_id;
  RETURN v_rows;
END
$$;

-- Publishes some notices of an event and writes some deliveries, the caller having its log locked.
CREATE FUNCTION outbox_step(p_event integer, p_mail boolean, p_limit integer, OUT published bigint, OUT written bigint)
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_until bigint;
  v_broad bigint;
  l       event_logs;
BEGIN
  published := log_publish(p_event, p_limit);
  SELECT * INTO l FROM event_logs o WHERE o.event_id = p_event FOR UPDATE;
  IF l.spread_user IS NOT NULL THEN
    written := deliveries_write_broad(l, p_limit);
    RETURN;
  END IF;
  v_until := least(l.spread + p_limit, l.last);
  SELECT min(n.position) INTO v_broad FROM notices n
    WHERE p_mail AND n.event_id = p_event AND n.position > l.spread AND n.position <= v_until
      AND notice_is_broad(n);
  v_until := coalesce(v_broad, v_until);
  written := deliveries_write(p_event, l.spread, v_until, p_mail);
  UPDATE event_logs o SET spread = CASE WHEN v_broad IS NULL THEN v_until ELSE v_until - 1 END,
      spread_user = CASE WHEN v_broad IS NOT NULL THEN '00000000-0000-0000-0000-000000000000'::uuid END
    WHERE o.event_id = p_event;
END
$$;

-- One step with the next event after p_after that has something and that nobody else is at: publishes, and
-- writes deliveries. No row: there is none. failed: what went wrong with this one; there may be others
-- behind it. What is committed here is durable, and so is all that it tells of.
CREATE FUNCTION outbox_spread(p_after integer, p_mail boolean, p_limit integer)
RETURNS TABLE (event bigint, published bigint, written bigint, failed text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_event integer := p_after;
BEGIN
  LOOP
    SELECT least(
        (SELECT n.event_id FROM notices_new n WHERE n.event_id > v_event ORDER BY n.event_id LIMIT 1),
        (SELECT o.event_id FROM event_logs o WHERE o.event_id > v_event AND o.spread < o.last
          ORDER BY o.event_id LIMIT 1)) INTO v_event;
    IF v_event IS NULL THEN
      RETURN;
    END IF;
    -- Somebody who reads the log of an event publishes it.
    EXIT WHEN pg_try_advisory_xact_lock(hashtextextended('log/' || v_event, 5));
  END LOOP;
  event := v_event;
  BEGIN
    SELECT s.published, s.written INTO published, written FROM outbox_step(v_event, p_mail, p_limit) AS s;
  EXCEPTION WHEN OTHERS OR query_canceled THEN
    published := 0;
    written := 0;
    failed := SQLSTATE || ' ' || SQLERRM;
  END;
  RETURN NEXT;
END
$$;

-- ---- what a mail says ----------------------------------------------------------------------------

-- A time as people read it, where the event is.
CREATE FUNCTION time_tell(p_time timestamptz, p_zone text) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT to_char(p_time AT TIME ZONE p_zone, 'FMDay FMDD FMMonth YYYY, HH24:MI') || format(' (%s, UTC%s%s)',
      p_zone, CASE WHEN o.minutes < 0 THEN '-' ELSE '+' END,
      to_char(abs(o.minutes) / 60, 'FM00') || ':' || to_char(abs(o.minutes) % 60, 'FM00'))
    FROM (SELECT (extract(epoch FROM (p_time AT TIME ZONE p_zone) - (p_time AT TIME ZONE 'UTC')) / 60)::integer
      AS minutes) AS o
$$;

-- An amount of the smallest unit of a currency (ISO 4217) as people read it.
CREATE FUNCTION money_tell(p_amount bigint, p_currency text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = holdfast, pg_temp AS $$
  SELECT CASE e.digits WHEN 0 THEN p_amount::text
      ELSE p_amount / (10 ^ e.digits)::bigint || '.'
        || lpad((p_amount % (10 ^ e.digits)::bigint)::text, e.digits, '0') END || ' ' || p_currency
    FROM (SELECT CASE
      WHEN p_currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
        'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
      WHEN p_currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3 ELSE 2 END AS digits) AS e
$$;

-- What still stands of a booking, in words.
CREATE FUNCTION booking_tell(b bookings) RETURNS json
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT coalesce(json_agg(json_build_object('item', q.item) ORDER BY q.at), '[]') FROM (
    SELECT s.position::bigint AS at,
        format('%s, row %s, seat %s', c.name, s.row_label, s.label) AS item
      FROM holdfast.seats s JOIN holdfast.sections c USING (event_id, section_no)
      WHERE s.event_id = b.event_id AND s.position = ANY (b.positions) AND s.position <> ALL (b.gone_positions)
    UNION ALL
    SELECT 1000000 + c.section_no, format('%s × %s', g.had - coalesce(g.gone, 0), c.name)
      FROM unnest(b.section_nos, b.quantities, b.gone_quantities) AS g (section_no, had, gone)
        JOIN holdfast.sections c ON c.event_id = b.event_id AND c.section_no = g.section_no
      WHERE g.had > coalesce(g.gone, 0)) AS q
$$;

-- A name that could be a link, or an address, is not repeated: nobody has verified whom the mail goes to.
CREATE FUNCTION mail_name(p_name text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = holdfast, pg_temp AS $$
  SELECT CASE WHEN p_name ~* '[/:@\\]|www\.' THEN '' ELSE coalesce(p_name, '') END
$$;

-- All that a template may name. Empty where it does not apply.
CREATE FUNCTION mail_facts(p_event integer, p_position bigint, p_user uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT json_build_object('name', mail_name(u.name),
      'kind', n.kind, 'event_id', n.event_id::text, 'event_title', e.title, 'event_when', time_tell(e.event_date, e.timezone),
      'event_was', coalesce(time_tell((n.data #>> '{event_date,old}')::timestamptz, e.timezone), ''),
      'venue_name', coalesce(v.name, ''), 'venue_address', coalesce(v.address, ''),
      'booking_id', coalesce(n.booking_id::text, ''),
      'items', CASE WHEN n.booking_id IS NULL THEN '[]' ELSE booking_tell(b) END,
      'total', coalesce(money_tell(nullif(b.total, 0), b.currency), ''),
      'whole', coalesce((n.data ->> 'whole')::boolean, false),
      'gone', coalesce((SELECT json_agg(json_build_object('item', w.item)) FROM (
          SELECT s AS item FROM jsonb_array_elements_text(n.data -> 'seat_ids') AS s
          UNION ALL
          SELECT format('%s × %s', g ->> 'quantity', g ->> 'section_id')
            FROM jsonb_array_elements(n.data -> 'sections') AS g) AS w), '[]'),
      'amount', coalesce(money_tell((n.data ->> 'amount')::bigint, coalesce(n.data ->> 'currency', b.currency)), ''),
      'refund', coalesce(money_tell(nullif((n.data ->> 'refund')::bigint, 0),
        coalesce(n.data ->> 'currency', b.currency)), ''),
      'at', time_tell(n.written_at, e.timezone))::text
    FROM notices n JOIN events e USING (event_id)
      LEFT JOIN venues v USING (venue_id)
      LEFT JOIN users u ON u.user_id = p_user
      LEFT JOIN bookings b ON b.event_id = n.event_id AND b.booking_id = n.booking_id
    WHERE n.event_id = p_event AND n.position = p_position
$$;

-- ---- sending -------------------------------------------------------------------------------------

-- How long to wait after a try: 10 seconds, twice as long each time, six hours at most, and not the same
-- for all.
CREATE FUNCTION outbox_pause(p_tries integer) RETURNS interval
LANGUAGE sql VOLATILE SET search_path = holdfast, pg_temp AS $$
  SELECT least(10 * 2.0 ^ least(p_tries - 1, 12), 21600) * (0.8 + 0.4 * random()) * interval '1 second'
$$;

-- Takes at most so many deliveries that are due, by turns of the lanes, those first that have waited longest
-- for theirs: of lanes that are not slow, or (p_slow) of those that are, one each. That they were tried is
-- written down before they are: should the caller die, they are repeated later, under the same ids. Nothing
-- is lost if this is.
--
-- Most of the time nothing waits, and then suddenly very much, of which no statistics know: each part is
-- told to follow the one index that is right however much there is, and to stop after some rows. A row that
-- is known by its id is not asked for with its status: indexes of what waits would seem empty, and best.
CREATE FUNCTION outbox_take(p_channel text, p_limit integer, p_slow boolean DEFAULT false)
RETURNS TABLE (delivery_id uuid, template text, tries integer, sent_at bigint, address text, secret text,
  body text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN QUERY
    WITH lanes AS (
      SELECT l.* FROM delivery_lanes l LEFT JOIN webhooks w ON l.channel = 'webhook' AND w.webhook_id = l.lane
        WHERE l.channel = p_channel AND l.slow = p_slow AND l.paused_until <= now()
          AND (l.channel = 'mail' OR w.webhook_id IS NOT NULL AND webhook_is_alive(w))
    ), due AS (
      SELECT q.delivery_id, row_number() OVER (ORDER BY q.turn, l.served_at, q.next_at) AS place
        FROM lanes l CROSS JOIN LATERAL (SELECT f.*, row_number() OVER (ORDER BY f.next_at) AS turn FROM (
          SELECT d.delivery_id, d.next_at FROM deliveries d
            WHERE d.channel = l.channel AND d.lane = l.lane AND d.status = 'waiting' AND d.next_at <= now()
              AND (SELECT true FROM deliveries o WHERE o.event_id = d.event_id
                AND o.target_id = d.target_id AND o.about = d.about AND o.position < d.position
                AND o.channel = d.channel AND o.status = 'waiting'
                ORDER BY o.event_id, o.target_id, o.about, o.position LIMIT 1) IS NULL
            ORDER BY d.next_at LIMIT CASE WHEN l.failures > 0 OR l.slow OR l.single_until > now() THEN 1 ELSE 8 END) AS f) AS q
        ORDER BY place LIMIT p_limit
    ), locked AS (
      SELECT d.* FROM deliveries d WHERE d.delivery_id = ANY (ARRAY(SELECT k.delivery_id FROM due k))
        FOR UPDATE SKIP LOCKED
    ), taken AS (
      UPDATE deliveries d SET tries = d.tries + 1, next_at = now() + outbox_pause(d.tries + 1)
        FROM locked k WHERE d.event_id = k.event_id AND d.position = k.position AND d.channel = k.channel
          AND d.target_id = k.target_id AND d.template = k.template AND k.status = 'waiting' AND k.next_at <= now()
        RETURNING d.*
    )
    SELECT t.delivery_id, t.template, t.tries, extract(epoch FROM now())::bigint,
        CASE t.channel WHEN 'mail' THEN u.email::text ELSE w.url END, encode(w.secret, 'hex'),
        CASE t.channel WHEN 'mail' THEN mail_facts(t.event_id, t.position, t.target_id)
          ELSE webhook_body(n) END
      FROM taken t JOIN due k USING (delivery_id) JOIN notices n USING (event_id, position)
        LEFT JOIN users u ON t.channel = 'mail' AND u.user_id = t.target_id
        LEFT JOIN webhooks w ON t.channel = 'webhook' AND w.webhook_id = t.target_id
      ORDER BY k.place;
END
$$;

-- What a webhook is sent (Standard Webhooks).
CREATE FUNCTION webhook_body(n notices) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT row_to_json(q)::text FROM (
    SELECT n.kind AS type, holdfast.time_show(n.written_at) AS timestamp,
      holdfast.notice_show(n)::json AS data) AS q
$$;

-- Writes down of a lane how a try of one of its deliveries ended; since when nothing gets through there. What
-- fails while it rests already was under way: the first counts.
CREATE FUNCTION lane_told(d deliveries, p_status text, p_lane boolean, p_slow boolean, p_crowded boolean) RETURNS timestamptz
LANGUAGE sql SET search_path = holdfast, pg_temp AS $$
  UPDATE delivery_lanes l SET served_at = now(), slow = p_slow,
      single_until = CASE WHEN p_crowded THEN now() + interval '10 minutes' ELSE l.single_until END,
      failures = CASE WHEN NOT p_lane THEN 0 WHEN l.paused_until > now() THEN l.failures ELSE l.failures + 1 END,
      failing_since = CASE WHEN p_lane THEN coalesce(l.failing_since, now()) END,
      refused = CASE p_status WHEN 'refused' THEN l.refused + 1 WHEN 'done' THEN 0 ELSE l.refused END,
      paused_until = CASE WHEN p_lane AND l.paused_until > now() THEN l.paused_until
        WHEN p_lane
          THEN now() + least(5 * 2.0 ^ least(l.failures, 12), 600) * (0.8 + 0.4 * random()) * interval '1 second'
        ELSE '-infinity' END
    WHERE l.channel = d.channel AND l.lane = d.lane RETURNING l.failing_since
$$;

-- How a try ended. done; later: not this time; dead: never; refused: never, unless one after the other is:
-- then it is the server that is wrong; back: it was not tried after all. p_lane: it is the whole lane that
-- fails, for reasons of its own. p_gone: the receiver wants nothing any more. p_slow: it took long. p_crowded:
-- that alone because others were under way to the same receiver.
CREATE FUNCTION outbox_told(p_delivery uuid, p_status text, p_error text, p_lane boolean, p_gone boolean, p_slow boolean,
  p_crowded boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
  d        deliveries;
  v_many   boolean := false;
  v_status text := p_status;
  v_since  timestamptz;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO d FROM deliveries WHERE delivery_id = p_delivery FOR UPDATE;
  IF NOT FOUND OR d.status <> 'waiting' THEN
    RETURN 'gone';
  END IF;
  IF p_status = 'back' THEN
    UPDATE deliveries SET tries = greatest(tries - 1, 0), next_at = now() WHERE delivery_id = p_delivery;
    RETURN 'waiting';
  END IF;
  IF p_status = 'refused' THEN
    v_many := (SELECT l.refused >= 3 FROM delivery_lanes l WHERE l.channel = d.channel AND l.lane = d.lane);
    v_status := CASE WHEN v_many THEN 'later' ELSE 'dead' END;
  END IF;
  IF v_status = 'later' THEN
    v_status := CASE WHEN d.since < now() - interval '3 days' THEN 'dead' ELSE 'waiting' END;
  END IF;
  UPDATE deliveries SET error = left(p_error, 500), status = v_status,
      ended_at = CASE WHEN v_status <> 'waiting' THEN now() END
    WHERE delivery_id = p_delivery;
  v_since := lane_told(d, p_status, p_lane OR v_many, p_slow, p_crowded);
  -- What comes after it is not looked at before it is due again.
  IF v_status = 'waiting' THEN
    UPDATE deliveries SET next_at = d.next_at WHERE delivery_id = ANY (ARRAY(
      SELECT o.delivery_id FROM deliveries o WHERE o.event_id = d.event_id AND o.target_id = d.target_id
          AND o.about = d.about AND o.position > d.position AND o.status = 'waiting'
          AND o.channel = d.channel AND o.next_at < d.next_at
        ORDER BY o.event_id, o.target_id, o.about, o.position LIMIT 500));
  END IF;
  IF d.channel = 'webhook' AND (p_gone OR v_since < now() - interval '3 days') THEN
    UPDATE webhooks SET disabled_at = now() WHERE webhook_id = d.target_id AND disabled_at IS NULL;
  END IF;
  RETURN v_status;
END
$$;

-- Gives up what has waited for three days, tried or not, and what waits for a webhook that is disabled; and
-- removes what was for one that there is no more: at most so many in all. Says how many.
CREATE FUNCTION outbox_bury(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_ids  uuid[];
  v_gone uuid[];
  v_rows bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  v_ids := ARRAY(SELECT q.delivery_id FROM unnest(ARRAY['mail', 'webhook']) AS c (channel)
    CROSS JOIN LATERAL (SELECT d.delivery_id FROM deliveries d
      WHERE d.channel = c.channel AND d.status = 'waiting' AND d.since < now() - interval '3 days'
      ORDER BY d.since LIMIT p_limit) AS q LIMIT p_limit);
  UPDATE deliveries d SET status = 'dead', ended_at = now(), error = coalesce(d.error, 'it was not tried in three days')
    WHERE d.delivery_id = ANY (v_ids);
  v_gone := ARRAY(SELECT q.delivery_id FROM webhooks w CROSS JOIN LATERAL (SELECT d.delivery_id FROM deliveries d
      WHERE d.channel = 'webhook' AND d.lane = w.webhook_id AND d.status = 'waiting'
      ORDER BY d.next_at LIMIT p_limit) AS q
    WHERE w.disabled_at IS NOT NULL LIMIT p_limit - cardinality(v_ids));
  UPDATE deliveries d SET status = 'dead', ended_at = now(), error = 'the receiver is gone'
    WHERE d.delivery_id = ANY (v_gone);
  v_rows := cardinality(v_ids) + cardinality(v_gone);
  v_gone := ARRAY(SELECT q.delivery_id FROM delivery_lanes l CROSS JOIN LATERAL (SELECT d.delivery_id FROM deliveries d
      WHERE d.channel = l.channel AND d.lane = l.lane ORDER BY d.channel, d.lane LIMIT p_limit) AS q
    WHERE l.channel = 'webhook' AND NOT EXISTS (SELECT FROM webhooks w WHERE w.webhook_id = l.lane) LIMIT p_limit - v_rows);
  DELETE FROM deliveries d WHERE d.delivery_id = ANY (v_gone);
  DELETE FROM delivery_lanes l WHERE l.channel = 'webhook'
    AND NOT EXISTS (SELECT FROM webhooks w WHERE w.webhook_id = l.lane)
    AND NOT EXISTS (SELECT FROM deliveries d WHERE d.channel = l.channel AND d.lane = l.lane);
  RETURN v_rows + cardinality(v_gone);
END
$$;

-- Notices are kept for 30 days, and their deliveries with them.
CREATE FUNCTION outbox_trim(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_gone bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM notices n USING (
      SELECT o.event_id, o.position FROM notices o JOIN event_logs l USING (event_id)
        WHERE o.published_at < now() - interval '30 days' AND o.position <= l.spread
        ORDER BY o.published_at LIMIT p_limit FOR UPDATE OF o SKIP LOCKED) AS old
    WHERE n.event_id = old.event_id AND n.position = old.position;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  RETURN v_gone;
END
$$;

-- What waits and what was given up, by channel; log: notices that nobody has published yet. Whoever asks
-- often shall not have all of them counted: 100,000 stand for any more.
CREATE FUNCTION outbox_state() RETURNS TABLE (channel text, waiting bigint, oldest_seconds bigint, dead bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  SELECT c.channel, (SELECT count(*) FROM (SELECT FROM holdfast.deliveries d
        WHERE d.channel = c.channel AND d.status = 'waiting' LIMIT 100000) AS q),
      coalesce((SELECT greatest(0, extract(epoch FROM now() - d.since))::bigint FROM holdfast.deliveries d
        WHERE d.channel = c.channel AND d.status = 'waiting' ORDER BY d.since LIMIT 1), 0),
      (SELECT count(*) FROM (SELECT FROM holdfast.deliveries d
        WHERE d.channel = c.channel AND d.status = 'dead' LIMIT 100000) AS q)
    FROM (VALUES ('mail'), ('webhook')) AS c (channel)
  UNION ALL
  SELECT 'log', (SELECT count(*) FROM (SELECT FROM holdfast.notices_new LIMIT 100000) AS q),
    coalesce((SELECT greatest(0, extract(epoch FROM now() - min(q.written_at)))::bigint FROM
      (SELECT n.written_at FROM holdfast.notices_new n LIMIT 100000) AS q), 0), 0
$$;

INSERT INTO job_schedule (name, every) VALUES ('outbox', '1 minute');

GRANT EXECUTE ON FUNCTION outbox_spread, outbox_take, outbox_told, outbox_bury, outbox_trim, outbox_state,
  job_begin, job_beat, job_end TO holdfast_outbox;
GRANT EXECUTE ON FUNCTION outbox_state TO holdfast_catalog, holdfast_notices;

COMMIT;
