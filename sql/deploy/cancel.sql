-- Cancel: of a whole booking, or of some of its items.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- One row a cancel, of all that stood or of a part of it: a booking itself tells only what is left, and
-- neither when the rest went nor what it cost. version: the booking's, as it was after.
CREATE TABLE booking_cancels (
  event_id     integer NOT NULL,
  booking_id   uuid NOT NULL,
  version      integer NOT NULL,
  cancelled_at timestamptz NOT NULL DEFAULT now(),
  whole        boolean NOT NULL,              -- it ended the booking
  places       integer NOT NULL,
  amount       bigint NOT NULL,
  refund       bigint NOT NULL,               -- what of it goes back
  currency     text NOT NULL,
  PRIMARY KEY (event_id, booking_id, version)
);
CREATE INDEX booking_cancels_time ON booking_cancels (cancelled_at);

-- In place of CHECKs, as with bookings.
CREATE FUNCTION booking_cancel_written() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.places > 0 AND NEW.amount >= 0 AND NEW.refund BETWEEN 0 AND NEW.amount THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a cancel would not be sound' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER booking_cancel_written BEFORE INSERT OR UPDATE ON booking_cancels
  FOR EACH ROW EXECUTE FUNCTION booking_cancel_written();

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
  c      bookings;
  v_off  text;
BEGIN
  v_off := set_config('synchronous_commit', 'off', true);
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_user, 'cancel', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      r.outcome := 'replay';
      r.booking := a.booking;
      RETURN r;
    END IF;
  END IF;
  b := booking_of(p_event, p_booking, p_user);
  r.outcome := 'done';
  IF b.status NOT IN ('CANCELLED', 'REFUNDED') THEN
    IF p_seats IS NULL AND p_sections IS NULL THEN
      c := booking_cancel(b, p_reason);
    ELSE
      c := booking_cancel_part(b, p_reason, coalesce(p_seats, '{}'), coalesce(p_sections, '{}'),
        coalesce(p_quantities, '{}'));
    END IF;
    IF c.booking_id IS NULL THEN
      b := booking_of(p_event, p_booking, p_user);
    ELSE
      b := c;
      r.outcome := 'moved';
    END IF;
  END IF;
  r.positions := CASE WHEN b.status = 'CONFIRMED' THEN booking_positions(b) ELSE '{}' END;
  r.booking := booking_show(b, false);
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'cancel', p_key, p_fingerprint, 200, r.booking, NULL);
  END IF;
  -- The last of its locks, since a whole section waits for a counter until the commit. In order all the
  -- same: nobody who has a counter waits for the row of a confirmed booking, or for its payments, without
  -- having locked its claims.
  IF r.outcome = 'moved' AND b.status <> 'CONFIRMED' THEN
    IF claims_drop(b) <> booking_claims_due(b) THEN
      RAISE EXCEPTION 'booking % had other claims', b.booking_id USING ERRCODE = 'XX001';
    END IF;
  END IF;
  RETURN r;
END
$$;

-- A whole booking as it was read, but for its claims, which are locked; returns it as it then is: null where
-- somebody else has cancelled it meanwhile.
CREATE FUNCTION booking_cancel(b bookings, p_reason text) RETURNS bookings
LANGUAGE plpgsql AS $$
DECLARE
  c        holdfast.bookings;
  v_worth  record;
  v_refund bigint;
  v_rows   integer;
BEGIN
  IF b.status <> 'CONFIRMED' THEN
    PERFORM booking_refuse(b);
  END IF;
  v_rows := claims_lock(b);
  UPDATE holdfast.bookings SET status = 'CANCELLED', ended_at = now(), cancel_reason = p_reason, places = 0,
      version = version + 1
    WHERE event_id = b.event_id AND booking_id = b.booking_id AND status = b.status
    RETURNING * INTO c;
  IF NOT claims_were_all(c, v_rows) THEN
    SELECT * INTO c FROM holdfast.bookings WHERE event_id = b.event_id AND booking_id = b.booking_id;
    IF v_rows > 0 OR c.status NOT IN ('CANCELLED', 'REFUNDED') THEN
      PERFORM booking_refuse(c);
    END IF;
    RETURN NULL;
  END IF;
  v_worth := booking_worth(c);
  v_refund := CASE WHEN c.attempts IS NULL THEN 0 ELSE refund_possible(c, v_worth.amount) END;
  INSERT INTO holdfast.booking_cancels (event_id, booking_id, version, whole, places, amount, refund, currency)
    VALUES (c.event_id, c.booking_id, c.version, true, v_worth.places, v_worth.amount, v_refund, c.currency);
  -- As it was found under its locks: parts may have gone since it was read. What went of a small one the
  -- publisher adds, who takes many at once.
  PERFORM notice_write(c.event_id, c.booking_id, 'booking.cancelled',
    CASE WHEN v_worth.places > 20 THEN notice_cancelled(c, c, v_worth.amount, v_refund)
      ELSE jsonb_build_object('amount', v_worth.amount, 'refund', v_refund) END);
  IF v_refund > 0 THEN
    PERFORM refund_cancelled(c, v_refund);
  END IF;
  RETURN c;
END
$$;

-- What stands of a booking by its items, also once it has been cancelled as a whole. In loops: a
-- function in plain SQL would be planned anew at every call.
CREATE FUNCTION booking_worth(b bookings, OUT places integer, OUT amount bigint)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  v_stands integer;
BEGIN
  places := 0;
  amount := 0;
  FOR i IN 1 .. cardinality(b.positions) LOOP
    IF b.positions[i] <> ALL (b.gone_positions) THEN
      places := places + 1;
      amount := amount + b.seat_prices[i];
    END IF;
  END LOOP;
  FOR i IN 1 .. cardinality(b.section_nos) LOOP
    v_stands := b.quantities[i] - coalesce(b.gone_quantities[i], 0);
    places := places + v_stands;
    amount := amount + v_stands * b.section_prices[i];
  END LOOP;
END
$$;

-- Some items of a booking; the last ones end it. Null as above.
CREATE FUNCTION booking_cancel_part(b bookings, p_reason text, p_seats text[], p_sections text[],
  p_quantities integer[]) RETURNS bookings
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_old    bookings;
  v_part   bookings;
  v_had    record;
  v_worth  record;
  v_refund bigint;
BEGIN
  b := booking_lock(b.event_id, b.booking_id, b.user_id, true);
  IF b.status IN ('CANCELLED', 'REFUNDED') THEN
    RETURN NULL;
  ELSIF b.status <> 'CONFIRMED' THEN
    PERFORM booking_refuse(b);
  END IF;
  v_part := booking_less(b, p_seats, p_sections, p_quantities);
  IF v_part.places = 0 THEN
    RETURN booking_cancel(b, p_reason);
  END IF;
  PERFORM claims_shrink(b, v_part);
  v_had := booking_worth(b);
  v_old := b;
  UPDATE bookings SET gone_positions = v_part.gone_positions,
      gone_quantities = v_part.gone_quantities, places = v_part.places, version = version + 1
    WHERE event_id = b.event_id AND booking_id = b.booking_id AND status = b.status
    RETURNING * INTO b;
  v_worth := booking_worth(b);
  v_refund := refund_possible(b, v_had.amount - v_worth.amount);
  INSERT INTO booking_cancels (event_id, booking_id, version, whole, places, amount, refund, currency)
    VALUES (b.event_id, b.booking_id, b.version, false, v_had.places - v_worth.places,
      v_had.amount - v_worth.amount, v_refund, b.currency);
  PERFORM notice_write(b.event_id, b.booking_id, 'booking.cancelled',
    notice_cancelled(v_old, b, v_had.amount - v_worth.amount, v_refund));
  PERFORM refund_cancelled(b, v_refund);
  RETURN b;
END
$$;

-- The booking as it would be without some of what stands; HF122 names what does not stand in it, or is asked
-- for twice, and how many places stand of the sections of which more are asked for.
CREATE FUNCTION booking_less(b bookings, p_seats text[], p_sections text[], p_quantities integer[])
RETURNS bookings
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_positions integer[];
  v_wrong     text[];
  v_wrong_ga  text[];
  v_standing  json; -- of those of which more are asked for
  v_gone      integer[];
  v_less      integer;
BEGIN
  SELECT array_agg(s.position),
      array_agg(w.seat_id ORDER BY w.seat_id) FILTER (WHERE s.position IS NULL OR w.times > 1)
    INTO v_positions, v_wrong
    FROM (SELECT u.seat_id, count(*) AS times FROM unnest(p_seats) AS u (seat_id) GROUP BY 1) AS w
      LEFT JOIN seats s ON s.event_id = b.event_id
        AND s.seat_id = w.seat_id AND s.position = ANY (booking_positions(b));
  SELECT array_agg(DISTINCT w.section_id) FILTER (WHERE w.times > 1 OR w.quantity < 1 OR coalesce(g.stands, 0) = 0),
      json_object_agg(w.section_id, g.stands) FILTER (WHERE w.times = 1 AND g.stands BETWEEN 1 AND w.quantity - 1)
    INTO v_wrong_ga, v_standing
    FROM (SELECT u.section_id, u.quantity, count(*) OVER (PARTITION BY u.section_id) AS times
        FROM unnest(p_sections, p_quantities) AS u (section_id, quantity)) AS w
      LEFT JOIN (SELECT c.section_id, h.had - coalesce(h.gone, 0) AS stands
          FROM unnest(b.section_nos, b.quantities, b.gone_quantities) AS h (section_no, had, gone)
            JOIN sections c ON c.event_id = b.event_id AND c.section_no = h.section_no) AS g USING (section_id);
  IF v_wrong IS NOT NULL OR v_wrong_ga IS NOT NULL OR v_standing IS NOT NULL THEN
    RAISE EXCEPTION 'not items of this booking' USING ERRCODE = 'HF122',
      DETAIL = json_build_object('other_seats', coalesce(v_wrong, '{}'),
        'other_sections', coalesce(v_wrong_ga, '{}'), 'standing', coalesce(v_standing, '{}'));
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

GRANT EXECUTE ON FUNCTION cancel TO holdfast_booking;

COMMIT;
