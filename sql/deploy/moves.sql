-- The transitions out of HOLD: confirm, reserve, release, cancel, expire. Each one reads the booking
-- unlocked, locks its claims in order, then counters, then the booking, and judges there.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE TYPE move_result AS (
  outcome   text,       -- moved; done: it was so already; replay: the first answer again;
                        -- asked: a release that waits for a payment
  positions integer[],  -- those that stand, ascending
  booking   booking_view
);

-- The first answer of a keyed operation, if there is one; takes the key's lock.
CREATE FUNCTION answer_find(p_event integer, p_user uuid, p_operation text, p_key text,
  p_fingerprint text, p_wait boolean) RETURNS answers
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  a answers;
BEGIN
  IF p_key IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM key_lock(concat_ws('/', p_event, p_user, p_operation, p_key), p_wait);
  SELECT * INTO a FROM answers
    WHERE event_id = p_event AND user_id = p_user AND operation = p_operation AND key = p_key;
  IF FOUND AND a.fingerprint <> p_fingerprint THEN
    RAISE EXCEPTION 'the key belongs to another request' USING ERRCODE = 'HF130';
  END IF;
  RETURN a;
END
$$;

CREATE FUNCTION answer_keep(p_event integer, p_user uuid, p_operation text, p_key text,
  p_fingerprint text, p_status integer, p_booking booking_view, p_body text) RETURNS void
LANGUAGE sql SET search_path = holdfast, pg_temp AS $$
  INSERT INTO holdfast.answers (event_id, user_id, operation, key, fingerprint, status, booking, body)
    VALUES (p_event, p_user, p_operation, p_key, p_fingerprint, p_status, p_booking, p_body)
$$;

-- The caller's booking with its claims (p_counts: and their counters) locked; HF104 if it is nobody's
-- or somebody else's.
CREATE FUNCTION booking_lock(p_event integer, p_booking uuid, p_user uuid, p_counts boolean)
RETURNS bookings
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  b bookings;
BEGIN
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
  IF NOT FOUND OR b.user_id <> p_user THEN
    RAISE EXCEPTION 'no such booking' USING ERRCODE = 'HF104';
  END IF;
  IF cardinality(b.positions) > 0 THEN
    PERFORM FROM seat_claims
      WHERE event_id = p_event AND position = ANY (b.positions) AND booking_id = p_booking
      ORDER BY position FOR UPDATE;
  END IF;
  IF cardinality(b.section_nos) > 0 THEN
    PERFORM FROM ga_claims
      WHERE event_id = p_event AND section_no = ANY (b.section_nos) AND booking_id = p_booking
      ORDER BY section_no FOR UPDATE;
    IF p_counts THEN
      PERFORM FROM ga_counts
        WHERE event_id = p_event AND section_no = ANY (b.section_nos) ORDER BY section_no FOR UPDATE;
    END IF;
  END IF;
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking FOR UPDATE;
  RETURN b;
END
$$;

-- How many claim rows a booking should have: one a seat that stands, one a section that stands.
CREATE FUNCTION booking_claims_due(b bookings) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = holdfast, pg_temp AS $$
  SELECT cardinality(b.positions) - cardinality(b.gone_positions)
    + (SELECT count(*)::integer FROM unnest(b.quantities, b.gone_quantities) AS g (had, gone)
        WHERE g.had > coalesce(g.gone, 0))
$$;

-- Writes state and deadline into every claim of a locked booking; fails unless all are there.
CREATE FUNCTION claims_set(b bookings, p_state "char", p_expires timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_seats integer := 0;
  v_ga    integer := 0;
BEGIN
  IF cardinality(b.positions) > 0 THEN
    UPDATE seat_claims SET state = p_state, expires_at = p_expires
      WHERE event_id = b.event_id AND position = ANY (b.positions) AND booking_id = b.booking_id;
    GET DIAGNOSTICS v_seats = ROW_COUNT;
  END IF;
  IF cardinality(b.section_nos) > 0 THEN
    UPDATE ga_claims SET state = p_state, expires_at = p_expires
      WHERE event_id = b.event_id AND section_no = ANY (b.section_nos) AND booking_id = b.booking_id;
    GET DIAGNOSTICS v_ga = ROW_COUNT;
  END IF;
  IF v_seats + v_ga <> booking_claims_due(b) THEN
    RAISE EXCEPTION 'booking % has % of its % claims', b.booking_id, v_seats + v_ga,
      booking_claims_due(b) USING ERRCODE = 'XX001';
  END IF;
END
$$;

-- Takes away every claim of a locked booking; fails unless all were there.
CREATE FUNCTION claims_drop(b bookings) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_seats integer := 0;
  v_ga    integer := 0;
BEGIN
  IF cardinality(b.positions) > 0 THEN
    DELETE FROM seat_claims
      WHERE event_id = b.event_id AND position = ANY (b.positions) AND booking_id = b.booking_id;
    GET DIAGNOSTICS v_seats = ROW_COUNT;
  END IF;
  IF cardinality(b.section_nos) > 0 THEN
    DELETE FROM ga_claims
      WHERE event_id = b.event_id AND section_no = ANY (b.section_nos) AND booking_id = b.booking_id;
    GET DIAGNOSTICS v_ga = ROW_COUNT;
  END IF;
  IF v_seats + v_ga <> booking_claims_due(b) THEN
    RAISE EXCEPTION 'booking % has % of its % claims', b.booking_id, v_seats + v_ga,
      booking_claims_due(b) USING ERRCODE = 'XX001';
  END IF;
END
$$;

-- What stands of a booking, ascending.
CREATE FUNCTION booking_positions(b bookings) RETURNS integer[]
LANGUAGE sql IMMUTABLE SET search_path = holdfast, pg_temp AS $$
  SELECT CASE WHEN b.gone_positions = '{}' THEN b.positions ELSE ARRAY(
    SELECT p FROM unnest(b.positions) AS p WHERE p <> ALL (b.gone_positions) ORDER BY p) END
$$;

-- A booking that is not where the move begins: expired, or in a state of its own.
CREATE FUNCTION booking_refuse(b bookings) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF b.status = 'EXPIRED' OR b.status IN ('HOLD', 'RESERVED') AND b.expires_at <= now() THEN
    RAISE EXCEPTION 'the hold has expired' USING ERRCODE = 'HF205';
  END IF;
  RAISE EXCEPTION 'the booking is %', b.status USING ERRCODE = 'HF206',
    DETAIL = json_build_object('status', b.status);
END
$$;

-- HOLD or RESERVED -> CONFIRMED for a booking locked with booking_lock(); returns it as it then is.
CREATE FUNCTION booking_confirm_locked(b bookings) RETURNS bookings
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  e record;
BEGIN
  IF b.status NOT IN ('HOLD', 'RESERVED') OR b.expires_at <= now() THEN
    PERFORM booking_refuse(b);
  END IF;
  SELECT status, payment, sales_start, sales_end INTO e FROM events WHERE event_id = b.event_id;
  IF e.status = 'cancelled' THEN
    RAISE EXCEPTION 'the event is cancelled' USING ERRCODE = 'HF203',
      DETAIL = sales_window(e.sales_start, e.sales_end);
  ELSIF e.payment <> 'none' AND b.total > 0 THEN
    RAISE EXCEPTION 'the booking must be paid first' USING ERRCODE = 'HF207';
  END IF;
  PERFORM claims_set(b, 'b', 'infinity');
  UPDATE bookings SET status = 'CONFIRMED', confirmed_at = now(), version = version + 1
    WHERE event_id = b.event_id AND booking_id = b.booking_id
      AND status = b.status AND expires_at > now()
    RETURNING * INTO b;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a locked booking has changed' USING ERRCODE = 'XX001';
  END IF;
  RETURN b;
END
$$;

CREATE FUNCTION confirm(p_event integer, p_booking uuid, p_user uuid, p_key text,
  p_fingerprint text, p_wait boolean) RETURNS move_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r move_result;
  a answers;
  b bookings;
BEGIN
  a := answer_find(p_event, p_user, 'confirm', p_key, p_fingerprint, p_wait);
  IF a.key IS NOT NULL THEN
    r.outcome := 'replay';
    r.booking := a.booking;
    RETURN r;
  END IF;
  b := booking_lock(p_event, p_booking, p_user, false);
  IF b.status = 'CONFIRMED' THEN
    r.outcome := 'done';
  ELSE
    b := booking_confirm_locked(b);
    r.outcome := 'moved';
  END IF;
  r.positions := booking_positions(b);
  r.booking := booking_show(b, false);
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'confirm', p_key, p_fingerprint, 200, r.booking, NULL);
  END IF;
  RETURN r;
END
$$;

-- Confirms the caller's live holds that together are exactly these seats, all or none. One row a
-- booking; the body is the whole answer, the same in each.
CREATE FUNCTION confirm_seats(p_event integer, p_user uuid, p_key text, p_fingerprint text,
  p_wait boolean, p_seats text[])
RETURNS TABLE (outcome text, body text, booking_id uuid, positions integer[], sections text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  a           answers;
  b           bookings;
  v_positions integer[];
  v_seats     text[];
  v_bookings  uuid[];
  v_mine      integer;
BEGIN
  a := answer_find(p_event, p_user, 'confirm', p_key, p_fingerprint, p_wait);
  IF a.key IS NOT NULL THEN
    RETURN QUERY SELECT 'replay', a.body, NULL::uuid, '{}'::integer[], '';
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM events e WHERE e.event_id = p_event AND e.status <> 'draft') THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
  SELECT array_agg(s.position ORDER BY s.position), array_agg(s.seat_id ORDER BY s.position)
    INTO v_positions, v_seats
    FROM seats s WHERE s.event_id = p_event AND s.seat_id = ANY (p_seats);
  IF coalesce(cardinality(v_positions), 0) < cardinality(p_seats) THEN
    RAISE EXCEPTION 'unknown seats' USING ERRCODE = 'HF122',
      DETAIL = places_unknown(p_event, p_seats, '{}');
  END IF;
  PERFORM FROM seat_claims c WHERE c.event_id = p_event AND c.position = ANY (v_positions)
    ORDER BY c.position FOR UPDATE;

  -- Every seat must be the caller's, and every live hold must lie within these seats.
  SELECT count(*), array_agg(DISTINCT k.booking_id) INTO v_mine, v_bookings
    FROM seat_claims c JOIN bookings k ON k.event_id = c.event_id AND k.booking_id = c.booking_id
    WHERE c.event_id = p_event AND c.position = ANY (v_positions) AND k.user_id = p_user
      AND c.expires_at > now()
      AND (k.status = 'CONFIRMED' OR k.status IN ('HOLD', 'RESERVED') AND k.expires_at > now()
        AND k.positions <@ v_positions AND k.section_nos = '{}');
  IF v_mine < cardinality(v_positions) THEN
    IF v_mine = 0 AND seats_were_mine(p_event, p_user, v_positions) THEN
      RAISE EXCEPTION 'the hold has expired' USING ERRCODE = 'HF205';
    END IF;
    RAISE EXCEPTION 'some of these seats are not held by the caller' USING ERRCODE = 'HF201',
      DETAIL = json_build_object('seat_ids', ARRAY(SELECT s.seat_id FROM seats s
        LEFT JOIN seat_claims c ON c.event_id = s.event_id AND c.position = s.position
          AND c.expires_at > now() AND c.booking_id = ANY (v_bookings)
        WHERE s.event_id = p_event AND s.position = ANY (v_positions) AND c.position IS NULL
        ORDER BY s.position));
  END IF;
  FOR b IN SELECT * FROM bookings k WHERE k.event_id = p_event AND k.booking_id = ANY (v_bookings)
      ORDER BY k.booking_id FOR UPDATE LOOP
    IF b.status <> 'CONFIRMED' THEN
      b := booking_confirm_locked(b);
    END IF;
  END LOOP;
  body := json_build_object('success', true, 'message', 'The seats are booked.',
    'booked_seats', v_seats, 'booking_id', v_bookings[1], 'booking_ids', v_bookings)::text;
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'confirm', p_key, p_fingerprint, 200, NULL, body);
  END IF;
  -- A booking confirmed before may have general admission beside these seats.
  RETURN QUERY SELECT 'moved', body, k.booking_id, booking_positions(k),
      (SELECT coalesce(string_agg(c.section_id || ':' || g.had - coalesce(g.gone, 0), ','), '')
        FROM unnest(k.section_nos, k.quantities, k.gone_quantities) AS g (section_no, had, gone)
          JOIN sections c ON c.event_id = p_event AND c.section_no = g.section_no
        WHERE g.had > coalesce(g.gone, 0))
    FROM bookings k
    WHERE k.event_id = p_event AND k.booking_id = ANY (v_bookings) ORDER BY k.booking_id;
END
$$;

-- Whether the last hold of these seats was the caller's and has run out.
CREATE FUNCTION seats_were_mine(p_event integer, p_user uuid, p_positions integer[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT NOT EXISTS (
      SELECT FROM holdfast.seat_claims c LEFT JOIN holdfast.bookings k
          ON k.event_id = c.event_id AND k.booking_id = c.booking_id
        WHERE c.event_id = p_event AND c.position = ANY (p_positions)
          AND (c.expires_at > now() OR k.user_id IS DISTINCT FROM p_user))
    AND (SELECT p_positions <@ array_agg(p)
      FROM holdfast.bookings k, unnest(k.positions) AS p
      WHERE k.user_id = p_user AND k.event_id = p_event
        AND (k.status = 'EXPIRED' OR k.status IN ('HOLD', 'RESERVED') AND k.expires_at <= now()))
$$;

-- HOLD -> RESERVED: a payment begins. Again: the same reservation.
CREATE FUNCTION reserve(p_event integer, p_booking uuid, p_user uuid, p_grace_seconds integer,
  p_life_seconds integer) RETURNS move_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r move_result;
  b bookings;
  e record;
BEGIN
  b := booking_lock(p_event, p_booking, p_user, false);
  IF b.status = 'RESERVED' AND b.expires_at > now() THEN
    r.outcome := 'done';
  ELSE
    IF b.status <> 'HOLD' OR b.expires_at <= now() THEN
      PERFORM booking_refuse(b);
    END IF;
    SELECT status, sales_start, sales_end INTO e FROM events WHERE event_id = p_event;
    IF e.status = 'cancelled' THEN
      RAISE EXCEPTION 'the event is cancelled' USING ERRCODE = 'HF203',
        DETAIL = sales_window(e.sales_start, e.sales_end);
    END IF;
    b.expires_at := greatest(b.expires_at, date_trunc('milliseconds', least(
      now() + make_interval(secs => p_grace_seconds),
      b.created_at + make_interval(secs => p_life_seconds))));
    PERFORM claims_set(b, 'r', b.expires_at);
    UPDATE bookings SET status = 'RESERVED', expires_at = b.expires_at, version = version + 1
      WHERE event_id = p_event AND booking_id = p_booking AND status = 'HOLD' RETURNING * INTO b;
    r.outcome := 'moved';
  END IF;
  r.positions := booking_positions(b);
  r.booking := booking_show(b, false);
  RETURN r;
END
$$;

-- HOLD -> RELEASED. A reservation is not released while its payment is open: the wish is noted.
CREATE FUNCTION release(p_event integer, p_booking uuid, p_user uuid, p_key text,
  p_fingerprint text, p_wait boolean) RETURNS move_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r move_result;
  a answers;
  b bookings;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  a := answer_find(p_event, p_user, 'release', p_key, p_fingerprint, p_wait);
  IF a.key IS NOT NULL THEN
    r.outcome := 'replay';
    r.booking := a.booking;
    RETURN r;
  END IF;
  b := booking_lock(p_event, p_booking, p_user, true);
  IF b.status = 'RESERVED' AND b.expires_at > now() THEN
    UPDATE bookings SET release_asked_at = coalesce(release_asked_at, now())
      WHERE event_id = p_event AND booking_id = p_booking;
    r.outcome := 'asked';
    RETURN r;
  ELSIF b.status = 'RELEASED' THEN
    r.outcome := 'done';
  ELSIF b.status = 'HOLD' AND b.expires_at > now() THEN
    PERFORM claims_drop(b);
    UPDATE bookings SET status = 'RELEASED', ended_at = now(), version = version + 1
      WHERE event_id = p_event AND booking_id = p_booking AND status = 'HOLD' RETURNING * INTO b;
    r.outcome := 'moved';
  ELSE
    PERFORM booking_refuse(b);
  END IF;
  r.positions := '{}';
  r.booking := booking_show(b, false);
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'release', p_key, p_fingerprint, 200, r.booking, NULL);
  END IF;
  RETURN r;
END
$$;

-- CONFIRMED -> CANCELLED; with p_seats or p_sections only these go and the booking stays. Commits
-- asynchronously, since it changes a hot counter: the caller flushes before it answers.
CREATE FUNCTION cancel(p_event integer, p_booking uuid, p_user uuid, p_key text,
  p_fingerprint text, p_wait boolean, p_reason text, p_seats text[], p_sections text[],
  p_quantities integer[]) RETURNS move_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r      move_result;
  a      answers;
  b      bookings;
  v_part bookings;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  a := answer_find(p_event, p_user, 'cancel', p_key, p_fingerprint, p_wait);
  IF a.key IS NOT NULL THEN
    r.outcome := 'replay';
    r.booking := a.booking;
    RETURN r;
  END IF;
  b := booking_lock(p_event, p_booking, p_user, true);
  IF b.status IN ('CANCELLED', 'REFUNDED') THEN
    r.outcome := 'done';
  ELSIF b.status = 'CONFIRMED' THEN
    v_part := b;
    IF p_seats IS NOT NULL OR p_sections IS NOT NULL THEN
      v_part := booking_less(b, coalesce(p_seats, '{}'), coalesce(p_sections, '{}'),
        coalesce(p_quantities, '{}'));
    END IF;
    IF v_part.places = 0 OR (p_seats IS NULL AND p_sections IS NULL) THEN
      PERFORM claims_drop(b);
      UPDATE bookings SET status = 'CANCELLED', ended_at = now(), cancel_reason = p_reason,
          places = 0, version = version + 1
        WHERE event_id = p_event AND booking_id = p_booking AND status = 'CONFIRMED'
        RETURNING * INTO b;
    ELSE
      PERFORM claims_shrink(b, v_part);
      UPDATE bookings SET gone_positions = v_part.gone_positions,
          gone_quantities = v_part.gone_quantities, places = v_part.places, version = version + 1
        WHERE event_id = p_event AND booking_id = p_booking AND status = 'CONFIRMED'
        RETURNING * INTO b;
    END IF;
    r.outcome := 'moved';
  ELSE
    PERFORM booking_refuse(b);
  END IF;
  r.positions := CASE WHEN b.status = 'CONFIRMED' THEN booking_positions(b) ELSE '{}' END;
  r.booking := booking_show(b, false);
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'cancel', p_key, p_fingerprint, 200, r.booking, NULL);
  END IF;
  RETURN r;
END
$$;

-- The booking as it would be without some of what stands; HF122 names what does not stand in it, or
-- is asked for twice.
CREATE FUNCTION booking_less(b bookings, p_seats text[], p_sections text[], p_quantities integer[])
RETURNS bookings
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_positions integer[];
  v_wrong     text[];
  v_wrong_ga  text[];
  v_gone      integer[];
  v_less      integer;
BEGIN
  SELECT array_agg(s.position),
      array_agg(w.seat_id ORDER BY w.seat_id) FILTER (WHERE s.position IS NULL OR w.times > 1)
    INTO v_positions, v_wrong
    FROM (SELECT u.seat_id, count(*) AS times FROM unnest(p_seats) AS u (seat_id) GROUP BY 1) AS w
      LEFT JOIN seats s ON s.event_id = b.event_id
        AND s.seat_id = w.seat_id AND s.position = ANY (booking_positions(b));
  SELECT array_agg(DISTINCT w.section_id) INTO v_wrong_ga
    FROM (SELECT u.section_id, u.quantity, count(*) OVER (PARTITION BY u.section_id) AS times
        FROM unnest(p_sections, p_quantities) AS u (section_id, quantity)) AS w
    WHERE w.times > 1 OR NOT EXISTS (SELECT FROM sections c
        JOIN unnest(b.section_nos, b.quantities, b.gone_quantities) AS g (section_no, had, gone)
          USING (section_no)
      WHERE c.event_id = b.event_id AND c.section_id = w.section_id
        AND w.quantity BETWEEN 1 AND g.had - coalesce(g.gone, 0));
  IF v_wrong IS NOT NULL OR v_wrong_ga IS NOT NULL THEN
    RAISE EXCEPTION 'not items of this booking' USING ERRCODE = 'HF122',
      DETAIL = json_build_object('unknown_seats', coalesce(v_wrong, '{}'),
        'unknown_sections', coalesce(v_wrong_ga, '{}'), 'seated_sections', '{}'::text[]);
  END IF;
  IF cardinality(b.section_nos) > 0 THEN
    SELECT array_agg(coalesce(g.gone, 0) + coalesce(w.quantity, 0) ORDER BY g.at),
        coalesce(sum(w.quantity), 0)
      INTO v_gone, v_less
      FROM unnest(b.section_nos, b.gone_quantities) WITH ORDINALITY AS g (section_no, gone, at)
        LEFT JOIN sections c ON c.event_id = b.event_id AND c.section_no = g.section_no
        LEFT JOIN unnest(p_sections, p_quantities) AS w (section_id, quantity)
          ON w.section_id = c.section_id;
    IF v_less > 0 THEN
      b.gone_quantities := v_gone;
    END IF;
  END IF;
  b.gone_positions := b.gone_positions || coalesce(v_positions, '{}');
  b.places := b.places - coalesce(cardinality(v_positions), 0) - coalesce(v_less, 0);
  RETURN b;
END
$$;

-- Takes from the claims of a locked booking what stands in p_old and not in p_new.
CREATE FUNCTION claims_shrink(p_old bookings, p_new bookings) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_positions integer[] := ARRAY(SELECT p FROM unnest(p_new.gone_positions) AS p
    WHERE p <> ALL (p_old.gone_positions));
  v_rows      integer;
  v_expected  integer;
BEGIN
  DELETE FROM seat_claims WHERE event_id = p_old.event_id AND position = ANY (v_positions)
    AND booking_id = p_old.booking_id AND state = 'b';
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  IF v_rows <> cardinality(v_positions) THEN
    RAISE EXCEPTION 'booking % lacks claims', p_old.booking_id USING ERRCODE = 'XX001';
  END IF;
  IF p_new.gone_quantities IS NULL THEN
    RETURN;
  END IF;
  DELETE FROM ga_claims c
    USING unnest(p_new.section_nos, p_new.quantities, p_new.gone_quantities)
      AS g (section_no, had, gone)
    WHERE c.event_id = p_old.event_id AND c.section_no = g.section_no
      AND c.booking_id = p_old.booking_id AND g.had = g.gone;
  UPDATE ga_claims c SET quantity = g.had - g.gone
    FROM unnest(p_new.section_nos, p_new.quantities, p_new.gone_quantities)
      AS g (section_no, had, gone)
    WHERE c.event_id = p_old.event_id AND c.section_no = g.section_no
      AND c.booking_id = p_old.booking_id AND g.had > g.gone AND c.quantity <> g.had - g.gone;
  SELECT count(*) INTO v_rows FROM ga_claims c
      JOIN unnest(p_new.section_nos, p_new.quantities, p_new.gone_quantities)
        AS g (section_no, had, gone) ON c.section_no = g.section_no
    WHERE c.event_id = p_old.event_id AND c.booking_id = p_old.booking_id
      AND c.quantity = g.had - g.gone;
  SELECT count(*) INTO v_expected FROM unnest(p_new.quantities, p_new.gone_quantities) AS g (had, gone)
    WHERE g.had > g.gone;
  IF v_rows <> v_expected THEN
    RAISE EXCEPTION 'booking % lacks claims', p_old.booking_id USING ERRCODE = 'XX001';
  END IF;
END
$$;

-- One batch of tidying: gives back at most p_limit due claims of each kind that nobody has locked,
-- ends their bookings, and says which (event, booking) they were.
CREATE FUNCTION expire(p_limit integer) RETURNS TABLE (event_id integer, booking_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  v_event    integer;
  v_bookings uuid[];
  v_seats    jsonb; -- [[event, booking], …]
  v_ga       jsonb;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH due AS (
    SELECT c.event_id, c.position FROM seat_claims c
      WHERE c.state IN ('h', 'r') AND c.expires_at <= now()
      ORDER BY c.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM seat_claims c USING due
      WHERE c.event_id = due.event_id AND c.position = due.position AND c.expires_at <= now()
      RETURNING c.event_id, c.booking_id
  )
  SELECT coalesce(jsonb_agg(jsonb_build_array(g.event_id, g.booking_id)), '[]') INTO v_seats
    FROM gone g;
  WITH due AS (
    SELECT c.event_id, c.section_no, c.booking_id
      FROM ga_counts n CROSS JOIN LATERAL (
        SELECT d.event_id, d.section_no, d.booking_id FROM ga_claims d
          WHERE d.event_id = n.event_id AND d.section_no = n.section_no
            AND d.state IN ('h', 'r') AND d.expires_at <= now()
          ORDER BY d.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS c
      LIMIT p_limit
  ), gone AS (
    DELETE FROM ga_claims c USING due
      WHERE c.event_id = due.event_id AND c.section_no = due.section_no
        AND c.booking_id = due.booking_id AND c.expires_at <= now()
      RETURNING c.event_id, c.booking_id
  )
  SELECT coalesce(jsonb_agg(jsonb_build_array(g.event_id, g.booking_id)), '[]') INTO v_ga
    FROM gone g;
  FOR v_event, v_bookings IN
    SELECT (x.pair ->> 0)::integer, array_agg(DISTINCT (x.pair ->> 1)::uuid)
      FROM jsonb_array_elements(v_seats || v_ga) AS x (pair) GROUP BY 1 ORDER BY 1
  LOOP
    PERFORM bookings_close_due(v_event, v_bookings);
    RETURN QUERY SELECT v_event, i FROM unnest(v_bookings) AS i;
  END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION confirm, confirm_seats, release, cancel TO holdfast_booking;

COMMIT;
