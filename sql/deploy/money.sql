-- Money arrives, or it is told that it will not: by the provider, or by the word of staff.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- The identical places of an ended booking once more, sold to it at once: free ones, and due ones as a
-- hold takes them over, its own leftovers among them. All or none; never a place that somebody else has.
CREATE FUNCTION claims_again(b bookings) RETURNS boolean
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_from  uuid[] := ARRAY[b.booking_id];
  v_claim uuid;
BEGIN
  BEGIN
    FOR i IN 1 .. cardinality(b.positions) LOOP
      INSERT INTO seat_claims AS k (event_id, position, booking_id, state, expires_at)
        VALUES (b.event_id, b.positions[i], b.booking_id, 'b', 'infinity')
        ON CONFLICT (event_id, position) DO UPDATE
          SET taken_from = k.booking_id, booking_id = excluded.booking_id,
            state = excluded.state, expires_at = excluded.expires_at
          WHERE k.expires_at <= now()
        RETURNING k.taken_from INTO v_claim;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'the seat is not free' USING ERRCODE = 'HF201';
      END IF;
      v_from := v_from || v_claim;
    END LOOP;
    IF b.section_nos <> '{}' THEN
      v_from := v_from || ga_give_back(b.event_id, b.section_nos, true);
      FOR i IN 1 .. cardinality(b.section_nos) LOOP
        INSERT INTO ga_claims AS k (event_id, section_no, booking_id, quantity, state, expires_at)
          VALUES (b.event_id, b.section_nos[i], b.booking_id, b.quantities[i], 'b', 'infinity')
          ON CONFLICT (event_id, booking_id, section_no) DO UPDATE
            SET state = excluded.state, expires_at = excluded.expires_at WHERE k.expires_at <= now();
        IF NOT FOUND THEN
          RAISE EXCEPTION 'the places are not free' USING ERRCODE = 'HF201';
        END IF;
      END LOOP;
    END IF;
    PERFORM bookings_close_due(b.event_id, array_remove(v_from, NULL));
  EXCEPTION WHEN SQLSTATE 'HF201' OR SQLSTATE 'HF290' THEN
    RETURN false;
  END;
  RETURN true;
END
$$;

-- EXPIRED or RELEASED, or due -> CONFIRMED, where its places could be had again; null where not. One that
-- was due may itself have kept them: by an extend or a confirm that arrived in time and was waited for here.
-- 40001 has the caller call again, and judge what is then.
CREATE FUNCTION booking_confirm_late(b bookings) RETURNS bookings
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF NOT claims_again(b) THEN
    IF (SELECT k.version FROM bookings k WHERE k.event_id = b.event_id AND k.booking_id = b.booking_id) <> b.version THEN
      RAISE EXCEPTION 'the booking has moved meanwhile' USING ERRCODE = '40001';
    END IF;
    RETURN NULL;
  END IF;
  UPDATE bookings SET status = 'CONFIRMED', confirmed_at = now(), ended_at = NULL, late = true, version = version + 1
    WHERE event_id = b.event_id AND booking_id = b.booking_id RETURNING * INTO b;
  PERFORM notice_write(b.event_id, b.booking_id, 'booking.confirmed', '{"late": true}');
  IF b.pass IS NOT NULL THEN
    INSERT INTO passes_spent (event_id, user_id, pass) VALUES (b.event_id, b.user_id, b.pass)
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN b;
END
$$;

-- A booking whose buyer has paid and gets no places: they are gone, or there is no event any more.
CREATE FUNCTION booking_unfulfilled(b bookings) RETURNS bookings
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  PERFORM bookings_close_due(b.event_id, ARRAY[b.booking_id]);
  UPDATE bookings SET status = 'PAID_UNFULFILLED', version = version + 1
    WHERE event_id = b.event_id AND booking_id = b.booking_id RETURNING * INTO b;
  PERFORM notice_write(b.event_id, b.booking_id, 'booking.unfulfilled',
    jsonb_build_object('amount', b.total, 'currency', b.currency));
  RETURN b;
END
$$;

-- What the right money does to its booking, as that was read; 40001 has the caller call again.
CREATE FUNCTION booking_paid(b bookings, p_cancelled boolean) RETURNS payment_result
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  c bookings;
BEGIN
  IF b.status NOT IN ('HOLD', 'RESERVED', 'EXPIRED', 'RELEASED') THEN
    RETURN payment_outcome('refunding', b, NULL);
  ELSIF b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now() THEN
    b := booking_lock(b.event_id, b.booking_id, b.user_id, p_cancelled);
    IF b.status NOT IN ('HOLD', 'RESERVED') THEN
      RAISE EXCEPTION 'the booking has ended meanwhile' USING ERRCODE = '40001';
    ELSIF NOT p_cancelled THEN
      RETURN payment_outcome('confirmed', booking_confirm(b, true), 'b');
    END IF;
    b := booking_put(b, 'RELEASED');
  ELSIF NOT p_cancelled THEN
    c := booking_confirm_late(b);
    IF c.booking_id IS NOT NULL THEN
      RETURN payment_outcome('confirmed-late', c, 'b');
    END IF;
  END IF;
  RETURN payment_outcome('unfulfilled', booking_unfulfilled(b), '-');
END
$$;

-- Money has arrived: for the booking, or to go back.
CREATE FUNCTION payment_arrived(b bookings, p payments, p_captured bigint, p_currency text)
RETURNS payment_result
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  r           payment_result;
  v_cancelled boolean := (SELECT e.status = 'cancelled' FROM events e WHERE e.event_id = b.event_id);
  v_right     boolean := p_captured = p.amount AND p_currency = p.currency;
BEGIN
  IF v_right THEN
    r := booking_paid(b, v_cancelled);
  ELSIF b.status = 'RESERVED' THEN
    r := booking_unpaid(b);
    r.outcome := 'refunding';
  ELSE
    r := payment_outcome('refunding', b, NULL);
  END IF;
  UPDATE payments SET status = 'succeeded', captured = p_captured, settled_at = now(), error = NULL,
      captured_currency = nullif(p_currency, currency)
    WHERE event_id = p.event_id AND booking_id = p.booking_id AND attempt = p.attempt RETURNING * INTO p;
  PERFORM notice_write(b.event_id, b.booking_id, 'payment.succeeded', payment_notice(p));
  IF r.outcome IN ('unfulfilled', 'refunding') AND p.captured > 0 THEN
    PERFORM refund_ask(p, p.captured, CASE WHEN NOT v_right THEN 'mismatch'
      WHEN r.outcome = 'refunding' THEN 'duplicate' WHEN v_cancelled THEN 'event-cancelled' ELSE 'late' END);
  END IF;
  RETURN r;
END
$$;

CREATE FUNCTION payment_notice(p payments) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT jsonb_build_object('payment_id', p.provider_id, 'provider', p.provider,
    'amount', CASE WHEN p.captured > 0 THEN p.captured ELSE p.amount END,
    'currency', coalesce(p.captured_currency, p.currency))
$$;

-- The payment that a provider speaks of: by its id there, or by what was written on it when it was
-- created, where the answer to that was lost.
CREATE FUNCTION payment_find(p_provider text, p_provider_id text, p_event integer, p_booking uuid,
  p_attempt integer) RETURNS payments
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  p payments;
BEGIN
  SELECT * INTO p FROM payments q WHERE q.provider = p_provider AND q.provider_id = p_provider_id;
  IF NOT FOUND THEN
    SELECT * INTO p FROM payments q
      WHERE q.event_id = p_event AND q.booking_id = p_booking AND q.attempt = p_attempt
        AND q.provider = p_provider AND q.provider_id IS NULL;
  END IF;
  RETURN p;
END
$$;

-- What a provider says of a payment: in a notice, which acts once, or when it is asked (p_notice null).
-- p_status: succeeded, failed (declined; the buyer may try again), cancelled, processing or open. p_decline
-- names the try that was declined. The payment shows it until the next one has ended: it counts when it is
-- first told, and the buyer may be at the next by then. Changes hot counters where money comes late, so
-- that it commits asynchronously: the caller flushes before it tells anybody.
CREATE FUNCTION payment_told(p_provider text, p_provider_id text, p_event integer, p_booking uuid,
  p_attempt integer, p_notice text, p_status text, p_captured bigint, p_currency text, p_error text,
  p_decline text)
RETURNS payment_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r       payment_result;
  b       bookings;
  p       payments := payment_find(p_provider, p_provider_id, p_event, p_booking, p_attempt);
  v_off   text;
  v_since timestamptz; -- it is under way
  v_again boolean;     -- a decline that is known
BEGIN
  v_off := set_config('synchronous_commit', 'off', true);
  p_event := coalesce(p.event_id, p_event);
  p_booking := coalesce(p.booking_id, p_booking);
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
  IF NOT FOUND OR p.booking_id IS NULL AND p_status <> 'succeeded' THEN
    r.outcome := 'unknown';
    RETURN r;
  END IF;
  IF p_notice IS NOT NULL THEN
    INSERT INTO payment_notices (provider, notice_id) VALUES (p_provider, p_notice) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      RETURN payment_outcome('replay', b, NULL);
    END IF;
  END IF;
  PERFORM payment_lock(p_booking);
  p := payment_find(p_provider, p_provider_id, p_event, p_booking, p_attempt);
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
  IF p.booking_id IS NULL THEN
    -- Created at the provider a second time, after it had forgotten the first: still somebody's money.
    b := booking_lock(p_event, p_booking, b.user_id, true);
    p := payment_begin(b, p_provider, p_provider_id, 'failed', NULL);
  END IF;
  v_again := p_status = 'failed' AND coalesce(p_decline = p.declined, false);
  IF p_status = 'succeeded' AND p.status <> 'succeeded' THEN
    r := payment_arrived(b, p, p_captured, upper(p_currency));
  ELSIF p_status IN ('failed', 'cancelled') AND p.status IN ('opening', 'open') AND b.status = 'RESERVED'
      AND (p_status = 'cancelled' OR b.release_asked_at IS NULL) AND NOT v_again THEN
    r := booking_unpaid(b);
  ELSE
    r := payment_outcome('noted', b, NULL);
  END IF;
  IF p_status = 'processing' THEN
    v_since := coalesce(p.processing_since, now());
  END IF;
  UPDATE payments SET provider_id = coalesce(provider_id, p_provider_id),
      asked_at = CASE WHEN v_since IS NULL AND processing_since IS NOT NULL THEN now()
        ELSE payment_asked(v_since, b) END, processing_since = v_since,
      status = CASE WHEN status NOT IN ('opening', 'open') THEN status
        WHEN p_status = 'cancelled' THEN 'cancelled' ELSE 'open' END,
      settled_at = CASE WHEN status IN ('opening', 'open') AND p_status = 'cancelled' THEN now()
        ELSE settled_at END,
      error = CASE WHEN status IN ('opening', 'open') THEN coalesce(left(p_error, 500), error) ELSE error END,
      declined = coalesce(left(p_decline, 255), declined)
    WHERE event_id = p.event_id AND booking_id = p.booking_id AND attempt = p.attempt RETURNING * INTO p;
  IF p_status = 'failed' AND NOT v_again AND (r.outcome <> 'noted' OR p_notice IS NOT NULL AND p.status = 'open') THEN
    PERFORM notice_write(p.event_id, p.booking_id, 'payment.failed', payment_notice(p));
  END IF;
  RETURN r;
END
$$;

CREATE TYPE paid_result AS (
  outcome   text, -- moved; done: it was confirmed already; replay: the first answer again
  positions integer[],
  booking   booking_view,
  pass      bigint,
  user_id   uuid,    -- whose booking it is
  revived   bigint   -- booking_revived()
);

-- The word of staff that a booking was paid elsewhere: of one that is held, or of one that has ended and
-- whose places can still be had.
CREATE FUNCTION paid(p_event integer, p_booking uuid, p_staff uuid, p_all boolean, p_key text,
  p_fingerprint text, p_wait boolean, p_reference text) RETURNS paid_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r     paid_result;
  a     answers;
  b     bookings;
  c     bookings;
  e     record;
  p     payments;
  v_off text;
BEGIN
  v_off := set_config('synchronous_commit', 'off', true);
  PERFORM staff_check(p_staff, p_all);
  SELECT organizer_id, status, sales_start, sales_end INTO e FROM events WHERE event_id = p_event;
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
  IF NOT FOUND OR NOT p_all AND e.organizer_id <> p_staff THEN
    RAISE EXCEPTION 'no such booking' USING ERRCODE = 'HF104';
  END IF;
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_staff, 'paid', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      r.outcome := 'replay';
      r.booking := a.booking;
      RETURN r;
    END IF;
  END IF;
  PERFORM payment_lock(p_booking);
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
  r.outcome := 'done';
  r.user_id := b.user_id;
  IF b.status <> 'CONFIRMED' THEN
    r.outcome := 'moved';
    IF e.status = 'cancelled' THEN
      RAISE EXCEPTION 'the event is cancelled' USING ERRCODE = 'HF203',
        DETAIL = sales_window(e.status, e.sales_start, e.sales_end);
    ELSIF b.status = 'RESERVED' AND b.expires_at > now() THEN
      RAISE EXCEPTION 'a payment of it is under way' USING ERRCODE = 'HF208';
    ELSIF b.status = 'HOLD' AND b.expires_at > now() THEN
      b := booking_confirm(b, true);
    ELSIF b.status IN ('HOLD', 'RESERVED', 'EXPIRED', 'RELEASED') THEN
      c := booking_confirm_late(b);
      IF c.booking_id IS NULL THEN
        RAISE EXCEPTION 'its places are not available any more' USING ERRCODE = 'HF201',
          DETAIL = json_build_object('seat_ids', ARRAY(
            SELECT s.seat_id FROM seat_claims k JOIN seats s USING (event_id, position)
              WHERE k.event_id = p_event AND k.position = ANY (b.positions) AND k.expires_at > now()
              ORDER BY k.position));
      END IF;
      b := c;
    ELSE
      PERFORM booking_refuse(b);
    END IF;
    IF b.total > 0 THEN
      p := payment_begin(b, 'elsewhere', NULL, 'succeeded', p_reference);
      b.attempts := p.attempt;
      PERFORM notice_write(p_event, p_booking, 'payment.succeeded', payment_notice(p));
    END IF;
  END IF;
  r.positions := booking_positions(b);
  r.booking := booking_show(b, false);
  r.pass := b.pass;
  r.revived := booking_revived(b);
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_staff, 'paid', p_key, p_fingerprint, 200, r.booking, NULL);
  END IF;
  RETURN r;
END
$$;

GRANT EXECUTE ON FUNCTION payment_told TO holdfast_payment, holdfast_payment_sweep, holdfast_webhooks;
GRANT EXECUTE ON FUNCTION paid, event_shown, filter_known, filter_event, filter_entries, filter_some, filter_used, filter_seats
  TO holdfast_admin;

COMMIT;
