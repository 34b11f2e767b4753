-- What operators and organizers do with deliveries and webhooks.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- ---- for the operator ----------------------------------------------------------------------------

-- Deliveries of a status (null: any), newest first. target: the webhook or the account. Planned for the
-- status that is asked for: dead ones have an index, which no plan for all of them would use.
CREATE FUNCTION delivery_list(p_status text, p_limit integer)
RETURNS TABLE (delivery_id uuid, status text, channel text, target_id uuid, event_id integer,
  place bigint, template text, tries integer, created_at text, next_at text, error text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  RETURN QUERY SELECT d.delivery_id, d.status, d.channel, d.target_id, d.event_id, d.position, d.template, d.tries,
      time_show(d.created_at),
      CASE WHEN d.status = 'waiting' THEN time_show(greatest(d.next_at, l.paused_until)) END, d.error
    FROM deliveries d JOIN delivery_lanes l USING (channel, lane)
    WHERE p_status IS NULL OR d.status = p_status
    ORDER BY d.created_at DESC, d.event_id DESC, d.position DESC LIMIT p_limit;
END
$$;

-- Sends again: this delivery whatever became of it, or (null) so many of the dead, in the order of the log.
-- A lane that was paused is tried at once. Says how many; those of a webhook that is gone are none.
CREATE FUNCTION delivery_resend(p_delivery uuid, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_sort = off SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_ids   uuid[] := ARRAY[p_delivery];
  v_lanes uuid[];
BEGIN
  IF p_delivery IS NULL THEN
    v_ids := ARRAY(SELECT q.delivery_id FROM delivery_lanes l LEFT JOIN webhooks w ON w.webhook_id = l.lane
      CROSS JOIN LATERAL (SELECT d.delivery_id FROM deliveries d
        WHERE d.channel = l.channel AND d.lane = l.lane AND d.status = 'dead' ORDER BY d.event_id, d.position LIMIT p_limit) AS q
      WHERE l.channel = 'mail' OR w.disabled_at IS NULL AND w.webhook_id IS NOT NULL LIMIT p_limit);
  END IF;
  WITH again AS (
    UPDATE deliveries d SET status = 'waiting', ended_at = NULL, since = now(), error = NULL,
        next_at = now() - interval '1 second' + least(d.position, 1000000) * interval '1 microsecond'
      WHERE d.delivery_id = ANY (v_ids)
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

-- Those of the caller that were made after p_at (microseconds since 1970; null: from the first), or at that
-- time with an id after p_after. The one that a page ended with may be gone by now.
CREATE FUNCTION webhook_list(p_user uuid, p_at bigint, p_after uuid, p_limit integer)
RETURNS TABLE (at bigint, webhook_id uuid, body text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM staff_check(p_user, false);
  RETURN QUERY SELECT (extract(epoch FROM w.created_at) * 1000000)::bigint, w.webhook_id, webhook_show(w)
    FROM webhooks w
    WHERE w.owner_id = p_user AND (p_at IS NULL OR (w.created_at, w.webhook_id) >
      (timestamptz '1970-01-01Z' + p_at * interval '1 microsecond', p_after))
    ORDER BY w.created_at, w.webhook_id LIMIT p_limit;
END
$$;

-- Ends a webhook. What waits for it, and the record of what it was sent, go with the job's next run, by steps:
-- that may be much, and the job may be at it.
CREATE FUNCTION webhook_delete(p_user uuid, p_webhook uuid, p_all boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  PERFORM staff_check(p_user, p_all);
  DELETE FROM webhooks w WHERE w.webhook_id = p_webhook AND (p_all OR w.owner_id = p_user);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such webhook' USING ERRCODE = 'HF104';
  END IF;
END
$$;

GRANT EXECUTE ON FUNCTION delivery_list, delivery_resend TO holdfast_notices;
GRANT EXECUTE ON FUNCTION webhook_create, webhook_list, webhook_delete TO holdfast_admin;

COMMIT;
