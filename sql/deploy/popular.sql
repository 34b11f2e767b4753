-- The events in most demand: what the order in Redis is built from, and the page that shows it.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Bookings that began in the last eight half-lives (in minutes), with the number of those for which each
-- stands. Up to 20,000 are told one by one. Of more, 20 are read of each of 1,000 slots of time, which are
-- the shorter the later they are, and stand for all from the first to the last of their slot; so however
-- much was sold, the cost is the same. By index alone: what is known of the table may be from before the
-- sale.
CREATE FUNCTION bookings_lately(p_half_life integer)
RETURNS TABLE (event_id integer, places bigint, age double precision, stands_for double precision)
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
  c_rows   constant integer := 20;
  c_slots  constant integer := 1000;
  v_span   double precision := p_half_life * 60 * 8;
  v_first  double precision := p_half_life / 6.0; -- seconds; slots grow from about 1/120 of it on
  v_growth double precision := ln((v_span + v_first) / v_first) / c_slots;
BEGIN
  IF (SELECT count(*) FROM (SELECT FROM bookings b
      WHERE b.created_at > now() - v_span * interval '1 second'
      ORDER BY b.created_at DESC LIMIT c_rows * c_slots + 1) AS q) <= c_rows * c_slots THEN
    RETURN QUERY SELECT b.event_id, cardinality(b.positions) + (SELECT coalesce(sum(q), 0) FROM unnest(b.quantities) AS q),
        extract(epoch FROM now() - b.created_at)::double precision, 1::double precision
      FROM bookings b WHERE b.created_at > now() - v_span * interval '1 second';
    RETURN;
  END IF;
  RETURN QUERY WITH slots AS (
    SELECT now() - v_first * (exp(v_growth * (n + 1)) - 1) * interval '1 second' AS first,
        CASE n WHEN 0 THEN 'infinity' ELSE now() - v_first * (exp(v_growth * n) - 1) * interval '1 second' END AS last
      FROM generate_series(0, c_slots - 1) AS n)
    SELECT r.event_id, r.places, extract(epoch FROM now() - r.created_at)::double precision,
        -- of so few the rate would be told too high by 2 of them
        CASE WHEN r.rows < c_rows THEN 1 ELSE greatest(1, (c_rows - 2.0) / c_rows
          * extract(epoch FROM l.created_at - r.at_first)
          / greatest(extract(epoch FROM r.at_last - r.at_first), 0.001)) END::double precision
      FROM slots s CROSS JOIN LATERAL (
          SELECT q.*, count(*) OVER () AS rows, min(q.created_at) OVER () AS at_first,
              max(q.created_at) OVER () AS at_last
            FROM (SELECT b.event_id, b.created_at,
                cardinality(b.positions) + (SELECT coalesce(sum(q), 0) FROM unnest(b.quantities) AS q) AS places
              FROM bookings b WHERE b.created_at >= s.first AND b.created_at < s.last
              ORDER BY b.created_at LIMIT c_rows) AS q) AS r
        LEFT JOIN LATERAL (SELECT b.created_at FROM bookings b
          WHERE r.rows = c_rows AND b.created_at >= s.first AND b.created_at < s.last
          ORDER BY b.created_at DESC LIMIT 1) AS l ON true;
END
$$;

-- The demand for the events now on sale: places held, each half as much after every half-life.
CREATE FUNCTION event_demand(p_half_life integer, p_limit integer)
RETURNS TABLE (event_id integer, score double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT d.event_id, sum(d.places * d.stands_for * power(0.5::double precision, d.age / (60 * p_half_life))) AS score
    FROM holdfast.bookings_lately(p_half_life) AS d JOIN holdfast.events e USING (event_id)
    WHERE e.status = 'on_sale' AND e.event_date >= now()
    GROUP BY d.event_id ORDER BY score DESC, d.event_id LIMIT p_limit
$$;

-- The first of these events, by rank, that are on sale now; where they are too few, the soonest others.
CREATE FUNCTION event_popular(p_events integer[], p_ranks integer[], p_limit integer,
  p_default_seconds integer, p_default_per_booking integer, p_default_per_user integer,
  p_room jsonb DEFAULT '{}')
RETURNS SETOF event_view
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  WITH wanted AS MATERIALIZED (
    SELECT e.event_id, i.rank, e.event_date
      FROM unnest(p_events, p_ranks) AS i (event_id, rank) JOIN holdfast.events e USING (event_id)
      WHERE e.status = 'on_sale' AND e.event_date >= now() AND e.sales_start <= now() AND e.sales_end > now()
      ORDER BY i.rank, e.event_date, e.event_id LIMIT p_limit),
  soonest AS (
    SELECT s.event_id, NULL::integer AS rank, s.event_date
      -- not past all events there are, where sales of hardly any have begun
      FROM (SELECT e.* FROM holdfast.events e WHERE e.status = 'on_sale' AND e.event_date >= now()
          ORDER BY e.event_date, e.event_id LIMIT 1000) AS s
      WHERE s.sales_start <= now() AND s.sales_end > now()
        AND s.event_id NOT IN (SELECT w.event_id FROM wanted w)
      ORDER BY s.event_date, s.event_id LIMIT p_limit - (SELECT count(*) FROM wanted))
  SELECT (q.v).* FROM (
    SELECT holdfast.event_view_of(e, p_default_seconds, p_default_per_booking, p_default_per_user,
        p_room) AS v
      FROM (TABLE wanted UNION ALL TABLE soonest) AS i JOIN holdfast.events e USING (event_id)
      ORDER BY i.rank NULLS LAST, i.event_date, i.event_id OFFSET 0) AS q
$$;

GRANT EXECUTE ON FUNCTION event_demand, event_popular TO holdfast_catalog;

COMMIT;
