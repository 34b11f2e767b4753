-- What was sold and when, summed up: by quarters of an hour and days of each event, and by quarters of
-- an hour of each organizer and of all. Sums reach up to an instant before which nothing can happen any
-- more; what came after it is read from the bookings themselves. So a sum never changes what somebody
-- is told, and no sale ever waits for one. A quarter of an hour: no time zone has days or hours that
-- begin between two of them.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE INDEX bookings_created ON bookings (created_at);
CREATE INDEX bookings_confirmed ON bookings (confirmed_at) WHERE confirmed_at IS NOT NULL;

-- What was sold in a time that begins at `at`, of one event (e), of one organizer's (o) or of all (a): in
-- a quarter of an hour; in a day (UTC), where the letter is a capital.
CREATE TABLE sales (
  level              "char" NOT NULL,
  event_id           integer,
  organizer_id       uuid,
  at                 timestamptz NOT NULL,
  currency           text NOT NULL,
  holds              integer NOT NULL, -- bookings that began then,
  holds_confirmed    integer NOT NULL, -- and of these were ever confirmed
  bookings           integer NOT NULL, -- bookings that were confirmed then,
  places             integer NOT NULL, -- with so many places,
  revenue            bigint NOT NULL,  -- at this price,
  bookings_cancelled integer NOT NULL, -- and of these were ever cancelled as a whole
  cancelled          integer NOT NULL, -- bookings that were cancelled as a whole then
  cancelled_places   integer NOT NULL, -- places that were cancelled then, also of others
  cancelled_revenue  bigint NOT NULL,
  UNIQUE NULLS NOT DISTINCT (level, event_id, organizer_id, at, currency),
  CHECK ((event_id IS NOT NULL) = (level IN ('e', 'E')) AND (organizer_id IS NOT NULL) = (level IN ('o', 'O')))
) PARTITION BY LIST (level);
-- What is read together lies together.
CREATE TABLE sales_events PARTITION OF sales FOR VALUES IN ('e') WITH (fillfactor = 90);
CREATE TABLE sales_events_daily PARTITION OF sales FOR VALUES IN ('E') WITH (fillfactor = 90);
CREATE TABLE sales_organizers PARTITION OF sales FOR VALUES IN ('o', 'O') WITH (fillfactor = 90);
CREATE TABLE sales_all PARTITION OF sales FOR VALUES IN ('a', 'A') WITH (fillfactor = 90);
CREATE INDEX sales_events_time ON sales_events (at);
CREATE INDEX sales_events_daily_time ON sales_events_daily (at);

-- Sums reach up to `until`; those up to `next` are under way, once nobody of `awaited` works any more.
CREATE TABLE sales_state (
  alone   boolean PRIMARY KEY DEFAULT true CHECK (alone),
  until   timestamptz NOT NULL DEFAULT '-infinity',
  next    timestamptz,
  awaited text[] NOT NULL DEFAULT '{}'
);
INSERT INTO sales_state DEFAULT VALUES;

-- Without a search path of their own, which they do not need, these are put in place where they are called.
CREATE FUNCTION sales_quarter(p_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN date_bin('15 minutes', p_at, '2000-01-01Z'::timestamptz);

CREATE FUNCTION sales_day(p_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
RETURN date_bin('1 day', p_at, '2000-01-01Z'::timestamptz);

-- What bookings tell of [p_from, p_until), by event and quarter of an hour, as it was known at p_as_of
-- (p_event: of one event). A plan made while the tables were nearly empty must not be kept.
CREATE FUNCTION sales_facts(p_from timestamptz, p_until timestamptz, p_as_of timestamptz,
  p_event integer) RETURNS SETOF sales
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp SET enable_seqscan = off AS $$
  SELECT 'e'::"char", b.event_id, NULL::uuid, holdfast.sales_quarter(b.created_at) AS at,
      b.currency, count(*)::integer, (count(*) FILTER (WHERE b.confirmed_at < p_as_of))::integer,
      0, 0, 0::bigint, 0, 0, 0, 0::bigint
    FROM holdfast.bookings b
    WHERE b.created_at >= p_from AND b.created_at < p_until
      AND (p_event IS NULL OR b.event_id = p_event) GROUP BY b.event_id, at, b.currency
  UNION ALL
  SELECT 'e', b.event_id, NULL, holdfast.sales_quarter(b.confirmed_at) AS at, b.currency,
      0, 0, count(*), sum(cardinality(b.positions) + CASE WHEN b.quantities = '{}' THEN 0
        ELSE (SELECT sum(q) FROM unnest(b.quantities) AS q) END), sum(b.total),
      count(*) FILTER (WHERE b.status IN ('CANCELLED', 'REFUNDED') AND EXISTS (
        SELECT FROM holdfast.booking_cancels k WHERE k.event_id = b.event_id
          AND k.booking_id = b.booking_id AND k.whole AND k.cancelled_at < p_as_of)), 0, 0, 0
    FROM holdfast.bookings b
    WHERE b.confirmed_at >= p_from AND b.confirmed_at < p_until
      AND (p_event IS NULL OR b.event_id = p_event) GROUP BY b.event_id, at, b.currency
  UNION ALL
  SELECT 'e', k.event_id, NULL, holdfast.sales_quarter(k.cancelled_at) AS at, k.currency,
      0, 0, 0, 0, 0, 0, count(*) FILTER (WHERE k.whole), sum(k.places), sum(k.amount)
    FROM holdfast.booking_cancels k
    WHERE k.cancelled_at >= p_from AND k.cancelled_at < p_until
      AND (p_event IS NULL OR k.event_id = p_event) GROUP BY k.event_id, at, k.currency
$$;

-- What became in [p_since, p_until) of holds made, and of bookings confirmed, in [p_from, p_to) before:
-- counted where they were made and confirmed. Each part is led by its first condition.
CREATE FUNCTION sales_since(p_since timestamptz, p_until timestamptz, p_from timestamptz,
  p_to timestamptz, p_event integer) RETURNS SETOF sales
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp SET enable_seqscan = off AS $$
  SELECT 'e'::"char", c.event_id, NULL::uuid, holdfast.sales_quarter(c.created_at) AS at,
      c.currency, 0, count(*)::integer, 0, 0, 0::bigint, 0, 0, 0, 0::bigint
    FROM (SELECT b.event_id, b.created_at, b.currency FROM holdfast.bookings b
        WHERE b.confirmed_at >= p_since AND b.confirmed_at < p_until
          AND (p_event IS NULL OR b.event_id = p_event) OFFSET 0) AS c
    WHERE c.created_at >= p_from AND c.created_at < p_to GROUP BY c.event_id, at, c.currency
  UNION ALL
  SELECT 'e', k.event_id, NULL, holdfast.sales_quarter(b.confirmed_at) AS at, k.currency,
      0, 0, 0, 0, 0, count(*), 0, 0, 0
    FROM (SELECT c.event_id, c.booking_id, c.currency FROM holdfast.booking_cancels c
        WHERE c.cancelled_at >= p_since AND c.cancelled_at < p_until AND c.whole
          AND (p_event IS NULL OR c.event_id = p_event) OFFSET 0) AS k
      CROSS JOIN LATERAL (SELECT q.confirmed_at FROM holdfast.bookings q
        WHERE q.event_id = k.event_id AND q.booking_id = k.booking_id LIMIT 1) AS b
    WHERE b.confirmed_at >= p_from AND b.confirmed_at < p_to GROUP BY k.event_id, at, k.currency
$$;

-- The rows of [p_from, p_until) at all levels, as known at p_as_of. p_before: with what became in this
-- time of that which was there before it, to be added to rows that stand.
CREATE FUNCTION sales_levels(p_from timestamptz, p_until timestamptz, p_as_of timestamptz,
  p_before boolean) RETURNS SETOF sales
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  WITH facts AS (
    SELECT q.*, holdfast.sales_day(q.at) AS day FROM (
      SELECT * FROM holdfast.sales_facts(p_from, p_until, p_as_of, NULL)
      UNION ALL
      SELECT * FROM holdfast.sales_since(p_from, p_until, '-infinity', p_from, NULL) WHERE p_before) AS q
  )
  SELECT translate(CASE WHEN GROUPING(f.event_id) = 0 THEN 'e' WHEN GROUPING(e.organizer_id) = 0 THEN 'o'
        ELSE 'a' END, CASE WHEN GROUPING(f.at) = 1 THEN 'eoa' ELSE '' END, 'EOA')::"char",
      f.event_id, e.organizer_id, coalesce(f.at, f.day), f.currency, sum(f.holds)::integer,
      sum(f.holds_confirmed)::integer, sum(f.bookings)::integer, sum(f.places)::integer,
      sum(f.revenue)::bigint, sum(f.bookings_cancelled)::integer, sum(f.cancelled)::integer,
      sum(f.cancelled_places)::integer, sum(f.cancelled_revenue)::bigint
    FROM facts f JOIN holdfast.events e USING (event_id)
    GROUP BY GROUPING SETS ((f.currency, f.event_id, f.at), (f.currency, f.event_id, f.day),
      (f.currency, e.organizer_id, f.at), (f.currency, e.organizer_id, f.day),
      (f.currency, f.at), (f.currency, f.day))
$$;

-- Adds up [p_from, p_until), which nothing can be added to any more.
CREATE FUNCTION sales_add(p_from timestamptz, p_until timestamptz) RETURNS void
LANGUAGE sql SET search_path = holdfast, pg_temp AS $$
  INSERT INTO holdfast.sales AS s SELECT * FROM holdfast.sales_levels(p_from, p_until, p_until, true)
    ON CONFLICT (level, event_id, organizer_id, at, currency) DO UPDATE
      SET holds = s.holds + excluded.holds,
        holds_confirmed = s.holds_confirmed + excluded.holds_confirmed,
        bookings = s.bookings + excluded.bookings, places = s.places + excluded.places,
        revenue = s.revenue + excluded.revenue,
        bookings_cancelled = s.bookings_cancelled + excluded.bookings_cancelled,
        cancelled = s.cancelled + excluded.cancelled,
        cancelled_places = s.cancelled_places + excluded.cancelled_places,
        cancelled_revenue = s.cancelled_revenue + excluded.cancelled_revenue
$$;

-- Who works in this database now: a transaction that has begun keeps its now(), whenever it ends.
CREATE FUNCTION sales_working() RETURNS text[]
LANGUAGE sql VOLATILE SET search_path = holdfast, pg_temp AS $$
  SELECT coalesce(array_agg(l.virtualtransaction), '{}')
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'virtualxid' AND l.granted AND l.pid <> pg_backend_pid()
      AND a.datname = current_database() AND a.usesysid IS NOT NULL -- no vacuum
$$;

-- One step of the roll-up, of at most p_most quarters of an hour; in the first nothing is added up, but
-- noted up to where it may be, and who has to end before. What happens now has the time of five minutes
-- ago at the worst: clocks of servers that follow each other differ by less.
CREATE FUNCTION rollup_step(p_most integer)
RETURNS TABLE (quarters bigint, until text, more boolean, waits boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  s      sales_state;
  v_from timestamptz;
BEGIN
  SELECT * INTO s FROM sales_state FOR UPDATE;
  quarters := 0;
  more := true;
  waits := false;
  IF s.next IS NULL THEN
    s.next := sales_quarter(now() - interval '5 minutes');
    s.awaited := sales_working();
    more := s.next > s.until;
    IF more THEN
      UPDATE sales_state SET next = s.next, awaited = s.awaited;
    END IF;
  ELSIF s.awaited && sales_working()
      OR EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database()) THEN
    more := false;
    waits := true;
  ELSE
    -- What all of those have done is seen by the statements from here on. Quiet times are passed over,
    -- also where nothing at all has happened.
    SELECT greatest(s.until, coalesce(sales_quarter(least(
        (SELECT min(b.created_at) FROM bookings b WHERE b.created_at >= s.until),
        (SELECT min(b.confirmed_at) FROM bookings b WHERE b.confirmed_at >= s.until),
        (SELECT min(k.cancelled_at) FROM booking_cancels k WHERE k.cancelled_at >= s.until))), s.next))
      INTO v_from;
    IF v_from < s.next THEN
      s.until := least(s.next, v_from + p_most * interval '15 minutes');
      PERFORM sales_add(v_from, s.until);
      quarters := extract(epoch FROM s.until - v_from) / 900;
    ELSE
      s.until := s.next;
    END IF;
    more := s.until < s.next;
    UPDATE sales_state SET until = s.until, next = CASE WHEN more THEN s.next END, awaited = '{}';
  END IF;
  until := CASE WHEN isfinite(s.until) THEN time_show(s.until) END;
  RETURN NEXT;
END
$$;

-- What a run would find.
CREATE FUNCTION rollup_due() RETURNS TABLE (until text, bookings bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT CASE WHEN isfinite(s.until) THEN holdfast.time_show(s.until) END,
      (SELECT count(*) FROM holdfast.bookings b WHERE b.created_at >= s.until
        AND b.created_at < holdfast.sales_quarter(now() - interval '5 minutes'))
    FROM holdfast.sales_state s
$$;

-- One day (UTC) of the sums beside what the bookings say, that of p_day or, where null, the first: how
-- many rows are missing or wrong, one of them, and the next day if there is one.
CREATE FUNCTION rollup_compare(p_day text)
RETURNS TABLE (day text, until text, wrong bigint, first text, next text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  s       sales_state;
  v_day   timestamptz := p_day;
  v_until timestamptz;
BEGIN
  SELECT * INTO s FROM sales_state;
  IF v_day IS NULL THEN
    v_day := sales_day(least((SELECT min(b.created_at) FROM bookings b),
      (SELECT min(w.at) FROM sales w WHERE w.level = 'a')));
  END IF;
  IF v_day IS NULL OR v_day >= s.until THEN
    RETURN;
  END IF;
  v_until := least(v_day + interval '1 day', s.until);
  WITH said AS (
    SELECT * FROM sales w WHERE w.at >= v_day AND w.at < v_until
  ), told AS (
    SELECT * FROM sales_levels(v_day, v_until, s.until, false)
  )
  SELECT count(*), min(d::text) INTO wrong, first FROM (
    (SELECT 'has', * FROM said EXCEPT SELECT 'has', * FROM told)
    UNION ALL
    (SELECT 'lacks', * FROM told EXCEPT SELECT 'lacks', * FROM said)) AS d;
  day := time_show(v_day);
  until := time_show(v_until);
  next := CASE WHEN v_until < s.until THEN until END;
  RETURN NEXT;
END
$$;

-- The same, with what is wrong put right: the sums of that day are made anew, in one transaction.
CREATE FUNCTION rollup_repair(p_day text)
RETURNS TABLE (day text, until text, wrong bigint, first text, next text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  r record;
BEGIN
  PERFORM FROM sales_state FOR UPDATE;
  FOR r IN SELECT * FROM rollup_compare(p_day) LOOP
    IF r.wrong > 0 THEN
      DELETE FROM sales w WHERE w.at >= r.day::timestamptz
        AND w.at < r.until::timestamptz;
      INSERT INTO sales SELECT l.* FROM sales_state s,
        sales_levels(r.day::timestamptz, r.until::timestamptz, s.until, false) AS l;
    END IF;
    RETURN QUERY SELECT r.day, r.until, r.wrong, r.first, r.next;
  END LOOP;
END
$$;

INSERT INTO job_schedule (name, every) VALUES ('rollup', '5 minutes');

GRANT EXECUTE ON FUNCTION rollup_step, rollup_due, rollup_compare, rollup_repair, job_begin, job_beat, job_end
  TO holdfast_rollup;

COMMIT;
