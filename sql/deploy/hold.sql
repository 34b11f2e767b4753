-- The transition into HOLD, and what the transitions share.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE FUNCTION key_in_flight() RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the first request with this key is still running' USING ERRCODE = 'HF131';
END
$$;

-- The lock of one idempotency key, before all other locks. A first call never waits; a repeat after
-- an unknown outcome does, for the backend that may still be at work.
CREATE FUNCTION key_lock(p_scope text, p_wait boolean) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF p_wait THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_scope, 1));
  ELSIF NOT pg_try_advisory_xact_lock(hashtextextended(p_scope, 1)) THEN
    PERFORM key_in_flight();
  END IF;
END
$$;

-- The booking as it stands: one past its deadline is shown as EXPIRED, cancelled parts are gone.
-- p_first: as its hold was first answered, out of columns that never change.
CREATE FUNCTION booking_show(b bookings, p_first boolean) RETURNS booking_view
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v         holdfast.booking_view;
  v_whole   boolean := p_first OR b.status IN ('CANCELLED', 'REFUNDED');
  v_seat    text;
  v_section text;
  v_no      smallint;
  v_next    smallint;
  v_stands  integer;
BEGIN
  v.total := 0;
  v.booking_id := b.booking_id;
  v.event_id := b.event_id;
  v.currency := b.currency;
  v.created_at := b.created_at;
  IF p_first THEN
    v.status := 'HOLD';
    v.expires_at := b.first_expires_at;
    v.version := 1;
  ELSE
    v.status := CASE WHEN b.status IN ('HOLD', 'RESERVED') AND b.expires_at <= now()
      THEN 'EXPIRED' ELSE b.status END;
    v.expires_at := CASE WHEN v.status IN ('HOLD', 'RESERVED', 'EXPIRED') THEN b.expires_at END;
    v.confirmed_at := b.confirmed_at;
    v.cancelled_at := CASE WHEN b.status IN ('CANCELLED', 'REFUNDED') THEN b.ended_at END;
    v.version := b.version;
    IF b.attempts IS NOT NULL THEN
      v.payment := holdfast.payment_show(b);
    END IF;
  END IF;
  -- Place by place: that costs less than to set up one statement for all, and each is found by its
  -- whole key, whatever the planner believes of the tables.
  FOR i IN 1 .. cardinality(b.positions) LOOP
    IF v_whole OR b.positions[i] <> ALL (b.gone_positions) THEN
      SELECT s.seat_id, s.section_no INTO v_seat, v_next FROM holdfast.seats s
        WHERE s.event_id = b.event_id AND s.position = b.positions[i];
      IF v_next IS DISTINCT FROM v_no THEN
        v_no := v_next;
        SELECT c.section_id INTO v_section FROM holdfast.sections c
          WHERE c.event_id = b.event_id AND c.section_no = v_no;
      END IF;
      v.seat_ids := v.seat_ids || v_seat;
      v.seat_section_ids := v.seat_section_ids || v_section;
      v.seat_prices := v.seat_prices || b.seat_prices[i];
      v.total := v.total + b.seat_prices[i];
    END IF;
  END LOOP;
  FOR i IN 1 .. cardinality(b.section_nos) LOOP
    v_stands := b.quantities[i];
    IF NOT v_whole THEN
      v_stands := v_stands - coalesce(b.gone_quantities[i], 0);
    END IF;
    IF v_stands > 0 THEN
      SELECT c.section_id INTO v_section FROM holdfast.sections c
        WHERE c.event_id = b.event_id AND c.section_no = b.section_nos[i];
      v.section_ids := v.section_ids || v_section;
      v.quantities := v.quantities || v_stands;
      v.section_prices := v.section_prices || b.section_prices[i];
      v.total := v.total + v_stands * b.section_prices[i];
    END IF;
  END LOOP;
  RETURN v;
END
$$;

-- Ends bookings whose due claims have been given back or taken over. A booking that is not ended
-- here must have ended already: anything else means that a claim and its booking disagree.
CREATE FUNCTION bookings_close_due(p_event integer, p_bookings uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_open text[] := '{HOLD,RESERVED}';
  v_live uuid;
BEGIN
  PERFORM FROM bookings
    WHERE event_id = p_event AND booking_id = ANY (p_bookings)
    ORDER BY booking_id FOR UPDATE;
  UPDATE bookings SET status = 'EXPIRED', ended_at = now(), version = version + 1
    WHERE event_id = p_event AND booking_id = ANY (p_bookings)
      AND status = ANY (v_open) AND expires_at <= now();
  SELECT b.booking_id INTO v_live FROM bookings b JOIN booking_states s USING (status)
    WHERE b.event_id = p_event AND b.booking_id = ANY (p_bookings) AND s.live LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a due claim belongs to the live booking %', v_live USING ERRCODE = 'XX001';
  END IF;
END
$$;

-- Gives back the due claims of general-admission sections and says whose they were. Waits for
-- whoever holds one: only the janitor skips. Locks claims, then counters (p_lock: in any case).
CREATE FUNCTION ga_give_back(p_event integer, p_section_nos smallint[], p_lock boolean)
RETURNS uuid[]
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_no       smallint;
  v_due      uuid[];
  v_bookings uuid[] := '{}';
BEGIN
  FOREACH v_no IN ARRAY p_section_nos LOOP -- ascending
    -- 500 claims are at least 500 places, and no booking has more. A batch of people in line may want
    -- more: those who then get none come with the next.
    SELECT array_agg(q.booking_id) INTO v_due FROM (
      SELECT booking_id FROM ga_claims
        WHERE event_id = p_event AND section_no = v_no AND state IN ('h', 'r') AND expires_at <= now()
        ORDER BY booking_id LIMIT 500 FOR UPDATE) AS q;
    v_bookings := v_bookings || v_due;
  END LOOP;
  IF p_lock OR v_bookings <> '{}' THEN
    PERFORM FROM ga_counts
      WHERE event_id = p_event AND section_no = ANY (p_section_nos) ORDER BY section_no FOR UPDATE;
    DELETE FROM ga_claims WHERE event_id = p_event AND section_no = ANY (p_section_nos)
      AND booking_id = ANY (v_bookings) AND state IN ('h', 'r') AND expires_at <= now();
  END IF;
  RETURN v_bookings;
END
$$;

CREATE TYPE hold_result AS (
  outcome   text,       -- new; replay: the first answer again; same: the caller's own live hold
  positions integer[],
  booking   booking_view
);

-- One hold, all or none.
--   p_seats       seat ids, no duplicates
--   p_sections    general-admission section ids, no duplicates, with p_quantities
--   p_booking     the id chosen for it: derived from the key where there is one
--   p_wait        a repeat after an unknown outcome
--   p_give_back   a repeat after HF290: due claims of the sections are given back first
--   p_default_*   the configuration's values, for an event that has none of its own (0: no limit)
--   p_pass        the pass of the event's waiting room that the caller has shown
--   p_line        whether places may be left for those in the line of a section is judged here, by what
--                 was told of it last: the caller could not ask the line itself
--   p_lines       lines in which people wait for these places by the caller's word, which may be newer
CREATE FUNCTION hold(
  p_event integer, p_user uuid, p_booking uuid, p_key text, p_fingerprint text, p_wait boolean,
  p_give_back boolean, p_seats text[], p_sections text[], p_quantities integer[],
  p_default_seconds integer, p_default_per_booking integer, p_default_per_user integer,
  p_pass bigint DEFAULT NULL, p_line boolean DEFAULT false, p_lines text[] DEFAULT '{}'
) RETURNS hold_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r          hold_result;
  b          bookings;
  e          record;
  v_item     record;
  v_section  text;
  v_no       smallint;
  v_price    bigint;
  v_claim    uuid;
  v_position integer;
  v_quantity integer;
  v_off      text;
  v_places   integer := cardinality(p_seats);
  v_seat_ids text[] := '{}';
  v_seat_in  text[] := '{}'; -- the section of each
  v_limit    integer;
  v_current  integer;
  v_at_most  integer;  -- with what is due and may still be moved
  v_due      uuid[];   -- such bookings of the buyer's, where they make the difference
  v_nos      smallint[] := '{}';
  v_ga_ids   text[] := '{}';
  v_ga_q     integer[] := '{}';
  v_ga_price bigint[] := '{}';
  v_prices   bigint[] := '{}';
  v_got      integer := 0;
  v_from     uuid[] := '{}';
  v_back     uuid[] := '{}';
  v_expires  timestamptz;
  v_total    numeric := 0; -- may be beyond bigint until the limit of places is judged
  v_full     text;
  v_tight    boolean := false; -- a section looks full
BEGIN
  r.positions := '{}';
  -- Expressions, where PERFORM would be statements: this is the hottest path of all.
  v_off := set_config('synchronous_commit', 'off', true);
  IF p_wait THEN
    PERFORM key_lock(p_booking::text, true);
  ELSIF NOT pg_try_advisory_xact_lock(hashtextextended(p_booking::text, 1)) THEN
    PERFORM key_in_flight();
  END IF;
  IF p_key IS NOT NULL OR p_wait THEN
    SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
    IF FOUND THEN
      IF b.user_id <> p_user OR b.fingerprint IS DISTINCT FROM p_fingerprint THEN
        RAISE EXCEPTION 'the key belongs to another request' USING ERRCODE = 'HF130';
      END IF;
      r.outcome := 'replay';
      r.positions := b.positions;
      r.booking := booking_show(b, true);
      RETURN r;
    END IF;
  END IF;

  SELECT status, sales_start, sales_end, now() >= sales_start AND now() < sales_end AS open,
      hold_seconds, max_seats_per_booking, max_seats_per_user, queue, currency
    INTO e FROM events WHERE event_id = p_event;
  IF NOT FOUND OR e.status = 'draft' THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  ELSIF e.status <> 'on_sale' OR NOT e.open THEN
    RAISE EXCEPTION 'the event is not on sale' USING ERRCODE = 'HF203',
      DETAIL = sales_window(e.status, e.sales_start, e.sales_end);
  ELSIF e.queue = 'off' THEN
    p_pass := NULL;
  ELSIF p_pass IS NULL THEN
    RAISE EXCEPTION 'the event is entered through its waiting room' USING ERRCODE = 'HF210',
      DETAIL = '{"pass":"missing"}';
  ELSIF EXISTS (SELECT FROM passes_spent
      WHERE event_id = p_event AND user_id = p_user AND pass = p_pass) THEN
    RAISE EXCEPTION 'the pass is spent' USING ERRCODE = 'HF210', DETAIL = '{"pass":"spent"}';
  END IF;

  -- What is asked for, in lock order, at the price of this moment. In loops: aggregates would cost
  -- more to set up than the few places of a booking cost to read.
  IF v_places > 0 THEN
    FOR v_item IN
      SELECT s.position, s.seat_id, s.section_no, s.price
        FROM unnest(p_seats) AS w (seat_id) CROSS JOIN LATERAL (
          SELECT t.position, t.seat_id, t.section_no, t.price FROM seats t
            WHERE t.event_id = p_event AND t.seat_id = w.seat_id LIMIT 1) AS s
        ORDER BY s.position
    LOOP
      CONTINUE WHEN v_item.position = v_position; -- asked for twice: refused below
      v_position := v_item.position;
      IF v_item.section_no IS DISTINCT FROM v_no THEN
        v_no := v_item.section_no;
        SELECT section_id, price INTO v_section, v_price FROM sections
          WHERE event_id = p_event AND section_no = v_no;
      END IF;
      v_item.price := coalesce(v_item.price, v_price);
      r.positions := r.positions || v_item.position;
      v_seat_ids := v_seat_ids || v_item.seat_id;
      v_seat_in := v_seat_in || v_section;
      v_prices := v_prices || v_item.price;
      v_total := v_total + v_item.price;
    END LOOP;
  END IF;
  IF p_sections <> '{}' THEN
    FOR v_item IN
      SELECT c.section_no, c.section_id, c.price, n.capacity - n.taken AS available
        FROM sections c JOIN ga_counts n USING (event_id, section_no)
        WHERE c.event_id = p_event AND c.section_id = ANY (p_sections) AND c.kind = 'ga'
        ORDER BY c.section_no
    LOOP
      v_quantity := p_quantities[array_position(p_sections, v_item.section_id)];
      v_nos := v_nos || v_item.section_no;
      v_ga_ids := v_ga_ids || v_item.section_id;
      v_ga_q := v_ga_q || v_quantity;
      v_ga_price := v_ga_price || v_item.price;
      v_total := v_total + v_quantity * v_item.price::numeric;
      v_places := v_places + v_quantity;
      v_tight := v_tight OR v_quantity > v_item.available;
    END LOOP;
  END IF;
  IF cardinality(r.positions) < cardinality(p_seats)
      OR cardinality(v_nos) < cardinality(p_sections) THEN
    RAISE EXCEPTION 'unknown seats or sections' USING ERRCODE = 'HF122',
      DETAIL = places_unknown(p_event, p_seats, p_sections);
  END IF;

  -- Limits. Whoever asks again for exactly what is theirs already gets it before any limit is judged.
  v_limit := coalesce(e.max_seats_per_booking, p_default_per_booking);
  IF v_places > v_limit THEN
    b := hold_same(p_event, p_user, r.positions, v_nos);
    IF b.booking_id IS NOT NULL THEN
      r.outcome := 'same';
      r.booking := booking_show(b, false);
      RETURN r;
    END IF;
    RAISE EXCEPTION 'too many places in one booking' USING ERRCODE = 'HF122',
      DETAIL = json_build_object('max_seats_per_booking', v_limit, 'requested', v_places);
  END IF;
  v_limit := coalesce(e.max_seats_per_user, nullif(p_default_per_user, 0));
  IF v_limit IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_event || '/' || p_user, 2));
    FOR tries IN 1 .. 2 LOOP
      SELECT coalesce(sum(places) FILTER (WHERE status = 'CONFIRMED' OR expires_at > now()), 0),
          coalesce(sum(places), 0),
          array_agg(booking_id) FILTER (WHERE status <> 'CONFIRMED' AND expires_at <= now())
        INTO v_current, v_at_most, v_due FROM bookings
        WHERE event_id = p_event AND user_id = p_user
          AND status IN ('HOLD', 'RESERVED', 'CONFIRMED'); -- as bookings_live says it, or it is not used
      IF v_current + v_places > v_limit OR v_at_most + v_places <= v_limit THEN
        v_due := NULL;
        EXIT;
      END IF;
      EXIT WHEN tries = 2;
      PERFORM bookings_settled(p_event, v_due, true);
    END LOOP;
    IF v_current + v_places > v_limit THEN
      b := hold_same(p_event, p_user, r.positions, v_nos);
      IF b.booking_id IS NOT NULL THEN
        r.outcome := 'same';
        r.booking := booking_show(b, false);
        RETURN r;
      END IF;
      RAISE EXCEPTION 'the limit of places per buyer' USING ERRCODE = 'HF204', DETAIL =
        json_build_object('limit', v_limit, 'current', v_current, 'requested', v_places);
    END IF;
  END IF;

  v_expires := date_trunc('milliseconds', now())
    + make_interval(secs => coalesce(e.hold_seconds, p_default_seconds));

  IF p_line THEN
    SELECT l.line INTO v_full FROM queue_lines l
      WHERE l.event_id = p_event AND (l.waits_until > now() OR l.line = ANY (p_lines))
        AND l.line = ANY (v_ga_ids || v_seat_in) LIMIT 1;
    IF FOUND THEN
      b := hold_same(p_event, p_user, r.positions, v_nos);
      IF b.booking_id IS NOT NULL THEN
        r.outcome := 'same';
        r.booking := booking_show(b, false);
        RETURN r;
      ELSIF v_full = ANY (v_ga_ids) THEN
        RAISE EXCEPTION 'what comes free is for those who stand in line' USING ERRCODE = 'HF202',
          DETAIL = json_build_object('section_id', v_full, 'available', 0);
      END IF;
      RAISE EXCEPTION 'what comes free is for those who stand in line' USING ERRCODE = 'HF201',
        DETAIL = json_build_object('seat_ids', ARRAY(SELECT w.id FROM unnest(v_seat_ids, v_seat_in) AS w (id, line)
          WHERE w.line = v_full));
    END IF;
  END IF;

  -- The claims: numbered seats by ascending position, due ones taken over in the same statement.
  IF cardinality(r.positions) > 0 THEN
    FOREACH v_position IN ARRAY r.positions LOOP
      INSERT INTO seat_claims AS k (event_id, position, booking_id, state, expires_at)
        VALUES (p_event, v_position, p_booking, 'h', v_expires)
        ON CONFLICT (event_id, position) DO UPDATE
          SET taken_from = k.booking_id, booking_id = excluded.booking_id,
            state = excluded.state, expires_at = excluded.expires_at
          WHERE k.expires_at <= now()
        RETURNING k.taken_from INTO v_claim;
      IF FOUND THEN
        v_got := v_got + 1;
        IF v_claim IS NOT NULL THEN
          v_from := v_from || v_claim;
        END IF;
      END IF;
    END LOOP;
    IF v_got < cardinality(r.positions) THEN
      b := hold_same(p_event, p_user, r.positions, v_nos);
      IF v_got = 0 AND b.booking_id IS NOT NULL THEN
        r.outcome := 'same';
        r.booking := booking_show(b, false);
        RETURN r;
      END IF;
      RAISE EXCEPTION 'some of these seats are not available' USING ERRCODE = 'HF201',
        DETAIL = json_build_object('seat_ids', ARRAY(
          SELECT s.seat_id FROM seat_claims c JOIN seats s USING (event_id, position)
            WHERE c.event_id = p_event AND c.position = ANY (r.positions)
              AND c.booking_id IS DISTINCT FROM p_booking ORDER BY c.position));
    END IF;
  END IF;

  -- General admission: what is due is given back first where the section looks full.
  IF cardinality(v_nos) > 0 AND (v_tight OR p_give_back) THEN
    v_back := ga_give_back(p_event, v_nos, p_give_back);
    SELECT s.section_id INTO v_full
      FROM unnest(v_nos, v_ga_q) AS w (section_no, quantity)
        JOIN ga_counts n ON n.event_id = p_event AND n.section_no = w.section_no
        JOIN sections s ON s.event_id = p_event AND s.section_no = w.section_no
      WHERE n.taken + w.quantity > n.capacity LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'not enough places are left' USING ERRCODE = 'HF202',
        DETAIL = section_left(p_event, v_full);
    END IF;
  END IF;
  INSERT INTO bookings (event_id, booking_id, user_id, places, positions, seat_prices, section_nos,
      quantities, section_prices, total, currency, first_expires_at, expires_at, key, fingerprint, pass)
    VALUES (p_event, p_booking, p_user, v_places, r.positions, v_prices, v_nos, v_ga_q, v_ga_price,
      v_total, e.currency, v_expires, v_expires, p_key, p_fingerprint, p_pass);
  -- The very row that booking_show() rebuilds for a replay.
  r.booking := ROW(p_booking, p_event, 'HOLD', nullif(v_seat_ids, '{}'), nullif(v_seat_in, '{}'),
    nullif(v_prices, '{}'), nullif(v_ga_ids, '{}'), nullif(v_ga_q, '{}'), nullif(v_ga_price, '{}'), v_total,
    e.currency, v_expires, now(), NULL, NULL, 1, NULL);
  r.outcome := 'new';
  -- Their counters come as late as can be: a whole section waits for each, until the commit.
  FOR i IN 1 .. cardinality(v_nos) LOOP
    INSERT INTO ga_claims (event_id, section_no, booking_id, quantity, state, expires_at)
      VALUES (p_event, v_nos[i], p_booking, v_ga_q[i], 'h', v_expires);
  END LOOP;

  -- The bookings whose due claims were taken over or given back end here, last in the lock order.
  v_from := v_from || v_back;
  IF v_from <> '{}' THEN
    PERFORM bookings_close_due(p_event, v_from);
  END IF;
  IF v_due IS NOT NULL THEN
    PERFORM bookings_end_due(p_event, v_due);
  END IF;
  RETURN r;
END
$$;

-- The caller's one live hold or reservation of exactly these seats, if there is one.
CREATE FUNCTION hold_same(p_event integer, p_user uuid, p_positions integer[], p_nos smallint[])
RETURNS bookings
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT b.* FROM holdfast.seat_claims c
      JOIN holdfast.bookings b ON b.event_id = c.event_id AND b.booking_id = c.booking_id
    WHERE c.event_id = p_event AND c.position = p_positions[1] AND c.expires_at > now()
      AND b.user_id = p_user AND b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now()
      AND b.positions = p_positions AND cardinality(b.section_nos) = 0
      AND cardinality(p_nos) = 0
$$;

-- Why an event is not on sale: closed or cancelled, or not now.
CREATE FUNCTION sales_window(p_status text, p_start timestamptz, p_end timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp
RETURN json_build_object('event_status', p_status,
  'sales_start', to_char(p_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  'sales_end', to_char(p_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))::text;

-- Which of the places asked for do not exist, or are of the other kind; the caller knows where each
-- stood in its request.
CREATE FUNCTION places_unknown(p_event integer, p_seats text[], p_sections text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT json_build_object(
    'unknown_seats', (SELECT coalesce(json_agg(w), '[]') FROM unnest(p_seats) AS w
      WHERE NOT EXISTS (SELECT FROM holdfast.seats s
        WHERE s.event_id = p_event AND s.seat_id = w)),
    'unknown_sections', (SELECT coalesce(json_agg(w), '[]') FROM unnest(p_sections) AS w
      WHERE NOT EXISTS (SELECT FROM holdfast.sections c
        WHERE c.event_id = p_event AND c.section_id = w)),
    'seated_sections', (SELECT coalesce(json_agg(w), '[]') FROM unnest(p_sections) AS w
      WHERE EXISTS (SELECT FROM holdfast.sections c
        WHERE c.event_id = p_event AND c.section_id = w AND c.kind = 'seated')))::text
$$;

-- sold-out: the section, and how many are left (due claims count as available).
CREATE FUNCTION section_left(p_event integer, p_section text) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT json_build_object('section_id', p_section, 'available', n.capacity - n.taken
      + coalesce((SELECT sum(c.quantity) FROM holdfast.ga_claims c WHERE c.event_id = p_event
          AND c.section_no = n.section_no AND c.state IN ('h', 'r') AND c.expires_at <= now()), 0)
    )::text
    FROM holdfast.ga_counts n JOIN holdfast.sections s USING (event_id, section_no)
    WHERE n.event_id = p_event AND s.section_id = p_section
$$;

GRANT EXECUTE ON FUNCTION hold TO holdfast_booking;

COMMIT;
