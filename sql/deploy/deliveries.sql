-- Deliveries of notices: to the webhooks of organizers, and as mail to buyers and staff. Each is tried
-- until it is done or three days have passed, in the order of the log for one booking and one target.
--
-- A lane is what fails as one: a webhook, or the mail server. One that fails is left alone for a while,
-- and then tried with a single delivery.
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
  channel      text NOT NULL CHECK (channel IN ('mail', 'webhook')),
  lane         uuid NOT NULL,
  failures     integer NOT NULL DEFAULT 0 CHECK (failures >= 0), -- since something last went through
  paused_until timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (channel, lane)
);
INSERT INTO delivery_lanes (channel, lane) VALUES ('mail', '00000000-0000-0000-0000-000000000000');

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
CREATE INDEX deliveries_dead ON deliveries (created_at) WHERE status = 'dead';
CREATE INDEX deliveries_lane ON deliveries (channel, lane);

-- ---- who is told of what -------------------------------------------------------------------------

-- A notice that every buyer with a standing booking is told of.
CREATE FUNCTION notice_is_broad(n notices) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = holdfast, pg_temp AS $$
  SELECT n.kind = 'event.cancelled'
    OR n.kind = 'event.changed' AND (n.data ? 'event_date' OR n.data -> 'fields' ? 'venue_id')
$$;

-- The deliveries of the notices after p_after up to p_until, but for those to all buyers.
CREATE FUNCTION deliveries_write(p_event integer, p_after bigint, p_until bigint, p_mail boolean)
RETURNS bigint
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_zero uuid := '00000000-0000-0000-0000-000000000000';
  v_rows bigint;
BEGIN
  INSERT INTO deliveries (event_id, position, about, channel, lane, target_id, template)
    SELECT n.event_id, n.position, coalesce(n.booking_id, v_zero), t.channel, t.lane, t.target_id, t.template
      FROM notices n JOIN events e USING (event_id)
        CROSS JOIN LATERAL (
          SELECT 'webhook' AS channel, w.webhook_id AS lane, w.webhook_id AS target_id, n.kind AS template
            FROM webhooks w WHERE w.owner_id = e.organizer_id AND w.disabled_at IS NULL
              AND (w.kinds IS NULL OR n.kind = ANY (w.kinds))
          UNION ALL
          SELECT 'mail', v_zero, u.user_id, n.kind FROM bookings b JOIN users u USING (user_id)
            WHERE p_mail AND b.event_id = n.event_id AND b.booking_id = n.booking_id
              AND n.kind IN ('booking.confirmed', 'booking.cancelled', 'booking.unfulfilled', 'refund.done')
          UNION ALL
          SELECT 'mail', v_zero, u.user_id, 'staff.' || n.kind FROM users u
            WHERE p_mail AND u.disabled_at IS NULL AND (u.user_id = e.organizer_id OR u.role = 'admin')
              AND n.kind IN ('booking.unfulfilled', 'payment.disputed', 'refund.failed')) AS t
      WHERE n.event_id = p_event AND n.position > p_after AND n.position <= p_until;
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  RETURN v_rows;
END
$$;

-- One step with the next event after p_after that has something: publishes, and writes deliveries. Null:
-- there is none. What is committed here is durable, and so is all that it tells of.
CREATE FUNCTION outbox_spread(p_after integer, p_mail boolean, p_limit integer)
RETURNS TABLE (event bigint, published bigint, written bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_zero  uuid := '00000000-0000-0000-0000-000000000000';
  v_event integer;
  v_until bigint;
  v_broad bigint;
  v_users uuid[];
  l       event_logs;
BEGIN
  SELECT least(
      (SELECT n.event_id FROM notices_new n WHERE n.event_id > p_after ORDER BY n.event_id LIMIT 1),
      (SELECT o.event_id FROM event_logs o WHERE o.event_id > p_after AND o.spread < o.last
        ORDER BY o.event_id LIMIT 1)) INTO v_event;
  IF v_event IS NULL THEN
    RETURN;
  END IF;
  event := v_event;
  published := log_publish(v_event, p_limit);
  SELECT * INTO l FROM event_logs o WHERE o.event_id = v_event FOR UPDATE;
  IF l.spread_user IS NULL THEN
    v_until := least(l.spread + p_limit, l.last);
    SELECT min(n.position) INTO v_broad FROM notices n
      WHERE p_mail AND n.event_id = v_event AND n.position > l.spread AND n.position <= v_until
        AND notice_is_broad(n);
    v_until := coalesce(v_broad, v_until);
    written := deliveries_write(v_event, l.spread, v_until, p_mail);
    UPDATE event_logs o SET spread = CASE WHEN v_broad IS NULL THEN v_until ELSE v_until - 1 END,
        spread_user = CASE WHEN v_broad IS NOT NULL THEN v_zero END
      WHERE o.event_id = v_event;
  ELSE
    SELECT array_agg(q.user_id) INTO v_users FROM (SELECT b.user_id FROM bookings b
      WHERE b.event_id = v_event AND b.status = 'CONFIRMED' AND b.user_id > l.spread_user
      GROUP BY b.user_id ORDER BY b.user_id LIMIT p_limit) AS q;
    INSERT INTO deliveries (event_id, position, about, channel, lane, target_id, template)
      SELECT n.event_id, n.position, v_zero, 'mail', v_zero, u.user_id, n.kind
        FROM notices n JOIN users u ON u.user_id = ANY (v_users)
        WHERE n.event_id = v_event AND n.position = l.spread + 1;
    GET DIAGNOSTICS written = ROW_COUNT;
    UPDATE event_logs o
      SET spread = CASE WHEN cardinality(v_users) = p_limit THEN o.spread ELSE o.spread + 1 END,
        spread_user = CASE WHEN cardinality(v_users) = p_limit THEN v_users[p_limit] END
      WHERE o.event_id = v_event;
  END IF;
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

-- All that a template may name. Empty where it does not apply.
CREATE FUNCTION mail_facts(p_event integer, p_position bigint, p_user uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT json_build_object('name', coalesce(u.name, ''), 'kind', n.kind, 'event_id', n.event_id::text,
      'event_title', e.title, 'event_when', time_tell(e.event_date, e.timezone),
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

-- Takes at most so many deliveries that are due, by turns of the lanes. That they were tried is written
-- down before they are: should the caller die, they are repeated later, under the same ids. Nothing is
-- lost if this is.
CREATE FUNCTION outbox_take(p_channel text, p_limit integer)
RETURNS TABLE (delivery_id uuid, template text, tries integer, sent_at bigint, address text, secret text,
  body text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN QUERY
    WITH due AS (
      SELECT q.delivery_id FROM delivery_lanes l CROSS JOIN LATERAL (
          SELECT d.delivery_id, d.next_at, row_number() OVER (ORDER BY d.next_at, d.position) AS turn
            FROM deliveries d
            WHERE d.channel = l.channel AND d.lane = l.lane AND d.status = 'waiting' AND d.next_at <= now()
              AND NOT EXISTS (SELECT FROM deliveries o WHERE o.event_id = d.event_id
                AND o.target_id = d.target_id AND o.about = d.about AND o.position < d.position
                AND o.channel = d.channel AND o.status = 'waiting')
            ORDER BY d.next_at, d.position LIMIT CASE WHEN l.failures > 0 THEN 1 ELSE 10 END) AS q
        WHERE l.channel = p_channel AND l.paused_until <= now()
        ORDER BY q.turn, q.next_at LIMIT p_limit
    ), locked AS (
      SELECT d.event_id, d.position, d.channel, d.target_id, d.template FROM deliveries d
        WHERE d.delivery_id = ANY (ARRAY(SELECT k.delivery_id FROM due k)) AND d.status = 'waiting'
          AND d.next_at <= now()
        FOR UPDATE SKIP LOCKED
    ), taken AS (
      UPDATE deliveries d SET tries = d.tries + 1, next_at = now() + outbox_pause(d.tries + 1)
        FROM locked k WHERE d.event_id = k.event_id AND d.position = k.position AND d.channel = k.channel
          AND d.target_id = k.target_id AND d.template = k.template
        RETURNING d.*
    )
    SELECT t.delivery_id, t.template, t.tries, extract(epoch FROM now())::bigint,
        CASE t.channel WHEN 'mail' THEN u.email::text ELSE w.url END, encode(w.secret, 'hex'),
        CASE t.channel WHEN 'mail' THEN mail_facts(t.event_id, t.position, t.target_id)
          ELSE webhook_body(n) END
      FROM taken t JOIN notices n USING (event_id, position)
        LEFT JOIN users u ON t.channel = 'mail' AND u.user_id = t.target_id
        LEFT JOIN webhooks w ON t.channel = 'webhook' AND w.webhook_id = t.target_id
      ORDER BY t.event_id, t.position;
END
$$;

-- What a webhook is sent (Standard Webhooks).
CREATE FUNCTION webhook_body(n notices) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT row_to_json(q)::text FROM (
    SELECT n.kind AS type, holdfast.time_show(n.written_at) AS timestamp,
      holdfast.notice_show(n)::json AS data) AS q
$$;

-- How a try ended. done; later: not this time; dead: never; back: it was not tried after all. p_lane: it is the whole lane that fails, for
-- reasons of its own. p_gone: the receiver wants nothing any more.
CREATE FUNCTION outbox_told(p_delivery uuid, p_status text, p_error text, p_lane boolean, p_gone boolean)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  d deliveries;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  IF p_status = 'back' THEN
    UPDATE deliveries SET tries = greatest(tries - 1, 0), next_at = now()
      WHERE delivery_id = p_delivery AND status = 'waiting';
    RETURN 'waiting';
  END IF;
  UPDATE deliveries SET error = left(p_error, 500),
      status = CASE WHEN p_status <> 'later' THEN p_status
        WHEN since < now() - interval '3 days' THEN 'dead' ELSE status END,
      ended_at = CASE WHEN p_status <> 'later' OR since < now() - interval '3 days' THEN now() END
    WHERE delivery_id = p_delivery AND status = 'waiting' RETURNING * INTO d;
  IF NOT FOUND THEN
    RETURN 'gone';
  END IF;
  IF p_lane THEN
    UPDATE delivery_lanes SET failures = failures + 1, paused_until = now()
        + least(5 * 2.0 ^ least(failures, 12), 600) * (0.8 + 0.4 * random()) * interval '1 second'
      WHERE channel = d.channel AND lane = d.lane;
  ELSE
    UPDATE delivery_lanes SET failures = 0, paused_until = '-infinity'
      WHERE channel = d.channel AND lane = d.lane AND failures > 0;
  END IF;
  IF p_gone AND d.channel = 'webhook' THEN
    UPDATE webhooks SET disabled_at = now() WHERE webhook_id = d.target_id AND disabled_at IS NULL;
    UPDATE deliveries SET status = 'dead', ended_at = now(), error = 'the receiver is gone'
      WHERE channel = d.channel AND lane = d.lane AND status = 'waiting';
  END IF;
  RETURN d.status;
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

-- What waits and what was given up, by channel; log: notices that nobody has published yet.
CREATE FUNCTION outbox_state() RETURNS TABLE (channel text, waiting bigint, oldest_seconds bigint, dead bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT c.channel, (SELECT count(*) FROM holdfast.deliveries d
        WHERE d.channel = c.channel AND d.status = 'waiting'),
      coalesce((SELECT greatest(0, extract(epoch FROM now() - min(d.since)))::bigint FROM holdfast.deliveries d
        WHERE d.channel = c.channel AND d.status = 'waiting'), 0),
      (SELECT count(*) FROM holdfast.deliveries d WHERE d.channel = c.channel AND d.status = 'dead')
    FROM (VALUES ('mail'), ('webhook')) AS c (channel)
  UNION ALL
  SELECT 'log', count(*), coalesce(greatest(0, extract(epoch FROM now() - min(n.written_at)))::bigint, 0), 0
    FROM holdfast.notices_new n
$$;

-- ---- for the operator ----------------------------------------------------------------------------

-- Deliveries of a status (null: any), newest first. target: the webhook or the account.
CREATE FUNCTION delivery_list(p_status text, p_limit integer)
RETURNS TABLE (delivery_id uuid, status text, channel text, target_id uuid, event_id integer,
  place bigint, template text, tries integer, created_at text, next_at text, error text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT d.delivery_id, d.status, d.channel, d.target_id, d.event_id, d.position, d.template, d.tries,
      holdfast.time_show(d.created_at),
      CASE WHEN d.status = 'waiting' THEN holdfast.time_show(greatest(d.next_at, l.paused_until)) END, d.error
    FROM holdfast.deliveries d JOIN holdfast.delivery_lanes l USING (channel, lane)
    WHERE p_status IS NULL OR d.status = p_status
    ORDER BY d.created_at DESC, d.event_id DESC, d.position DESC LIMIT p_limit
$$;

-- Sends again: this delivery whatever became of it, or (null) all that are dead. A lane that was paused
-- is tried at once. Says how many; those of a webhook that is gone are none.
CREATE FUNCTION delivery_resend(p_delivery uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_lanes uuid[];
BEGIN
  WITH again AS (
    UPDATE deliveries d SET status = 'waiting', ended_at = NULL, next_at = now(), since = now(), error = NULL
      WHERE (d.delivery_id = p_delivery OR p_delivery IS NULL AND d.status = 'dead')
        AND (d.channel = 'mail' OR EXISTS (SELECT FROM webhooks w
          WHERE w.webhook_id = d.target_id AND w.disabled_at IS NULL))
      RETURNING d.lane
  )
  SELECT array_agg(a.lane) INTO v_lanes FROM again a;
  UPDATE delivery_lanes SET paused_until = '-infinity' WHERE lane = ANY (v_lanes);
  RETURN coalesce(cardinality(v_lanes), 0);
END
$$;

-- ---- for organizers ------------------------------------------------------------------------------

CREATE FUNCTION webhook_show(w webhooks) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT row_to_json(q)::text FROM (
    SELECT w.webhook_id, w.url, to_json(w.kinds) AS kinds,
      CASE WHEN w.disabled_at IS NULL THEN 'enabled' ELSE 'disabled' END AS status,
      holdfast.time_show(w.created_at) AS created_at,
      holdfast.time_show(w.disabled_at) AS disabled_at) AS q
$$;

-- A webhook of the caller's, with the id that the caller chose: a repeat finds it there.
CREATE FUNCTION webhook_create(p_user uuid, p_webhook uuid, p_url text, p_kinds text[], p_secret text, p_most integer)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  w      webhooks;
  v_kind record;
BEGIN
  PERFORM staff_check(p_user, false);
  SELECT k.kind, k.at INTO v_kind FROM unnest(p_kinds) WITH ORDINALITY AS k (kind, at)
    WHERE NOT EXISTS (SELECT FROM notice_kinds n WHERE n.kind = k.kind) ORDER BY k.at LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_field('/kinds/' || v_kind.at - 1, 'There is no such kind of notice.');
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('webhooks/' || p_user, 5));
  IF (SELECT count(*) FROM webhooks o WHERE o.owner_id = p_user AND o.webhook_id <> p_webhook) >= p_most THEN
    PERFORM refuse_field('/url', format('An account has at most %s webhooks.', p_most));
  END IF;
  INSERT INTO delivery_lanes (channel, lane) VALUES ('webhook', p_webhook) ON CONFLICT DO NOTHING;
  INSERT INTO webhooks (webhook_id, owner_id, url, kinds, secret)
    VALUES (p_webhook, p_user, p_url, p_kinds, decode(p_secret, 'hex')) ON CONFLICT DO NOTHING;
  SELECT * INTO w FROM webhooks o WHERE o.webhook_id = p_webhook AND o.owner_id = p_user;
  RETURN webhook_show(w);
END
$$;

CREATE FUNCTION webhook_list(p_user uuid, p_after uuid, p_limit integer)
RETURNS TABLE (webhook_id uuid, body text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT w.webhook_id, holdfast.webhook_show(w) FROM holdfast.webhooks w
    WHERE w.owner_id = p_user AND (p_after IS NULL OR (w.created_at, w.webhook_id) >
      (SELECT o.created_at, o.webhook_id FROM holdfast.webhooks o WHERE o.webhook_id = p_after))
    ORDER BY w.created_at, w.webhook_id LIMIT p_limit
$$;

-- Ends a webhook, with what waits for it and the record of what it was sent.
CREATE FUNCTION webhook_delete(p_user uuid, p_webhook uuid, p_all boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  PERFORM staff_check(p_user, p_all);
  DELETE FROM webhooks w WHERE w.webhook_id = p_webhook AND (p_all OR w.owner_id = p_user);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such webhook' USING ERRCODE = 'HF104';
  END IF;
  DELETE FROM deliveries d WHERE d.channel = 'webhook' AND d.lane = p_webhook;
  DELETE FROM delivery_lanes l WHERE l.channel = 'webhook' AND l.lane = p_webhook;
END
$$;

INSERT INTO job_schedule (name, every) VALUES ('outbox', '1 minute');

GRANT EXECUTE ON FUNCTION outbox_spread, outbox_take, outbox_told, outbox_trim, outbox_state,
  job_begin, job_beat, job_end TO holdfast_outbox;
GRANT EXECUTE ON FUNCTION outbox_state TO holdfast_catalog, holdfast_notices;
GRANT EXECUTE ON FUNCTION delivery_list, delivery_resend TO holdfast_notices;
GRANT EXECUTE ON FUNCTION webhook_create, webhook_list, webhook_delete TO holdfast_admin;

COMMIT;
