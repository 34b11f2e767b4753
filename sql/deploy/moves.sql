-- The transitions out of HOLD: confirm, reserve, release. Each one locks claims in order, then
-- counters, then the booking, and is judged where it writes: what it was told before is only a hint.
-- A booking with one claim needs no lock before the write, since one claim is in order by itself.
--
-- The small functions without a search path of their own are called by those that fix it, and name
-- tables in full: to set it once more costs as much as what they do.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE TYPE move_result AS (
  outcome   text,       -- moved; done: it was so already; replay: the first answer again;
                        -- asked: a release that waits for a payment
  positions integer[],  -- those that stand, ascending
  booking   booking_view,
  pass      bigint      -- of a waiting room, spent by this confirm or an earlier one
);

-- The first answer of a keyed operation, if there is one; takes the key's lock.
CREATE FUNCTION answer_find(p_event integer, p_user uuid, p_operation text, p_key text,
  p_fingerprint text, p_wait boolean) RETURNS answers
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  a answers;
BEGIN
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
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO holdfast.answers (event_id, user_id, operation, key, fingerprint, status, booking, body)
    VALUES (p_event, p_user, p_operation, p_key, p_fingerprint, p_status, p_booking, p_body);
END
$$;

-- The caller's booking with its claims locked, and their counters (p_counts) where places are to be given
-- back: a move that only waits for the disk must not stand in the way of a whole section. HF104 if it is
-- nobody's or somebody else's. For the rarer moves, which judge before they write.
CREATE FUNCTION booking_lock(p_event integer, p_booking uuid, p_user uuid, p_counts boolean)
RETURNS bookings
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  b bookings := booking_of(p_event, p_booking, p_user);
BEGIN
  PERFORM claims_lock(b);
  IF p_counts AND b.section_nos <> '{}' THEN
    PERFORM FROM ga_counts
      WHERE event_id = p_event AND section_no = ANY (b.section_nos) ORDER BY section_no FOR UPDATE;
  END IF;
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking FOR UPDATE;
  RETURN b;
END
$$;

-- The caller's booking as it is, unlocked.
CREATE FUNCTION booking_of(p_event integer, p_booking uuid, p_user uuid) RETURNS bookings
LANGUAGE plpgsql AS $$
DECLARE
  b holdfast.bookings;
BEGIN
  SELECT * INTO b FROM holdfast.bookings WHERE event_id = p_event AND booking_id = p_booking;
  IF NOT FOUND OR b.user_id <> p_user THEN
    RAISE EXCEPTION 'no such booking' USING ERRCODE = 'HF104';
  END IF;
  RETURN b;
END
$$;

-- How many claim rows a booking should have: one a seat that stands, one a section that stands.
CREATE FUNCTION booking_claims_due(b bookings) RETURNS integer
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF b.gone_quantities IS NULL THEN
    RETURN cardinality(b.positions) - cardinality(b.gone_positions) + cardinality(b.section_nos);
  END IF;
  RETURN cardinality(b.positions) - cardinality(b.gone_positions)
    + (SELECT count(*) FROM unnest(b.quantities, b.gone_quantities) AS g (had, gone)
        WHERE g.had > g.gone);
END
$$;

-- Writes state and deadline into the claims that a booking still has, in lock order, and says how many
-- those were. A claim that is sold is not touched. Seat by seat, so that each is found by its whole
-- key: a plan for several might read every claim of the event.
CREATE FUNCTION claims_set(b bookings, p_state "char", p_expires timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_seats integer := 0;
  v_ga    integer := 0;
BEGIN
  FOR i IN 1 .. cardinality(b.positions) LOOP
    UPDATE holdfast.seat_claims SET state = p_state, expires_at = p_expires
      WHERE event_id = b.event_id AND position = b.positions[i] AND booking_id = b.booking_id
        AND state <> 'b';
    IF FOUND THEN
      v_seats := v_seats + 1;
    END IF;
  END LOOP;
  IF b.section_nos <> '{}' THEN
    IF cardinality(b.section_nos) > 1 THEN
      PERFORM FROM holdfast.ga_claims WHERE event_id = b.event_id AND booking_id = b.booking_id
        ORDER BY section_no FOR UPDATE;
    END IF;
    UPDATE holdfast.ga_claims SET state = p_state, expires_at = p_expires
      WHERE event_id = b.event_id AND booking_id = b.booking_id AND state <> 'b';
    GET DIAGNOSTICS v_ga = ROW_COUNT;
  END IF;
  RETURN v_seats + v_ga;
END
$$;

-- Locks the claims that a booking still has, in order, and says how many those are.
CREATE FUNCTION claims_lock(b bookings) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_seats integer := 0;
  v_ga    integer := 0;
BEGIN
  FOR i IN 1 .. cardinality(b.positions) LOOP
    PERFORM FROM holdfast.seat_claims
      WHERE event_id = b.event_id AND position = b.positions[i] AND booking_id = b.booking_id FOR UPDATE;
    IF FOUND THEN
      v_seats := v_seats + 1;
    END IF;
  END LOOP;
  IF b.section_nos <> '{}' THEN
    PERFORM FROM holdfast.ga_claims WHERE event_id = b.event_id AND booking_id = b.booking_id
      ORDER BY section_no FOR UPDATE;
    GET DIAGNOSTICS v_ga = ROW_COUNT;
  END IF;
  RETURN v_seats + v_ga;
END
$$;

-- Takes away the claims that a booking still has, in lock order, and says how many those were.
CREATE FUNCTION claims_drop(b bookings) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_seats integer := 0;
  v_ga    integer := 0;
BEGIN
  FOR i IN 1 .. cardinality(b.positions) LOOP
    DELETE FROM holdfast.seat_claims
      WHERE event_id = b.event_id AND position = b.positions[i] AND booking_id = b.booking_id;
    IF FOUND THEN
      v_seats := v_seats + 1;
    END IF;
  END LOOP;
  IF b.section_nos <> '{}' THEN
    IF cardinality(b.section_nos) > 1 THEN
      PERFORM FROM holdfast.ga_claims WHERE event_id = b.event_id AND booking_id = b.booking_id
        ORDER BY section_no FOR UPDATE;
    END IF;
    DELETE FROM holdfast.ga_claims WHERE event_id = b.event_id AND booking_id = b.booking_id;
    GET DIAGNOSTICS v_ga = ROW_COUNT;
  END IF;
  RETURN v_seats + v_ga;
END
$$;

-- A move that has written p_rows claims of a booking and then found it as b: false when it must be
-- undone, since somebody else has moved the booking meanwhile. A booking that was moved, but not with
-- all its claims, is not sound.
CREATE FUNCTION claims_were_all(b bookings, p_rows integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  IF b.booking_id IS NULL THEN
    RETURN false;
  ELSIF p_rows <> booking_claims_due(b) THEN
    RAISE EXCEPTION 'booking % has % of its % claims', b.booking_id, p_rows, booking_claims_due(b)
      USING ERRCODE = 'XX001';
  END IF;
  RETURN true;
END
$$;

-- What stands of a booking, ascending.
CREATE FUNCTION booking_positions(b bookings) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF b.gone_positions = '{}' THEN
    RETURN b.positions;
  END IF;
  RETURN ARRAY(SELECT p FROM unnest(b.positions) AS p WHERE p <> ALL (b.gone_positions) ORDER BY p);
END
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

-- HOLD or RESERVED -> CONFIRMED for a booking as it was read (p_paid: its money is there); returns it as
-- it then is, also where somebody else has confirmed it meanwhile (confirmed_at is not now()).
CREATE FUNCTION booking_confirm(b bookings, p_paid boolean) RETURNS bookings
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  c      bookings;
  e      record;
  v_open text[] := '{HOLD,RESERVED}';
  v_rows integer;
BEGIN
  IF b.status NOT IN ('HOLD', 'RESERVED') OR b.expires_at <= now() THEN
    PERFORM booking_refuse(b);
  END IF;
  SELECT status, payment, sales_start, sales_end INTO e FROM events WHERE event_id = b.event_id;
  IF e.status = 'cancelled' THEN
    RAISE EXCEPTION 'the event is cancelled' USING ERRCODE = 'HF203',
      DETAIL = sales_window(e.status, e.sales_start, e.sales_end);
  ELSIF e.payment <> 'none' AND b.total > 0 AND NOT p_paid THEN
    RAISE EXCEPTION 'the booking must be paid first' USING ERRCODE = 'HF207';
  END IF;
  v_rows := claims_set(b, 'b', 'infinity');
  UPDATE bookings SET status = 'CONFIRMED', confirmed_at = now(), version = version + 1
    WHERE event_id = b.event_id AND booking_id = b.booking_id
      AND status = ANY (v_open) AND expires_at > now()
    RETURNING * INTO c;
  IF NOT claims_were_all(c, v_rows) THEN
    SELECT * INTO c FROM bookings WHERE event_id = b.event_id AND booking_id = b.booking_id;
    IF v_rows > 0 OR c.status <> 'CONFIRMED' THEN
      PERFORM booking_refuse(c);
    END IF;
  ELSE
    -- The event may have been free of charge only since the buyer began to pay.
    IF NOT p_paid AND c.attempts IS NOT NULL AND EXISTS (SELECT FROM payments p
        WHERE p.event_id = c.event_id AND p.booking_id = c.booking_id AND p.status IN ('opening', 'open')) THEN
      RAISE EXCEPTION 'a payment of it is under way' USING ERRCODE = 'HF208';
    END IF;
    PERFORM notice_write(c.event_id, c.booking_id, 'booking.confirmed', '{}');
  END IF;
  -- After claims and booking, in the order of locks.
  IF b.pass IS NOT NULL THEN
    INSERT INTO passes_spent (event_id, user_id, pass) VALUES (b.event_id, b.user_id, b.pass)
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN c;
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
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_user, 'confirm', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      r.outcome := 'replay';
      r.booking := a.booking;
      RETURN r;
    END IF;
  END IF;
  b := booking_of(p_event, p_booking, p_user);
  r.outcome := 'done';
  IF b.status <> 'CONFIRMED' THEN
    b := booking_confirm(b, false);
    IF b.confirmed_at = now() THEN
      r.outcome := 'moved';
    END IF;
  END IF;
  r.positions := booking_positions(b);
  r.booking := booking_show(b, false);
  r.pass := b.pass;
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'confirm', p_key, p_fingerprint, 200, r.booking, NULL);
  END IF;
  RETURN r;
END
$$;

-- A locked booking and its claims become this: HOLD or RESERVED until its deadline as b has it, or RELEASED.
CREATE FUNCTION booking_put(b bookings, p_status text) RETURNS bookings
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_rows integer := CASE p_status WHEN 'HOLD' THEN claims_set(b, 'h', b.expires_at)
    WHEN 'RESERVED' THEN claims_set(b, 'r', b.expires_at) ELSE claims_drop(b) END;
BEGIN
  UPDATE bookings SET status = p_status, expires_at = b.expires_at, version = version + 1,
      ended_at = CASE WHEN p_status = 'RELEASED' THEN now() END
    WHERE event_id = b.event_id AND booking_id = b.booking_id AND status = b.status RETURNING * INTO b;
  IF NOT claims_were_all(b, v_rows) THEN
    RAISE EXCEPTION 'a locked booking has changed' USING ERRCODE = 'XX001';
  END IF;
  RETURN b;
END
$$;

-- HOLD -> RESERVED: a payment begins. Again: the same reservation, unless nobody is to pay it any more.
CREATE FUNCTION reserve(p_event integer, p_booking uuid, p_user uuid, p_grace_seconds integer,
  p_life_seconds integer) RETURNS move_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r move_result;
  b bookings;
  e record;
BEGIN
  b := booking_lock(p_event, p_booking, p_user, false);
  IF b.status NOT IN ('HOLD', 'RESERVED') OR b.expires_at <= now() THEN
    PERFORM booking_refuse(b);
  END IF;
  SELECT status, sales_start, sales_end INTO e FROM events WHERE event_id = p_event;
  IF e.status = 'cancelled' THEN
    RAISE EXCEPTION 'the event is cancelled' USING ERRCODE = 'HF203',
      DETAIL = sales_window(e.status, e.sales_start, e.sales_end);
  ELSIF b.release_asked_at IS NOT NULL THEN
    RAISE EXCEPTION 'the payment is being cancelled first: a release was asked for' USING ERRCODE = 'HF208';
  END IF;
  r.outcome := 'done';
  IF b.status = 'HOLD' THEN
    b.expires_at := greatest(b.expires_at, date_trunc('milliseconds', least(
      now() + make_interval(secs => p_grace_seconds),
      b.created_at + make_interval(secs => p_life_seconds))));
    b := booking_put(b, 'RESERVED');
    r.outcome := 'moved';
  END IF;
  r.positions := booking_positions(b);
  r.booking := booking_show(b, false);
  RETURN r;
END
$$;

-- HOLD -> RELEASED. A reservation is not released while its payment is open: the wish is noted. Where a
-- payment begins or ends in the same moment, 40001 has the caller call again, and judge what is then.
CREATE FUNCTION release(p_event integer, p_booking uuid, p_user uuid, p_key text,
  p_fingerprint text, p_wait boolean) RETURNS move_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r      move_result;
  a      answers;
  b      bookings;
  c      bookings;
  v_off  text;
  v_rows integer := 0;
BEGIN
  v_off := set_config('synchronous_commit', 'off', true);
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_user, 'release', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      r.outcome := 'replay';
      r.booking := a.booking;
      RETURN r;
    END IF;
  END IF;
  b := booking_of(p_event, p_booking, p_user);
  IF b.status = 'HOLD' AND b.expires_at > now() THEN
    v_rows := claims_drop(b);
    UPDATE bookings SET status = 'RELEASED', ended_at = now(), version = version + 1
      WHERE event_id = p_event AND booking_id = p_booking AND status = b.status AND expires_at > now()
      RETURNING * INTO c;
    IF claims_were_all(c, v_rows) THEN
      b := c;
      r.outcome := 'moved';
      IF b.attempts IS NOT NULL THEN
        UPDATE payments SET ends_at = now()
          WHERE event_id = p_event AND booking_id = p_booking AND settled_at IS NULL;
      END IF;
    ELSE
      b := booking_of(p_event, p_booking, p_user);
    END IF;
  END IF;
  IF r.outcome IS NULL THEN
    IF v_rows = 0 AND b.status = 'RESERVED' AND b.expires_at > now() THEN
      UPDATE bookings SET release_asked_at = coalesce(release_asked_at, now())
        WHERE event_id = p_event AND booking_id = p_booking AND status = b.status;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'the payment has ended meanwhile' USING ERRCODE = '40001';
      END IF;
      UPDATE payments SET ends_at = '-infinity'
        WHERE event_id = p_event AND booking_id = p_booking AND settled_at IS NULL;
      r.outcome := 'asked';
      RETURN r;
    ELSIF v_rows > 0 AND b.status = 'RESERVED' THEN
      RAISE EXCEPTION 'a payment has begun meanwhile' USING ERRCODE = '40001';
    ELSIF v_rows > 0 OR b.status <> 'RELEASED' THEN
      PERFORM booking_refuse(b);
    END IF;
    r.outcome := 'done';
  END IF;
  r.positions := '{}';
  r.booking := booking_show(b, false);
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'release', p_key, p_fingerprint, 200, r.booking, NULL);
  END IF;
  RETURN r;
END
$$;

GRANT EXECUTE ON FUNCTION confirm, release TO holdfast_booking;

COMMIT;
