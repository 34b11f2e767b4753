-- The heads of a line are served, a batch at a time, in one transaction.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Free seats of a section for one ticket: where among them those begin that stand side by side, the first
-- in layout order; or else the first of all. p_rows and p_at: rows and adjacency indexes of the free ones.
CREATE FUNCTION queue_pick(p_rows text[], p_at integer[], p_quantity integer) RETURNS integer
LANGUAGE plpgsql IMMUTABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_run integer := 0;
BEGIN
  FOR i IN 1 .. cardinality(p_at) LOOP
    IF i > 1 AND p_rows[i] = p_rows[i - 1] AND p_at[i] = p_at[i - 1] + 1 THEN
      v_run := v_run + 1;
    ELSE
      v_run := 1;
    END IF;
    IF v_run = p_quantity THEN
      RETURN i - p_quantity + 1;
    END IF;
  END LOOP;
  RETURN 1;
END
$$;

CREATE TYPE queue_served AS (
  user_id    uuid,
  outcome    text,    -- reserved; again: it was so before; full and later: it stays; refused; left
  reason     text,    -- refused: limit-exceeded, already-reserved (the account has an open place),
                      -- not-yours, capacity (the section has not so many); later: busy, sales-closed
  booking_id uuid,
  epoch      integer,
  number     bigint,
  pass       bigint,  -- of the waiting room, with which the place was come by
  expires_ms bigint,
  positions  integer[],
  section_id text,    -- general admission
  quantity   integer
);

-- Claims seats of a section for those who are to be reserved, in their order. What another takes at the
-- same moment is lost to it, and all choose again; who then gets none is full. back: bookings whose due
-- claims were taken over.
CREATE FUNCTION queue_claim_seats(p_event integer, p_section_no smallint, p_expires timestamptz,
  INOUT p_served queue_served[], OUT back uuid[])
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  r       queue_served;
  v_all   record;
  v_free  integer[];
  v_rows  text[];
  v_at    integer[];
  v_first integer; -- of a ticket's seats among the free ones
  v_next  integer;
  v_pick  record;
  v_from  uuid;
  v_lost  integer[] := '{}';
  v_ok    boolean := false;
BEGIN
  -- More than one batch can want: so that most find neighbours.
  SELECT array_agg(q.position) AS free, array_agg(q.row_label) AS rows, array_agg(q.adjacency) AS at
    INTO v_all FROM (
      SELECT s.position, s.row_label, s.adjacency FROM seats s
        WHERE s.event_id = p_event AND s.section_no = p_section_no
          AND NOT EXISTS (SELECT FROM seat_claims k WHERE k.event_id = p_event
            AND k.position = s.position AND k.expires_at > now())
        ORDER BY s.position LIMIT 2000) AS q;
  FOR tries IN 1 .. 5 LOOP
    back := '{}';
    SELECT array_agg(f.p), array_agg(f.r), array_agg(f.a) INTO v_free, v_rows, v_at
      FROM unnest(v_all.free, v_all.rows, v_all.at) AS f (p, r, a) WHERE f.p <> ALL (v_lost);
    FOR i IN 1 .. cardinality(p_served) LOOP
      r := p_served[i];
      CONTINUE WHEN r.outcome <> 'reserved';
      IF r.quantity > coalesce(cardinality(v_free), 0) THEN
        r.outcome := 'full';
        r.booking_id := NULL;
        r.positions := '{}';
      ELSE
        v_first := queue_pick(v_rows, v_at, r.quantity);
        v_next := v_first + r.quantity;
        r.positions := v_free[v_first : v_next - 1];
        v_free := v_free[: v_first - 1] || v_free[v_next :];
        v_rows := v_rows[: v_first - 1] || v_rows[v_next :];
        v_at := v_at[: v_first - 1] || v_at[v_next :];
      END IF;
      p_served[i] := r;
    END LOOP;
    BEGIN
      FOR v_pick IN
        SELECT d.booking_id, d.position FROM (
          SELECT q.booking_id, unnest(q.positions) AS position FROM unnest(p_served) AS q
            WHERE q.outcome = 'reserved') AS d
          ORDER BY d.position
      LOOP
        INSERT INTO seat_claims AS k (event_id, position, booking_id, state, expires_at)
          VALUES (p_event, v_pick.position, v_pick.booking_id, 'h', p_expires)
          ON CONFLICT (event_id, position) DO UPDATE
            SET taken_from = k.booking_id, booking_id = excluded.booking_id,
              state = excluded.state, expires_at = excluded.expires_at
            WHERE k.expires_at <= now()
          RETURNING k.taken_from INTO v_from;
        IF NOT FOUND THEN
          v_lost := v_lost || v_pick.position;
          v_ok := NULL;
        ELSIF v_from IS NOT NULL THEN
          back := back || v_from;
        END IF;
      END LOOP;
      IF v_ok IS NULL THEN
        v_ok := false;
        RAISE EXCEPTION 'a seat was taken meanwhile' USING ERRCODE = '40001';
      END IF;
      RETURN;
    EXCEPTION WHEN serialization_failure THEN
      NULL; -- what was claimed is undone
    END;
  END LOOP;
  RAISE EXCEPTION 'seats are taken one after another' USING ERRCODE = '40001';
END
$$;

-- Serves the heads of one line, in their order: each gets a hold of its quantity or stays. A ticket that
-- was served before is told its booking again. Takes the locks of all buyers first, without waiting:
-- whose lock is busy stays, and comes with the next batch; so does who has a booking at its deadline that
-- somebody is at work on. Then claims, counters, bookings, as all do;
-- made durable by the caller, with one flush for the whole batch, before anybody is told.
--   p_bookings        the id chosen for each: derived from the ticket
--   p_hold_seconds    life of such a hold
--   p_default_*       the configuration's values, for an event that has none of its own
--   p_passes          of the waiting room, as far as they are known (0: not)
--   p_lock            a repeat after HF290: the counter is locked before anybody is judged
CREATE FUNCTION queue_serve(p_event integer, p_line text, p_epochs integer[], p_numbers bigint[],
  p_users uuid[], p_quantities integer[], p_bookings uuid[], p_hold_seconds integer,
  p_default_per_user integer, p_default_per_booking integer DEFAULT NULL, p_passes bigint[] DEFAULT '{}',
  p_lock boolean DEFAULT false) RETURNS SETOF queue_served
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r          queue_served;
  e          events;
  c          sections;
  v_locked   boolean[] := '{}';
  v_open     boolean;
  v_user     uuid;
  v_limit    integer;
  v_current  integer;
  v_due      uuid[]; -- the buyer's own bookings that are due and have not ended
  v_end      uuid[] := '{}';
  v_expires  timestamptz;
  v_back     uuid[] := '{}';
  v_left     integer;
  v_done     queue_served[] := '{}';
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  FOR i IN 1 .. cardinality(p_users) LOOP
    v_locked := v_locked
      || pg_try_advisory_xact_lock(hashtextextended(p_event || '/' || p_users[i], 2));
  END LOOP;
  SELECT * INTO e FROM events WHERE event_id = p_event;
  SELECT * INTO c FROM sections WHERE event_id = p_event AND section_id = p_line;
  IF c.section_no IS NULL THEN
    RAISE EXCEPTION 'no such section' USING ERRCODE = 'HF104';
  END IF;
  v_open := e.status = 'on_sale' AND now() >= e.sales_start AND now() < e.sales_end;
  v_limit := coalesce(e.max_seats_per_user, nullif(p_default_per_user, 0));
  v_expires := date_trunc('milliseconds', now()) + make_interval(secs => p_hold_seconds);

  IF c.kind = 'ga' THEN
    v_back := ga_give_back(p_event, ARRAY[c.section_no], p_lock);
    SELECT capacity - taken INTO v_left FROM ga_counts
      WHERE event_id = p_event AND section_no = c.section_no;
  ELSE
    SELECT count(*) INTO v_left FROM (
      SELECT FROM seats s WHERE s.event_id = p_event AND s.section_no = c.section_no
        AND NOT EXISTS (SELECT FROM seat_claims k WHERE k.event_id = p_event
          AND k.position = s.position AND k.expires_at > now()) LIMIT 2000) AS q;
  END IF;

  -- Who is to get something, in the order of the line.
  FOR i IN 1 .. cardinality(p_users) LOOP
    r := NULL;
    r.user_id := p_users[i];
    r.positions := '{}';
    SELECT CASE t.outcome WHEN 'reserved' THEN 'again' ELSE t.outcome END, t.reason, t.booking_id,
        t.user_id
      INTO r.outcome, r.reason, r.booking_id, v_user
      FROM queue_tickets t
      WHERE t.event_id = p_event AND t.line = p_line AND t.epoch = p_epochs[i]
        AND t.number = p_numbers[i];
    IF NOT FOUND THEN
      r.booking_id := queue_booking(p_event, p_bookings[i], p_users[i]);
      IF r.booking_id IS NOT NULL THEN
        r.outcome := 'again';
        v_user := p_users[i];
      END IF;
    END IF;
    IF r.outcome IS NOT NULL THEN
      IF v_user <> p_users[i] THEN
        -- A number that was given twice: only where this database has lost an epoch.
        r.outcome := 'refused';
        r.reason := 'not-yours';
        r.booking_id := NULL;
      END IF;
      v_done := v_done || r;
      CONTINUE;
    END IF;
    IF NOT v_open OR NOT v_locked[i] THEN
      r.outcome := 'later';
      r.reason := CASE WHEN v_open THEN 'busy' ELSE 'sales-closed' END;
      v_done := v_done || r;
      CONTINUE;
    END IF;
    -- Such a booking may still be moved, by a call that came in time: both its places and those of here would
    -- be the buyer's, even two of one line.
    SELECT coalesce(sum(places) FILTER (WHERE status = 'CONFIRMED' OR expires_at > now()), 0),
        array_agg(booking_id) FILTER (WHERE status <> 'CONFIRMED' AND expires_at <= now())
      INTO v_current, v_due FROM bookings
      WHERE event_id = p_event AND user_id = p_users[i]
        AND status IN ('HOLD', 'RESERVED', 'CONFIRMED'); -- as bookings_live says it, or it is not used
    IF v_due IS NOT NULL AND NOT bookings_settled(p_event, v_due, false) THEN
      r.outcome := 'later';
      r.reason := 'busy';
      v_done := v_done || r;
      CONTINUE;
    END IF;
    r.quantity := p_quantities[i];
    IF EXISTS (SELECT FROM queue_tickets t JOIN bookings b USING (event_id, booking_id)
        WHERE t.event_id = p_event AND t.user_id = p_users[i] AND t.line = p_line
          AND t.outcome = 'reserved' AND b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now()) THEN
      r.reason := 'already-reserved';
    ELSIF v_current + r.quantity > v_limit
        OR r.quantity > coalesce(e.max_seats_per_booking, p_default_per_booking) THEN
      r.reason := 'limit-exceeded';
    ELSIF r.quantity > c.capacity THEN
      r.reason := 'capacity';
    END IF;
    r.epoch := p_epochs[i];
    r.number := p_numbers[i];
    IF r.reason IS NOT NULL THEN
      r.outcome := 'refused';
    ELSIF r.quantity > v_left THEN
      r.outcome := 'full';
    ELSE
      r.outcome := 'reserved';
      r.booking_id := p_bookings[i];
      r.pass := CASE WHEN e.queue = 'on' THEN nullif(p_passes[i], 0) END;
      r.expires_ms := (extract(epoch FROM v_expires) * 1000)::bigint;
      v_left := v_left - r.quantity;
      v_end := v_end || v_due;
    END IF;
    v_done := v_done || r;
  END LOOP;

  IF c.kind = 'seated' THEN
    SELECT q.p_served, q.back INTO v_done, v_back
      FROM queue_claim_seats(p_event, c.section_no, v_expires, v_done) AS q;
  END IF;
  PERFORM queue_line_found(p_event, p_line, max(d.epoch)) FROM unnest(v_done) AS d
    WHERE d.outcome IN ('reserved', 'refused') HAVING max(d.epoch) IS NOT NULL;
  FOR i IN 1 .. cardinality(v_done) LOOP
    r := v_done[i];
    CONTINUE WHEN r.epoch IS NULL OR r.outcome NOT IN ('reserved', 'refused');
    INSERT INTO queue_tickets (event_id, line, epoch, number, user_id, outcome, reason, booking_id)
      VALUES (p_event, p_line, r.epoch, r.number, r.user_id, r.outcome, r.reason, r.booking_id)
      ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      -- Left meanwhile, or served by another batch: the next one is told.
      FOR j IN 1 .. cardinality(r.positions) LOOP
        DELETE FROM seat_claims
          WHERE event_id = p_event AND position = r.positions[j] AND booking_id = r.booking_id;
      END LOOP;
      r.outcome := 'later';
      r.reason := 'busy';
      r.booking_id := NULL;
    ELSIF c.kind = 'ga' AND r.outcome = 'reserved' THEN
      r.section_id := p_line;
    END IF;
    v_done[i] := r;
  END LOOP;
  -- One statement, so that the counter is locked no longer than it must be.
  INSERT INTO ga_claims (event_id, section_no, booking_id, quantity, state, expires_at)
    SELECT p_event, c.section_no, d.booking_id, d.quantity, 'h', v_expires
      FROM unnest(v_done) AS d WHERE d.outcome = 'reserved' AND d.section_id IS NOT NULL;
  IF v_back <> '{}' THEN
    PERFORM bookings_close_due(p_event, v_back);
  END IF;
  IF v_end <> '{}' THEN
    PERFORM bookings_end_due(p_event, v_end);
  END IF;
  INSERT INTO bookings (event_id, booking_id, user_id, places, positions, seat_prices, section_nos,
      quantities, section_prices, total, currency, first_expires_at, expires_at, pass)
    SELECT p_event, d.booking_id, d.user_id, d.quantity, d.positions, w.seat_prices,
        CASE WHEN c.kind = 'ga' THEN ARRAY[c.section_no] ELSE '{}' END,
        CASE WHEN c.kind = 'ga' THEN ARRAY[d.quantity] ELSE '{}' END,
        CASE WHEN c.kind = 'ga' THEN ARRAY[c.price] ELSE '{}' END,
        w.total, e.currency, v_expires, v_expires, d.pass
      FROM unnest(v_done) AS d CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(coalesce(s.price, c.price) ORDER BY s.position), '{}') AS seat_prices,
            CASE WHEN c.kind = 'ga' THEN d.quantity * c.price
              ELSE sum(coalesce(s.price, c.price)) END AS total
          FROM seats s WHERE s.event_id = p_event AND s.position = ANY (d.positions)) AS w
      WHERE d.outcome = 'reserved';
  RETURN QUERY SELECT d.* FROM unnest(v_done) AS d;
END
$$;

GRANT EXECUTE ON FUNCTION queue_serve TO holdfast_queue, holdfast_queue_advance;

COMMIT;
