-- What is due ends: by the janitor, or with the buyer's next hold.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- One batch of tidying: gives back at most p_limit due claims that nobody has locked, ends their
-- bookings, and says which (event, booking) they were. Of all functions this one alone skips what is
-- locked, since whoever holds it may be taking it over: so it waits for no claim. Claims first, then,
-- by triggers, the counters, then bookings, both ascending.
CREATE FUNCTION expire(p_limit integer) RETURNS TABLE (event_id integer, booking_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_events    integer[]; -- of each claim that was given back: its event
  v_bookings  uuid[];    -- and its booking
  v_ga_events integer[];
  v_ga        uuid[];
  v_rows      tid[];     -- of the bookings that end
  v_live      text;
BEGIN
  -- What has been locked is found again by its place: no plan of a join then depends on how many rows
  -- the planner thinks are due.
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH gone AS (
    DELETE FROM seat_claims c WHERE c.expires_at <= now() AND c.ctid = ANY (ARRAY(
        SELECT d.ctid FROM seat_claims d
          WHERE d.state IN ('h', 'r') AND d.expires_at <= now()
          ORDER BY d.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED))
      RETURNING c.event_id, c.booking_id
  )
  SELECT array_agg(g.event_id), array_agg(g.booking_id) INTO v_events, v_bookings FROM gone g;

  -- Places by section: from one section that has holds to the next along the index.
  WITH RECURSIVE held AS (
    (SELECT c.event_id, c.section_no FROM ga_claims c WHERE c.state IN ('h', 'r')
      ORDER BY c.event_id, c.section_no LIMIT 1)
    UNION ALL
    SELECT n.event_id, n.section_no FROM held h CROSS JOIN LATERAL (
      SELECT c.event_id, c.section_no FROM ga_claims c
        WHERE c.state IN ('h', 'r') AND (c.event_id, c.section_no) > (h.event_id, h.section_no)
        ORDER BY c.event_id, c.section_no LIMIT 1) AS n
  ), gone AS (
    DELETE FROM ga_claims c WHERE c.expires_at <= now() AND c.ctid = ANY (ARRAY(
        SELECT d.ctid FROM held h CROSS JOIN LATERAL (
            SELECT e.ctid FROM ga_claims e
              WHERE e.event_id = h.event_id AND e.section_no = h.section_no
                AND e.state IN ('h', 'r') AND e.expires_at <= now()
              ORDER BY e.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS d
          LIMIT p_limit - coalesce(cardinality(v_events), 0)))
      RETURNING c.event_id, c.booking_id
  )
  SELECT array_agg(g.event_id), array_agg(g.booking_id) INTO v_ga_events, v_ga FROM gone g;

  SELECT array_agg(q.event_id), array_agg(q.booking_id) INTO v_events, v_bookings
    FROM (SELECT DISTINCT d.event_id, d.booking_id
        FROM unnest(v_events || v_ga_events, v_bookings || v_ga) AS d (event_id, booking_id)
        ORDER BY 1, 2) AS q;
  IF v_events IS NULL THEN
    RETURN;
  END IF;
  -- One that is not ended here must have ended already: anything else means that a claim and its
  -- booking disagree.
  SELECT array_agg(b.ctid) FILTER (WHERE b.due),
      min(b.booking_id::text) FILTER (WHERE b.status = 'CONFIRMED' OR b.open AND NOT b.due)
    INTO v_rows, v_live
    FROM unnest(v_events, v_bookings) AS d (event_id, booking_id)
      CROSS JOIN LATERAL (
        SELECT k.ctid, k.booking_id, k.status, k.status IN ('HOLD', 'RESERVED') AS open,
            k.status IN ('HOLD', 'RESERVED') AND k.expires_at <= now() AS due
          FROM bookings k
          WHERE k.event_id = d.event_id AND k.booking_id = d.booking_id LIMIT 1 FOR UPDATE) AS b;
  IF v_live IS NOT NULL THEN
    RAISE EXCEPTION 'a due claim belongs to the live booking %', v_live USING ERRCODE = 'XX001';
  END IF;
  UPDATE bookings b SET status = 'EXPIRED', ended_at = now(), version = version + 1
    WHERE b.ctid = ANY (v_rows);
  RETURN QUERY SELECT d.event_id, d.booking_id
    FROM unnest(v_events, v_bookings) AS d (event_id, booking_id);
END
$$;

-- A buyer's own bookings that are due and have not ended count for nothing, and yet one of them may still be
-- confirmed or extended, by a call that came in time and is under way. Where that would be too much beside
-- what the buyer is given now, they are awaited first, and ended with it.

-- Whether nobody is at work on these bookings, after a wait where p_wait says so. Keeps no lock of them:
-- those of claims and counters come first.
CREATE FUNCTION bookings_settled(p_event integer, p_bookings uuid[], p_wait boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF p_wait THEN
    PERFORM FROM bookings WHERE event_id = p_event AND booking_id = ANY (p_bookings)
      ORDER BY booking_id FOR UPDATE;
  ELSE
    PERFORM FROM bookings WHERE event_id = p_event AND booking_id = ANY (p_bookings)
      ORDER BY booking_id FOR UPDATE NOWAIT;
  END IF;
  RAISE EXCEPTION 'settled'; -- gives the locks back
EXCEPTION
  WHEN raise_exception THEN
    RETURN true;
  WHEN lock_not_available THEN
    IF p_wait THEN
      RAISE;
    END IF;
    RETURN false;
END
$$;

-- Ends them, last in the lock order and without waiting. 40001 has the caller call again where somebody has
-- come to work on one of them since, or has moved it.
CREATE FUNCTION bookings_end_due(p_event integer, p_bookings uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_open text[] := '{HOLD,RESERVED}';
  v_over integer;
BEGIN
  SELECT count(*) FILTER (WHERE q.status <> 'CONFIRMED' AND (q.status <> ALL (v_open) OR q.expires_at <= now()))
    INTO v_over FROM (
      SELECT status, expires_at FROM bookings WHERE event_id = p_event AND booking_id = ANY (p_bookings)
        ORDER BY booking_id FOR UPDATE SKIP LOCKED) AS q;
  IF v_over < cardinality(p_bookings) THEN
    RAISE EXCEPTION 'a booking of the buyer is being moved' USING ERRCODE = '40001';
  END IF;
  PERFORM bookings_close_due(p_event, p_bookings);
END
$$;

GRANT EXECUTE ON FUNCTION expire TO holdfast_janitor;

COMMIT;
