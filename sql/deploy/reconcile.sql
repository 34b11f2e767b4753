-- What reconcile asks: which events Redis should keep, and the sums by which a quick comparison sees
-- whether it keeps them right.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Events that are sold now, or will be in two minutes: what is kept of them is built before anybody
-- waits for it.
CREATE FUNCTION reconcile_wanted(p_after integer, p_limit integer) RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT e.event_id FROM holdfast.events e
    WHERE e.event_id > p_after AND e.status = 'on_sale' AND e.sales_end > now()
      AND e.sales_start < now() + interval '2 minutes'
    ORDER BY e.event_id LIMIT p_limit
$$;

-- A page of the events that are sold, or were an hour ago. wanted: Redis should keep it. Times in
-- milliseconds since 1970. sections: one a line, id|kind|capacity; counts: one a line, id|held|sold, of
-- general admission; seats: held, reserved, booked and killed ones; entries: bookings that hold places;
-- deadlines: those of them that have one, and the first of these. Due ones count as gone.
CREATE FUNCTION reconcile_glance(p_after integer, p_limit integer)
RETURNS TABLE (event_id integer, wanted boolean, open_from bigint, open_until bigint, hold_ms bigint,
  places_max integer, seats integer, sections text, counts text, held_seats bigint,
  reserved_seats bigint, booked_seats bigint, killed_seats bigint, entries bigint, deadlines bigint,
  first_deadline bigint, clock_ms bigint, room text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  WITH page AS MATERIALIZED (
    SELECT e.* FROM holdfast.events e
      WHERE e.event_id > p_after AND e.status <> 'draft'
        AND e.sales_end > now() - interval '1 hour'
        AND e.sales_start < now() + interval '2 minutes'
      ORDER BY e.event_id LIMIT p_limit)
  SELECT e.event_id, e.status = 'on_sale' AND e.sales_end > now(),
    floor(extract(epoch FROM e.sales_start) * 1000)::bigint,
    holdfast.open_until(e),
    coalesce(e.hold_seconds, 0)::bigint * 1000, coalesce(e.max_seats_per_booking, 0), e.seats_count,
    s.sections, s.counts, c.held, c.reserved, c.booked, c.killed, b.entries, b.deadlines, b.first,
    floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, holdfast.room_brief(e)
  FROM page e
    CROSS JOIN LATERAL (
      SELECT coalesce(string_agg(concat_ws('|', t.section_id, t.kind, t.capacity), E'\n'
            ORDER BY t.section_no), '') AS sections,
          coalesce(string_agg(concat_ws('|', t.section_id, coalesce(g.held, 0), coalesce(g.sold, 0)),
            E'\n' ORDER BY t.section_no) FILTER (WHERE t.kind = 'ga'), '') AS counts
        FROM holdfast.sections t LEFT JOIN (
          SELECT k.section_no, sum(k.quantity) FILTER (WHERE k.state IN ('h', 'r')) AS held,
              sum(k.quantity) FILTER (WHERE k.state = 'b') AS sold
            FROM holdfast.ga_claims k WHERE k.event_id = e.event_id AND k.expires_at > now()
            GROUP BY k.section_no) AS g USING (section_no)
        WHERE t.event_id = e.event_id) AS s
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE k.state = 'h') AS held,
          count(*) FILTER (WHERE k.state = 'r') AS reserved,
          count(*) FILTER (WHERE k.state = 'b') AS booked,
          count(*) FILTER (WHERE k.state = 'x') AS killed
        FROM holdfast.seat_claims k WHERE k.event_id = e.event_id AND k.expires_at > now()) AS c
    CROSS JOIN LATERAL (
      SELECT count(*) AS entries, count(*) FILTER (WHERE k.status <> 'CONFIRMED') AS deadlines,
          coalesce(floor(extract(epoch FROM min(k.expires_at) FILTER (WHERE k.status <> 'CONFIRMED'))
            * 1000)::bigint, -1) AS first
        FROM holdfast.bookings k
        WHERE k.event_id = e.event_id AND k.status IN ('HOLD', 'RESERVED', 'CONFIRMED')
          AND (k.status = 'CONFIRMED' OR k.expires_at > now())) AS b
  ORDER BY e.event_id
$$;

-- Beside the light run of each minute.
INSERT INTO job_schedule (name, every) VALUES ('reconcile-full', '1 hour');

GRANT EXECUTE ON FUNCTION reconcile_wanted, reconcile_glance TO holdfast_reconcile;
GRANT EXECUTE ON FUNCTION job_begin, job_beat, job_end TO holdfast_reconcile;

COMMIT;
