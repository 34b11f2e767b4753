-- What staff are told of sales, each number as docs/analytics.md defines it: sums where they reach, and
-- what came after them from the bookings themselves, in one snapshot.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE INDEX events_date ON events (event_date, event_id);

-- Functions without a search path of their own do not need it, and are put in place where they are called.

-- The first instant of what a local time begins. One that occurs twice, as clocks go back, is the first.
CREATE FUNCTION local_start(p_local timestamp, p_zone text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN (t.at - interval '1 hour') AT TIME ZONE p_zone = p_local
    THEN t.at - interval '1 hour' ELSE t.at END
    FROM (SELECT p_local AT TIME ZONE p_zone AS at) AS t
$$;

-- Where the parts of a period begin. Hours are counted on, others begin by the local clock. The first may
-- begin before the period.
CREATE FUNCTION period_parts(p_from timestamptz, p_to timestamptz, p_zone text, p_interval text)
RETURNS timestamptz[]
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT coalesce(array_agg(g.at ORDER BY g.at), '{}') FROM (
    SELECT h AS at FROM generate_series(date_trunc('hour', p_from, p_zone), p_to, '1 hour') AS h
      WHERE p_interval = 'hour'
    UNION ALL
    SELECT holdfast.local_start(l, p_zone)
      FROM generate_series(date_trunc(p_interval, p_from AT TIME ZONE p_zone), p_to AT TIME ZONE p_zone,
        ('1 ' || p_interval)::interval) AS l
      WHERE p_interval <> 'hour') AS g
    WHERE g.at < p_to
$$;

-- Holds of these events that are live: when they began, and their places.
CREATE FUNCTION sales_open(p_user uuid, p_event integer)
RETURNS TABLE (event_id integer, at timestamptz, currency text, places bigint)
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp SET enable_seqscan = off AS $$
  SELECT c.event_id, b.created_at, b.currency, c.places
    FROM (SELECT q.event_id, q.booking_id, sum(q.places) AS places FROM (
          SELECT k.event_id, k.booking_id, 1 AS places FROM holdfast.seat_claims k
            WHERE k.state IN ('h', 'r') AND k.expires_at > now()
          UNION ALL
          SELECT g.event_id, g.booking_id, g.quantity FROM holdfast.ga_claims g
            WHERE g.state IN ('h', 'r') AND g.expires_at > now()) AS q
        WHERE p_event IS NULL OR q.event_id = p_event GROUP BY 1, 2) AS c
      CROSS JOIN LATERAL (SELECT k.created_at, k.currency FROM holdfast.bookings k
        WHERE k.event_id = c.event_id AND k.booking_id = c.booking_id LIMIT 1) AS b
      JOIN holdfast.events e ON e.event_id = c.event_id
    WHERE p_user IS NULL OR e.organizer_id = p_user
$$;

-- One object with the members of two.
CREATE FUNCTION json_join(p_a json, p_b json) RETURNS json
LANGUAGE sql IMMUTABLE
RETURN (left(p_a::text, -1) || ',' || substr(p_b::text, 2))::json;

-- A share, in ten-thousandths; null of nothing.
CREATE FUNCTION share(p_part bigint, p_whole bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE
RETURN round(p_part::numeric / nullif(p_whole, 0), 4);

-- The sums of a period, by the part of it that they lie in (lane p) and by event (lane e). p_user: of the
-- events of this organizer; null: of all.
CREATE FUNCTION sales_of(p_user uuid, p_event integer, p_from timestamptz, p_to timestamptz,
  p_parts timestamptz[])
RETURNS TABLE (lane text, key integer, currency text, holds bigint, holds_confirmed bigint,
  bookings bigint, places bigint, revenue bigint, bookings_cancelled bigint, cancelled bigint,
  cancelled_places bigint, cancelled_revenue bigint)
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_until timestamptz := (SELECT s.until FROM sales_state s);
  -- quarters of an hour, and whole days, within the period that the sums have
  v_first timestamptz := sales_quarter(p_from + interval '15 minutes' - interval '1 microsecond');
  v_last  timestamptz := least(sales_quarter(p_to), v_until);
  v_day   timestamptz;
  v_night timestamptz;
  -- likewise, where the parts begin with days
  v_fit   boolean;
  v_dawn  timestamptz;
  v_dusk  timestamptz;
BEGIN
  IF v_first >= v_last THEN
    v_first := p_from;
    v_last := p_from;
  END IF;
  v_day := least(sales_day(v_first + interval '1 day' - interval '1 microsecond'), v_last);
  v_night := greatest(sales_day(v_last), v_day);
  v_fit := NOT EXISTS (SELECT FROM unnest(p_parts) AS a WHERE a > v_first AND a <> sales_day(a));
  v_dawn := CASE WHEN v_fit THEN v_day ELSE v_last END;
  v_dusk := CASE WHEN v_fit THEN v_night ELSE v_last END;
  RETURN QUERY
    WITH live AS MATERIALIZED (
      SELECT q.* FROM (
          SELECT * FROM sales_facts(p_from, v_first, 'infinity', p_event)
          UNION ALL
          SELECT * FROM sales_facts(v_last, p_to, 'infinity', p_event)
          UNION ALL
          SELECT * FROM sales_since(v_until, 'infinity', v_first, v_last, p_event)) AS q
        JOIN events e ON e.event_id = q.event_id
      WHERE p_user IS NULL OR e.organizer_id = p_user
    ), rows AS (
      SELECT v.lane, l.* FROM live l, (VALUES ('p'), ('e')) AS v (lane)
      UNION ALL
      SELECT v.lane, w.* FROM (
          SELECT * FROM sales q WHERE q.level = 'e' AND q.event_id = p_event AND q.organizer_id IS NULL
            AND q.at >= v_first AND q.at < v_dawn
          UNION ALL
          SELECT * FROM sales q WHERE q.level = 'E' AND q.event_id = p_event AND q.organizer_id IS NULL
            AND q.at >= v_dawn AND q.at < v_dusk
          UNION ALL
          SELECT * FROM sales q WHERE q.level = 'e' AND q.event_id = p_event AND q.organizer_id IS NULL
            AND q.at >= v_dusk AND q.at < v_last) AS w,
          (VALUES ('p'), ('e')) AS v (lane)
        WHERE p_event IS NOT NULL
      UNION ALL
      SELECT 'p', w.* FROM (
          SELECT * FROM sales q WHERE q.level = 'o' AND q.event_id IS NULL AND q.organizer_id = p_user
            AND q.at >= v_first AND q.at < v_dawn
          UNION ALL
          SELECT * FROM sales q WHERE q.level = 'O' AND q.event_id IS NULL AND q.organizer_id = p_user
            AND q.at >= v_dawn AND q.at < v_dusk
          UNION ALL
          SELECT * FROM sales q WHERE q.level = 'o' AND q.event_id IS NULL AND q.organizer_id = p_user
            AND q.at >= v_dusk AND q.at < v_last) AS w
        WHERE p_event IS NULL AND p_user IS NOT NULL
      UNION ALL
      SELECT 'p', w.* FROM (
          SELECT * FROM sales q WHERE q.level = 'a' AND q.event_id IS NULL AND q.organizer_id IS NULL
            AND q.at >= v_first AND q.at < v_dawn
          UNION ALL
          SELECT * FROM sales q WHERE q.level = 'A' AND q.event_id IS NULL AND q.organizer_id IS NULL
            AND q.at >= v_dawn AND q.at < v_dusk
          UNION ALL
          SELECT * FROM sales q WHERE q.level = 'a' AND q.event_id IS NULL AND q.organizer_id IS NULL
            AND q.at >= v_dusk AND q.at < v_last) AS w
        WHERE p_event IS NULL AND p_user IS NULL
      UNION ALL
      SELECT 'e', w.* FROM (
          SELECT * FROM sales q WHERE q.level = 'e'
            AND q.at >= v_first AND q.at < v_day
          UNION ALL
          SELECT * FROM sales q WHERE q.level = 'E'
            AND q.at >= v_day AND q.at < v_night
          UNION ALL
          SELECT * FROM sales q WHERE q.level = 'e'
            AND q.at >= v_night AND q.at < v_last OFFSET 0) AS w
        WHERE p_event IS NULL AND (p_user IS NULL
          OR w.event_id = ANY (ARRAY(SELECT e.event_id FROM events e WHERE e.organizer_id = p_user)))
    )
    SELECT r.lane, CASE r.lane WHEN 'e' THEN r.event_id
          ELSE width_bucket(greatest(r.at, p_parts[1]), p_parts) END AS k, r.currency,
        sum(r.holds), sum(r.holds_confirmed), sum(r.bookings), sum(r.places), sum(r.revenue)::bigint,
        sum(r.bookings_cancelled), sum(r.cancelled), sum(r.cancelled_places),
        sum(r.cancelled_revenue)::bigint
      FROM rows r GROUP BY r.lane, k, r.currency;
END
$$;

-- How many places of these events are sold: what was confirmed, less what was cancelled, ever.
CREATE FUNCTION places_sold(p_user uuid, p_event integer) RETURNS TABLE (event_id integer, sold bigint)
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT q.event_id, sum(q.places - q.cancelled_places) FROM (
      SELECT w.event_id, w.places, w.cancelled_places FROM holdfast.sales w
        WHERE w.level = 'E' AND p_event IS NULL
      UNION ALL
      SELECT w.event_id, w.places, w.cancelled_places FROM holdfast.sales w
        WHERE w.level = 'E' AND w.event_id = p_event AND w.organizer_id IS NULL
      UNION ALL
      SELECT f.event_id, f.places, f.cancelled_places
        FROM holdfast.sales_state s, holdfast.sales_facts(s.until, 'infinity', 'infinity', p_event) AS f) AS q
    JOIN holdfast.events e ON e.event_id = q.event_id
    WHERE p_user IS NULL OR e.organizer_id = p_user
    GROUP BY 1
$$;

-- As timezone_check(), which looks into hundreds of files. A name of this shape cannot be taken for
-- anything else, such as a zone with its offset.
CREATE FUNCTION zone_check(p_zone text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF p_zone ~ '^[A-Z][A-Za-z_]*(/[A-Z][A-Za-z_-]*)+$' THEN
    PERFORM now() AT TIME ZONE p_zone;
    RETURN;
  END IF;
  PERFORM timezone_check(p_zone);
EXCEPTION WHEN invalid_parameter_value THEN
  PERFORM timezone_check(p_zone);
END
$$;

CREATE TYPE period AS (
  from_at timestamptz,   -- null: there is nothing, and no part
  to_at   timestamptz,   -- infinity: now
  zone    text,
  every   text,          -- hour, day, week or month
  parts   timestamptz[]  -- where they begin; the first perhaps before the period
);

-- A period as it is asked for: RFC 3339, or dates, which stand for the whole of their day. Where no begin
-- is given it is that of the part in which the first of these events' holds was made.
CREATE FUNCTION period_read(p_user uuid, p_event integer, p_from text, p_to text, p_zone text,
  p_every text) RETURNS period
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  p       period;
  v_first timestamptz;
  v_last  timestamptz;
  v_span  double precision; -- in hours
  v_parts double precision;
BEGIN
  PERFORM zone_check(p_zone);
  p.zone := coalesce(p_zone, 'UTC');
  v_first := time_read(p_from, p.zone, '/from');
  p.to_at := coalesce(time_read(CASE WHEN length(p_to) = 10 THEN (p_to::date + 1)::text ELSE p_to END,
    p.zone, '/to'), 'infinity');
  v_last := CASE WHEN isfinite(p.to_at) THEN p.to_at ELSE greatest(now(), v_first) END;
  IF v_first >= p.to_at THEN
    PERFORM refuse_field('/from', 'The period must begin before it ends.');
  END IF;
  p.from_at := v_first;
  IF p_from IS NULL THEN
    SELECT min(f.at) INTO v_first FROM (
      (SELECT min(w.at) AS at FROM sales w
        WHERE p_event IS NOT NULL AND w.level = 'e' AND w.event_id = p_event AND w.organizer_id IS NULL)
      UNION ALL
      (SELECT min(w.at) FROM sales w WHERE p_event IS NULL AND p_user IS NOT NULL AND w.level = 'o'
        AND w.event_id IS NULL AND w.organizer_id = p_user)
      UNION ALL
      (SELECT min(w.at) FROM sales w WHERE p_event IS NULL AND p_user IS NULL AND w.level = 'a'
        AND w.event_id IS NULL AND w.organizer_id IS NULL)
      UNION ALL
      (SELECT min(f.at) FROM sales_state s, sales_facts(s.until, 'infinity', 'infinity', p_event) AS f
        JOIN events e ON e.event_id = f.event_id WHERE p_user IS NULL OR e.organizer_id = p_user)) AS f;
    v_first := least(v_first, v_last);
  END IF;
  v_span := extract(epoch FROM v_last - v_first) / 3600;
  p.every := coalesce(p_every, CASE WHEN v_span <= 3 * 24 THEN 'hour' WHEN v_span <= 400 * 24 THEN 'day'
    ELSE 'month' END);
  v_parts := v_span / CASE p.every WHEN 'hour' THEN 1 WHEN 'day' THEN 24 WHEN 'week' THEN 168 ELSE 720 END;
  IF v_parts > 1000 THEN
    PERFORM refuse_field('/interval', format('There would be more than 1000 parts of a%s %s: ask for longer '
      'ones, or a shorter period.', CASE p.every WHEN 'hour' THEN 'n' ELSE '' END, p.every));
  END IF;
  p.parts := CASE WHEN v_first IS NULL THEN '{}' ELSE period_parts(v_first, v_last, p.zone, p.every) END;
  p.from_at := coalesce(p.from_at, p.parts[1]);
  RETURN p;
END
$$;

-- Everything about a period's sales, as JSON.
CREATE FUNCTION analytics(p_user uuid, p_all boolean, p_event integer, p_from text, p_to text, p_zone text,
  p_every text, p_popular integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_user uuid := CASE WHEN NOT p_all THEN p_user END;
  p      period;
  v_to   timestamptz;
  r      text;
BEGIN
  PERFORM staff_check(p_user, p_all);
  IF p_event IS NOT NULL AND NOT EXISTS (SELECT FROM events e
      WHERE e.event_id = p_event AND (p_all OR e.organizer_id = p_user)) THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
  p := period_read(v_user, p_event, p_from, p_to, p_zone, p_every);
  v_to := CASE WHEN isfinite(p.to_at) THEN p.to_at ELSE now() END;
  WITH sums AS MATERIALIZED (
    SELECT s.*, 0::bigint AS open FROM sales_of(v_user, p_event, p.from_at, p.to_at, p.parts) AS s
  ), held AS MATERIALIZED (
    SELECT * FROM sales_open(v_user, p_event)
  ), opened AS (
    SELECT v.lane, CASE v.lane WHEN 'e' THEN h.event_id
          ELSE width_bucket(greatest(h.at, p.parts[1]), p.parts) END AS key, h.currency
      FROM held h, (VALUES ('p'), ('e')) AS v (lane) WHERE h.at >= p.from_at AND h.at < p.to_at
  ), rows AS (
    SELECT * FROM sums
    UNION ALL
    SELECT lane, key, currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, count(*) FROM opened GROUP BY 1, 2, 3
  ), currencies AS (
    SELECT CASE WHEN GROUPING(key) = 1 THEN 't' ELSE lane END AS lane, key, currency, sum(holds) AS holds,
        sum(open) AS open, sum(holds_confirmed) AS holds_confirmed, sum(bookings) AS bookings,
        sum(places) AS places, sum(revenue) AS revenue, sum(bookings_cancelled) AS bookings_cancelled,
        sum(cancelled) AS cancelled, sum(cancelled_places) AS cancelled_places,
        sum(cancelled_revenue) AS cancelled_revenue
      FROM rows GROUP BY GROUPING SETS ((lane, key, currency), (lane, currency))
      HAVING GROUPING(key) = 0 OR lane = 'p'
  ), keys AS (
    SELECT lane, key, sum(holds)::bigint AS holds, sum(open)::bigint AS open_holds,
        sum(holds_confirmed)::bigint AS holds_confirmed, sum(bookings)::bigint AS bookings,
        sum(places)::bigint AS places, sum(bookings_cancelled)::bigint AS bookings_cancelled,
        sum(cancelled)::bigint AS cancelled_bookings, sum(cancelled_places)::bigint AS cancelled_places,
        json_agg(json_build_object('currency', currency, 'gross', revenue, 'cancelled', cancelled_revenue,
          'net', revenue - cancelled_revenue) ORDER BY currency)
          FILTER (WHERE bookings > 0 OR cancelled_places > 0) AS revenue
      FROM currencies GROUP BY lane, key
  ), wanted AS (
    SELECT 't' AS lane, NULL::integer AS key, 0 AS place
    UNION ALL
    SELECT 'p', g, g FROM generate_subscripts(p.parts, 1) AS g
    UNION ALL
    (SELECT 'e', key, (row_number() OVER w)::integer FROM keys WHERE lane = 'e'
      WINDOW w AS (ORDER BY places - cancelled_places DESC, bookings DESC, holds DESC, key)
      ORDER BY 3 LIMIT p_popular)
  ), shown AS (
    SELECT w.lane, w.key, w.place, (SELECT row_to_json(q) FROM (
          SELECT coalesce(k.bookings, 0) AS bookings, coalesce(k.places, 0) AS places,
            coalesce(k.cancelled_bookings, 0) AS cancelled_bookings,
            coalesce(k.cancelled_places, 0) AS cancelled_places,
            coalesce(k.revenue, '[]'::json) AS revenue, coalesce(k.holds, 0) AS holds,
            coalesce(k.open_holds, 0) AS open_holds, coalesce(k.holds_confirmed, 0) AS holds_confirmed,
            share(k.holds_confirmed, k.holds - k.open_holds) AS conversion_rate,
            share(k.bookings_cancelled, k.bookings) AS cancellation_rate) AS q) AS body
      FROM wanted w LEFT JOIN keys k ON k.lane = w.lane AND k.key IS NOT DISTINCT FROM w.key
  ), sold AS (
    SELECT * FROM places_sold(v_user, p_event)
  ), used AS (
    SELECT count(*) AS events, coalesce(sum((SELECT sum(c.capacity) FROM sections c
          WHERE c.event_id = e.event_id)), 0)::bigint AS capacity,
        coalesce(sum((SELECT sum(h.places) FROM held h WHERE h.event_id = e.event_id)), 0)::bigint AS held,
        coalesce(sum(s.sold), 0)::bigint AS sold
      FROM events e LEFT JOIN sold s ON s.event_id = e.event_id
      WHERE (p_event IS NULL OR e.event_id = p_event) AND (v_user IS NULL OR e.organizer_id = v_user)
        AND e.status <> 'draft' AND e.sales_start < p.to_at
        AND (p_from IS NULL OR e.sales_end >= p.from_at)
  )
  SELECT row_to_json(q)::text INTO r FROM (
    SELECT time_show(p.from_at) AS "from",
      time_show(v_to) AS "to", time_show(now()) AS as_of,
      p.zone AS timezone, p.every AS interval, p_event::text AS event_id,
      (SELECT body FROM shown WHERE lane = 't') AS totals,
      (SELECT row_to_json(u) FROM (SELECT events, capacity, held, sold,
          capacity - held - sold AS available, share(sold, capacity) AS ratio FROM used) AS u) AS utilization,
      (SELECT coalesce(json_agg(json_join((SELECT row_to_json(q) FROM (
            SELECT time_show(greatest(p.parts[place], p.from_at)) AS "from",
              time_show(coalesce(p.parts[place + 1], v_to)) AS "to") AS q), body) ORDER BY place), '[]')
        FROM shown WHERE lane = 'p') AS over_time,
      (SELECT coalesce(json_agg(json_join((SELECT row_to_json(q) FROM (
            SELECT e.event_id::text, e.title, time_show(e.event_date) AS event_date, e.status) AS q), s.body)
            ORDER BY s.place), '[]')
        FROM shown s JOIN events e ON e.event_id = s.key WHERE s.lane = 'e') AS popular_events) AS q;
  RETURN r;
END
$$;

-- A page of events with how full they are, section by section, by what is claimed at this moment: those
-- to come, soonest first, or else the latest first; after (p_at, p_after), p_at in microseconds since
-- 1970. A page has no more than so many seats to count, but one event at least. more: it is not the last.
CREATE FUNCTION capacity_list(p_user uuid, p_all boolean, p_event integer, p_when text, p_at bigint,
  p_after integer, p_limit integer)
RETURNS TABLE (event_id integer, at_us bigint, more boolean, body text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_at timestamptz := to_timestamp(0) + p_at * interval '1 microsecond';
BEGIN
  PERFORM staff_check(p_user, p_all);
  IF p_event IS NOT NULL AND NOT EXISTS (SELECT FROM events e
      WHERE e.event_id = p_event AND (p_all OR e.organizer_id = p_user)) THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
  RETURN QUERY
    WITH found AS (
      (SELECT e.*, 1 AS turn FROM events e
        WHERE p_when = 'upcoming' AND e.event_date >= now()
          AND (p_at IS NULL OR (e.event_date, e.event_id) > (v_at, p_after))
          AND (p_all OR e.organizer_id = p_user) AND (p_event IS NULL OR e.event_id = p_event)
        ORDER BY e.event_date, e.event_id LIMIT p_limit + 1)
      UNION ALL
      (SELECT e.*, -1 FROM events e
        WHERE (p_when = 'all' OR p_when = 'past' AND e.event_date < now())
          AND (p_at IS NULL OR (e.event_date, e.event_id) < (v_at, p_after))
          AND (p_all OR e.organizer_id = p_user) AND (p_event IS NULL OR e.event_id = p_event)
        ORDER BY e.event_date DESC, e.event_id DESC LIMIT p_limit + 1)
    ), page AS (
      SELECT s.*, count(*) OVER w AS place, sum(s.seats_count) OVER w AS seats, count(*) OVER () AS there
        FROM found s
        WINDOW w AS (ORDER BY s.turn * extract(epoch FROM s.event_date), s.turn * s.event_id)
    ), chosen AS (
      SELECT p.*, count(*) OVER () < p.there AS more FROM page p
        WHERE p.place <= p_limit AND (p.place = 1 OR p.seats <= 500000)
    )
    SELECT c.event_id, (extract(epoch FROM c.event_date) * 1000000)::bigint, c.more,
        (SELECT row_to_json(q)::text FROM (
          SELECT c.event_id::text, c.title, time_show(c.event_date) AS event_date, c.status,
            coalesce(n.capacity, 0) AS capacity, coalesce(n.held, 0) AS held, coalesce(n.sold, 0) AS sold,
            coalesce(n.capacity - n.held - n.sold, 0) AS available, share(n.sold, n.capacity) AS ratio,
            coalesce(n.sections, '[]'::json) AS sections) AS q)
      FROM chosen c CROSS JOIN LATERAL (
        SELECT sum(k.capacity) AS capacity, sum(k.held)::bigint AS held, sum(k.sold)::bigint AS sold,
            json_agg(json_build_object('section_id', k.section_id, 'name', s.name, 'kind', s.kind,
              'capacity', k.capacity, 'held', k.held, 'sold', k.sold,
              'available', k.capacity - k.held - k.sold, 'ratio', share(k.sold, k.capacity))
              ORDER BY s.section_no) AS sections
          FROM section_counts(c.event_id) AS k
            JOIN sections s ON s.event_id = c.event_id AND s.section_id = k.section_id) AS n
      ORDER BY c.place;
END
$$;

GRANT EXECUTE ON FUNCTION analytics, capacity_list TO holdfast_admin;

COMMIT;
