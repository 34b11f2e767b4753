-- The queue: what of it must not be lost or done twice. The lines themselves are kept in Redis.
--
-- A ticket is one place in the line of a section, named by the epoch of the line and its number there.
-- Its row is written when it comes to an end in the line: served (with its booking), refused, or left.
-- line: the section_id, or '' for the waiting room of the whole event.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Lines that were ever begun. epoch: how often. A line that Redis has lost begins a new one, so that no
-- number is given twice, and old tickets stay in front of new ones. waits_until: somebody waits in it who
-- could not be served, as far as that was told lately; what comes free is theirs.
CREATE TABLE queue_lines (
  event_id   integer NOT NULL REFERENCES events (event_id),
  line       text NOT NULL CHECK (line ~ '^[A-Za-z0-9_-]{0,64}$'),
  epoch      integer NOT NULL DEFAULT 1 CHECK (epoch BETWEEN 1 AND 1023),
  begun_at   timestamptz NOT NULL DEFAULT now(),
  waits_until timestamptz,
  PRIMARY KEY (event_id, line)
);

CREATE TABLE queue_tickets (
  event_id   integer NOT NULL,
  line       text NOT NULL,
  epoch      integer NOT NULL CHECK (epoch BETWEEN 1 AND 1023),
  number     bigint NOT NULL CHECK (number > 0),
  user_id    uuid NOT NULL,
  outcome    text NOT NULL CHECK (outcome IN ('reserved', 'refused', 'left')),
  reason     text,
  booking_id uuid,
  ended_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, line, epoch, number),
  FOREIGN KEY (event_id, line) REFERENCES queue_lines (event_id, line),
  CHECK ((outcome = 'reserved') = (booking_id IS NOT NULL)),
  CHECK ((outcome = 'refused') = (reason IS NOT NULL))
);
-- One open place an account.
CREATE INDEX queue_tickets_user ON queue_tickets (event_id, user_id, line) WHERE outcome = 'reserved';
-- A booking was served to one ticket.
CREATE UNIQUE INDEX queue_tickets_booking ON queue_tickets (event_id, booking_id)
  WHERE booking_id IS NOT NULL;

-- Sales of an event ended so long ago that nobody asks for tickets of its lines any more.
CREATE FUNCTION queue_is_old(p_event integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT sales_end < now() - interval '30 days' FROM holdfast.events WHERE event_id = p_event
$$;

CREATE FUNCTION queue_ticket_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' AND queue_is_old(OLD.event_id) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'a ticket that has come to its end stays as it is' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER queue_ticket_stays BEFORE UPDATE OR DELETE ON queue_tickets
  FOR EACH ROW EXECUTE FUNCTION queue_ticket_guard();
CREATE TRIGGER queue_tickets_kept BEFORE TRUNCATE ON queue_tickets
  FOR EACH STATEMENT EXECUTE FUNCTION queue_ticket_guard();

-- What a joiner is judged by where the filter cannot say. Raises what a hold would. capacity: more than
-- the section has can never be served. spent: the pass of the waiting room that was shown. booking_id and
-- what follows: the place of the account that was served and is open still.
CREATE FUNCTION queue_section(p_event integer, p_line text, p_default_per_booking integer, p_user uuid,
  p_pass bigint, OUT most integer, OUT capacity integer, OUT queue text, OUT spent boolean,
  OUT booking_id uuid, OUT epoch integer, OUT number bigint, OUT quantity integer, OUT expires_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  e events;
BEGIN
  SELECT * INTO e FROM events WHERE event_id = p_event;
  IF NOT FOUND OR e.status = 'draft' THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
  SELECT s.capacity INTO capacity FROM sections s WHERE s.event_id = p_event AND s.section_id = p_line;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unknown section' USING ERRCODE = 'HF122',
      DETAIL = places_unknown(p_event, '{}', ARRAY[p_line]);
  ELSIF e.status <> 'on_sale' OR now() >= e.sales_end OR now() < e.sales_start THEN
    RAISE EXCEPTION 'the event is not on sale' USING ERRCODE = 'HF203',
      DETAIL = sales_window(e.sales_start, e.sales_end);
  END IF;
  most := coalesce(e.max_seats_per_booking, p_default_per_booking);
  queue := e.queue;
  spent := e.queue = 'on' AND EXISTS (SELECT FROM passes_spent
    WHERE event_id = p_event AND user_id = p_user AND pass = p_pass);
  SELECT t.booking_id, t.epoch, t.number, b.places, b.expires_at
    INTO booking_id, epoch, number, quantity, expires_at
    FROM queue_tickets t JOIN bookings b USING (event_id, booking_id)
    WHERE t.event_id = p_event AND t.user_id = p_user AND t.line = p_line AND t.outcome = 'reserved'
      AND b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now() LIMIT 1;
END
$$;

-- Whether nobody of a line is served any more: its event is a draft, cancelled or gone, its section is, or its
-- sales have ended, and what was begun in time has come to its end. sales: when they are, as sales_window() says it.
CREATE FUNCTION queue_over(p_event integer, p_line text, OUT over boolean, OUT sales text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT e.event_id IS NULL OR e.status IN ('draft', 'cancelled') OR e.sales_end <= now() - interval '5 seconds'
      OR NOT EXISTS (SELECT FROM holdfast.sections s WHERE s.event_id = p_event AND s.section_id = p_line),
    holdfast.sales_window(e.sales_start, e.sales_end)
  FROM (VALUES (p_event)) AS q (event_id) LEFT JOIN holdfast.events e USING (event_id)
$$;

-- The epoch of a line that begins now: above every one that has been heard of (p_above: by the caller).
CREATE FUNCTION queue_epoch(p_event integer, p_line text, p_above integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_epoch integer := greatest(p_above, (SELECT epoch FROM queue_lines WHERE event_id = p_event AND line = p_line)) + 1;
BEGIN
  IF v_epoch > 1023 THEN
    RAISE EXCEPTION 'line % of event % has begun as often as a ticket can tell', p_line, p_event USING ERRCODE = '53400';
  END IF;
  INSERT INTO queue_lines AS l (event_id, line, epoch) VALUES (p_event, p_line, v_epoch)
    ON CONFLICT (event_id, line)
      DO UPDATE SET epoch = greatest(l.epoch + 1, v_epoch), begun_at = now()
    RETURNING epoch INTO v_epoch;
  RETURN v_epoch;
END
$$;

-- Somebody waits in a line who could not be served, or nobody does any more: for holds that are judged
-- without the line itself.
CREATE FUNCTION queue_mark(p_event integer, p_line text, p_waits boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE queue_lines SET waits_until = CASE WHEN p_waits THEN now() + interval '1 minute' END
    WHERE event_id = p_event AND line = p_line;
END
$$;

-- How a ticket ended, if it has, with its booking as it stands.
CREATE TYPE queue_end AS (
  outcome    text,
  reason     text,
  booking_id uuid,
  status     text,    -- of the booking; one past its deadline is EXPIRED
  expires_at timestamptz
);

CREATE FUNCTION queue_ticket(p_event integer, p_line text, p_epoch integer, p_number bigint, p_user uuid)
RETURNS SETOF queue_end
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT t.outcome, t.reason, t.booking_id,
      CASE WHEN b.status IN ('HOLD', 'RESERVED') AND b.expires_at <= now() THEN 'EXPIRED'
        ELSE b.status END,
      b.expires_at
    FROM holdfast.queue_tickets t LEFT JOIN holdfast.bookings b USING (event_id, booking_id)
    WHERE t.event_id = p_event AND t.line = p_line AND t.epoch = p_epoch AND t.number = p_number
      AND t.user_id = p_user
$$;

-- Gives a place up. What it has been served with by then is told, for the caller to release.
CREATE FUNCTION queue_leave(p_event integer, p_line text, p_epoch integer, p_number bigint, p_user uuid)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM queue_lines WHERE event_id = p_event AND line = p_line) THEN
    RAISE EXCEPTION 'no such line' USING ERRCODE = 'HF104';
  END IF;
  -- The conflict waits for a batch that is serving it.
  INSERT INTO queue_tickets (event_id, line, epoch, number, user_id, outcome)
    VALUES (p_event, p_line, p_epoch, p_number, p_user, 'left')
    ON CONFLICT DO NOTHING;
  RETURN (SELECT booking_id FROM queue_tickets
    WHERE event_id = p_event AND line = p_line AND epoch = p_epoch AND number = p_number AND user_id = p_user);
END
$$;

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
-- whose lock is busy stays, and comes with the next batch. Then claims, counters, bookings, as all do;
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
    IF FOUND THEN
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
    IF v_limit IS NOT NULL THEN
      SELECT coalesce(sum(places), 0) INTO v_current FROM bookings
        WHERE event_id = p_event AND user_id = p_users[i]
          AND status IN ('HOLD', 'RESERVED', 'CONFIRMED') -- as bookings_live says it, or it is not used
          AND (status = 'CONFIRMED' OR expires_at > now());
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
    END IF;
    v_done := v_done || r;
  END LOOP;

  IF c.kind = 'seated' THEN
    SELECT q.p_served, q.back INTO v_done, v_back
      FROM queue_claim_seats(p_event, c.section_no, v_expires, v_done) AS q;
  END IF;
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

-- Lines that somebody may stand in: those that were begun, of events on sale, after one of them.
CREATE FUNCTION queue_open_lines(p_after_event integer, p_after_line text, p_limit integer)
RETURNS TABLE (event_id integer, line text, epoch integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT l.event_id, l.line, l.epoch
    FROM holdfast.queue_lines l JOIN holdfast.events e USING (event_id)
    WHERE (l.event_id, l.line) > (p_after_event, p_after_line)
      AND e.status = 'on_sale' AND e.sales_end > now()
    ORDER BY l.event_id, l.line LIMIT p_limit
$$;

-- I9: every ticket has come to one end at most (its key sees to that); each that was served has its
-- booking, under its account and within its event, and no other ticket has it; no account has two
-- places of one line that are open.
CREATE FUNCTION audit_i9() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT format('event %s: ticket %s.%s of line %s was served with booking %s, which is %s', t.event_id,
      t.epoch, t.number, t.line, t.booking_id,
      CASE WHEN b.booking_id IS NULL THEN 'not there' ELSE 'another user''s' END)
    FROM holdfast.queue_tickets t LEFT JOIN holdfast.bookings b USING (event_id, booking_id)
    WHERE t.outcome = 'reserved' AND b.user_id IS DISTINCT FROM t.user_id
  UNION ALL
  SELECT format('event %s: ticket %s.%s of line %s comes from an epoch that has not begun', t.event_id,
      t.epoch, t.number, t.line)
    FROM holdfast.queue_tickets t JOIN holdfast.queue_lines l USING (event_id, line)
    WHERE t.epoch > l.epoch
  UNION ALL
  SELECT format('event %s: line %s is none of its sections', l.event_id, l.line)
    FROM holdfast.queue_lines l LEFT JOIN holdfast.sections s
      ON s.event_id = l.event_id AND s.section_id = l.line
    WHERE l.line <> '' AND s.section_id IS NULL
  UNION ALL
  SELECT format('event %s: user %s has %s open places of line %s', t.event_id, t.user_id, count(*), t.line)
    FROM holdfast.queue_tickets t JOIN holdfast.bookings b USING (event_id, booking_id)
    WHERE t.outcome = 'reserved' AND b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now()
    GROUP BY t.event_id, t.user_id, t.line HAVING count(*) > 1
$$;

-- The same, as a line of holdfast-verify.
CREATE FUNCTION audit_queue()
RETURNS TABLE (invariant text, failures bigint, first text, checked text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT 'I9', count(t), min(t), (SELECT format('%s tickets that have come to their end', count(*))
      FROM holdfast.queue_tickets)
    FROM holdfast.audit_i9() AS t
$$;

-- Lines that were begun, a page after one of them.
CREATE FUNCTION audit_lines(p_after_event integer, p_after_line text, p_limit integer)
RETURNS TABLE (event_id integer, line text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT l.event_id, l.line FROM holdfast.queue_lines l
    WHERE (l.event_id, l.line) > (p_after_event, p_after_line)
    ORDER BY l.event_id, l.line LIMIT p_limit
$$;

-- Of these bookings those that there are: whose, and whether they hold a place for a while.
CREATE FUNCTION audit_bookings(p_event integer, p_bookings uuid[])
RETURNS TABLE (booking_id uuid, user_id uuid, is_open boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT b.booking_id, b.user_id, b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now()
    FROM holdfast.bookings b
    WHERE b.event_id = p_event AND b.booking_id = ANY (p_bookings)
$$;

INSERT INTO job_schedule (name, every) VALUES ('queue-advance', '1 minute');

-- Takes away what lines of events leave behind whose sales ended long ago.
CREATE FUNCTION queue_trim(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_event   integer;
  v_tickets bigint;
  v_passes  bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT e.event_id INTO v_event FROM events e
    WHERE e.sales_end < now() - interval '30 days'
      AND (EXISTS (SELECT FROM queue_tickets t WHERE t.event_id = e.event_id)
        OR EXISTS (SELECT FROM passes_spent s WHERE s.event_id = e.event_id))
    LIMIT 1;
  DELETE FROM queue_tickets WHERE (event_id, line, epoch, number) IN (
    SELECT event_id, line, epoch, number FROM queue_tickets WHERE event_id = v_event LIMIT p_limit);
  GET DIAGNOSTICS v_tickets = ROW_COUNT;
  DELETE FROM passes_spent WHERE (event_id, user_id, pass) IN (
    SELECT event_id, user_id, pass FROM passes_spent WHERE event_id = v_event LIMIT p_limit);
  GET DIAGNOSTICS v_passes = ROW_COUNT;
  RETURN v_tickets + v_passes;
END
$$;

GRANT EXECUTE ON FUNCTION queue_trim TO holdfast_janitor;
GRANT EXECUTE ON FUNCTION queue_section, queue_over, queue_ticket, queue_leave, confirm, release, event_shown, filter_event,
    filter_entries, filter_used, filter_seats
  TO holdfast_queue;
GRANT EXECUTE ON FUNCTION queue_epoch, queue_mark, queue_serve, filter_some
  TO holdfast_queue, holdfast_queue_advance;
GRANT EXECUTE ON FUNCTION queue_open_lines, job_begin, job_beat, job_end TO holdfast_queue_advance;
GRANT EXECUTE ON FUNCTION audit_i9, audit_queue, audit_lines, audit_bookings TO holdfast_verify;

COMMIT;
