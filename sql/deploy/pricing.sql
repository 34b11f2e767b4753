-- Prices that move by themselves: what the job reads and writes, and their history for staff. The rule
-- itself is no part of the database: what it decides is guarded here, and written down with its reason.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- The next event after p_after whose prices move and which is sold now (p_only: this one alone), a
-- row a section. p_defaults: the rule where the event says nothing. Times in seconds since 1970;
-- changed: when the rule last changed this price, null if it never did.
CREATE FUNCTION pricing_next(p_after integer, p_only integer, p_defaults jsonb)
RETURNS TABLE (event_id integer, version integer, section_no smallint, section_id text,
  base_price bigint, price bigint, capacity integer, sold bigint, sales_start bigint,
  sales_end bigint, at bigint, changed bigint, floor_percent bigint, ceiling_percent bigint,
  step_percent bigint, round_to bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT e.event_id, e.version, c.section_no, c.section_id, c.base_price, c.price, n.capacity, n.sold,
      floor(extract(epoch FROM e.sales_start))::bigint, floor(extract(epoch FROM e.sales_end))::bigint,
      floor(extract(epoch FROM now()))::bigint,
      (SELECT floor(extract(epoch FROM h.changed_at))::bigint FROM holdfast.price_changes h
        WHERE h.event_id = e.event_id AND h.section_no = c.section_no AND h.inputs IS NOT NULL
        ORDER BY h.changed_at DESC LIMIT 1),
      (e.rule ->> 'floor_percent')::bigint, (e.rule ->> 'ceiling_percent')::bigint,
      (e.rule ->> 'step_percent')::bigint,
      -- What the provider takes, whatever the configuration says.
      CASE WHEN e.payment = 'none' THEN (e.rule ->> 'round_to')::bigint
        ELSE lcm((e.rule ->> 'round_to')::bigint, holdfast.provider_unit(e.currency)) END
    FROM (SELECT k.*, p_defaults || k.pricing AS rule FROM holdfast.events k
        WHERE k.status = 'on_sale' AND (k.pricing -> 'enabled')::boolean
          AND k.sales_start <= now() AND k.sales_end > now()
          AND k.event_id > p_after AND (p_only IS NULL OR k.event_id = p_only)
        ORDER BY k.event_id LIMIT 1) AS e
      CROSS JOIN LATERAL holdfast.section_counts(e.event_id) AS n
      JOIN holdfast.sections c ON c.event_id = e.event_id AND c.section_id = n.section_id
    ORDER BY c.section_no
$$;

-- Writes what the rule has made of an event at this version: p_changes is a list of {section_no,
-- base_price, old_price, new_price, reason, inputs}. Nothing is done if the event is not as it was
-- read: whoever edits it changes its version under the same lock. Bookings keep the price of their
-- moment.
CREATE FUNCTION pricing_apply(p_event integer, p_version integer, p_changes jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_moved integer;
BEGIN
  PERFORM FROM events WHERE event_id = p_event AND version = p_version AND status = 'on_sale'
      AND (pricing -> 'enabled')::boolean AND sales_start <= now() AND sales_end > now()
    FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the event has changed' USING ERRCODE = 'HF221';
  END IF;
  WITH moved AS (
    UPDATE sections c SET price = w.new_price, version = c.version + 1
      FROM jsonb_to_recordset(p_changes) AS w (section_no smallint, base_price bigint,
        old_price bigint, new_price bigint, reason text, inputs jsonb)
      WHERE c.event_id = p_event AND c.section_no = w.section_no AND c.price = w.old_price
        AND c.base_price = w.base_price
      RETURNING w.section_no, w.old_price, w.new_price, w.reason, w.inputs
  )
  INSERT INTO price_changes (event_id, section_no, old_price, new_price, reason, inputs)
    SELECT p_event, section_no, old_price, new_price, reason, inputs FROM moved ORDER BY section_no;
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  IF v_moved < jsonb_array_length(p_changes) THEN
    -- Somebody has changed a price past the version, at psql: what is done is undone.
    RAISE EXCEPTION 'a price has changed' USING ERRCODE = 'HF221';
  END IF;
  UPDATE events SET version = version + 1 WHERE event_id = p_event;
END
$$;

-- A page of the changes of an event's prices, newest first, before p_before where given; one row
-- without a change where there are none. pricing: the rule in force.
CREATE FUNCTION price_list(p_event integer, p_user uuid, p_all boolean, p_before bigint,
  p_limit integer, p_defaults jsonb)
RETURNS TABLE (pricing text, change_no bigint, body text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM staff_check(p_user, p_all);
  RETURN QUERY
    SELECT (p_defaults || e.pricing)::text, h.change_no, (SELECT row_to_json(q)::text FROM (
          SELECT c.section_id, h.old_price, h.new_price, e.currency, h.reason, h.inputs,
            time_show(h.changed_at) AS changed_at WHERE h.change_no IS NOT NULL) AS q)
      FROM events e
        LEFT JOIN LATERAL (SELECT * FROM price_changes p
          WHERE p.event_id = e.event_id AND (p_before IS NULL OR p.change_no < p_before)
          ORDER BY p.change_no DESC LIMIT p_limit) AS h ON true
        LEFT JOIN sections c ON c.event_id = e.event_id AND c.section_no = h.section_no
      WHERE e.event_id = p_event AND (p_all OR e.organizer_id = p_user)
      ORDER BY h.change_no DESC;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
END
$$;

GRANT EXECUTE ON FUNCTION pricing_next, pricing_apply, job_begin, job_beat, job_end TO holdfast_pricing;
GRANT EXECUTE ON FUNCTION price_list TO holdfast_admin;

COMMIT;
