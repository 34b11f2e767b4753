-- A payment begins: checkout, what the provider answered, and which payments it is to be asked about.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- What has become of a payment and its booking, for whoever must tell the filter and others.
--   outcome   confirmed, confirmed-late, unfulfilled, refunding, back-to-hold, released, noted, replay,
--             unknown
--   state     what the booking now holds its places as: h, r, b; '-': it holds none; null: as before
CREATE TYPE payment_result AS (
  outcome     text,
  event_id    integer,
  booking_id  uuid,
  user_id     uuid,
  state       text,
  deadline_ms bigint,    -- since 1970; -1: none
  positions   integer[],
  sections    text,      -- "FLOOR:2,BALCONY:1"
  pass        bigint     -- of a waiting room, spent by this
);

CREATE FUNCTION payment_outcome(p_outcome text, b bookings, p_state text) RETURNS payment_result
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT ROW(p_outcome, b.event_id, b.booking_id, b.user_id, p_state,
    CASE WHEN p_state IN ('h', 'r') THEN floor(extract(epoch FROM b.expires_at) * 1000)::bigint ELSE -1 END,
    CASE WHEN p_state = '-' THEN '{}' ELSE holdfast.booking_positions(b) END,
    CASE WHEN p_state = '-' THEN '' ELSE (
      SELECT coalesce(string_agg(c.section_id || ':' || g.had - coalesce(g.gone, 0), ',' ORDER BY c.section_no),
          '')
        FROM unnest(b.section_nos, b.quantities, b.gone_quantities) AS g (section_no, had, gone)
          JOIN holdfast.sections c ON c.event_id = b.event_id AND c.section_no = g.section_no
        WHERE g.had > coalesce(g.gone, 0)) END,
    CASE WHEN p_state = 'b' THEN b.pass END)::holdfast.payment_result
$$;

-- The payment of a reservation has come to nothing, so that it goes back to HOLD; or to RELEASED, which is
-- what its buyer has asked for meanwhile. b: as it was read; 40001 has the caller call again.
CREATE FUNCTION booking_unpaid(b bookings) RETURNS payment_result
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_wish boolean := b.release_asked_at IS NOT NULL;
  v_rows integer;
BEGIN
  b := booking_lock(b.event_id, b.booking_id, b.user_id, v_wish);
  IF b.status <> 'RESERVED' OR b.expires_at <= now() THEN
    RETURN payment_outcome('noted', b, NULL);
  ELSIF v_wish <> (b.release_asked_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a release has been asked for meanwhile' USING ERRCODE = '40001';
  ELSIF v_wish THEN
    v_rows := claims_drop(b);
    UPDATE bookings SET status = 'RELEASED', ended_at = now(), version = version + 1
      WHERE event_id = b.event_id AND booking_id = b.booking_id AND status = b.status RETURNING * INTO b;
  ELSE
    v_rows := claims_set(b, 'h', b.expires_at);
    UPDATE bookings SET status = 'HOLD', version = version + 1
      WHERE event_id = b.event_id AND booking_id = b.booking_id AND status = b.status RETURNING * INTO b;
  END IF;
  IF NOT claims_were_all(b, v_rows) THEN
    RAISE EXCEPTION 'a locked booking has changed' USING ERRCODE = 'XX001';
  END IF;
  RETURN CASE WHEN v_wish THEN payment_outcome('released', b, '-')
    ELSE payment_outcome('back-to-hold', b, 'h') END;
END
$$;

CREATE TYPE checkout_result AS (
  outcome      text,   -- new: create it at the provider; open: ask the provider for it; settled: it is paid
  positions    integer[],
  booking      booking_view,
  attempt      smallint,
  amount       bigint,
  pay_currency text,
  provider_id  text
);

-- HOLD -> RESERVED with a payment of exactly what the booking costs. Again: the same payment, and the next
-- attempt where the last has ended. p_key binds the key to this request; what is answered is asked of the
-- provider each time, since its secret is kept nowhere.
CREATE FUNCTION checkout(p_event integer, p_booking uuid, p_user uuid, p_key text, p_fingerprint text,
  p_wait boolean, p_provider text, p_grace_seconds integer, p_life_seconds integer) RETURNS checkout_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r         checkout_result;
  m         move_result;
  a         answers;
  b         bookings;
  p         payments;
  v_payment text;
BEGIN
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_user, 'checkout', p_key, p_fingerprint, p_wait);
  END IF;
  PERFORM payment_lock(p_booking);
  b := booking_of(p_event, p_booking, p_user);
  SELECT payment INTO v_payment FROM events WHERE event_id = p_event;
  IF b.status = 'CONFIRMED' AND b.attempts IS NOT NULL THEN
    r.outcome := 'settled';
    r.positions := booking_positions(b);
  ELSE
    IF b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now() AND (v_payment = 'none' OR b.total = 0) THEN
      RAISE EXCEPTION 'there is nothing to pay here: confirm the booking' USING ERRCODE = 'HF206',
        DETAIL = json_build_object('status', b.status);
    END IF;
    m := reserve(p_event, p_booking, p_user, p_grace_seconds, p_life_seconds);
    r.positions := m.positions;
    SELECT * INTO p FROM payments q
      WHERE q.event_id = p_event AND q.booking_id = p_booking AND q.status IN ('opening', 'open')
      FOR UPDATE;
    IF NOT FOUND THEN
      p := payment_begin(b, p_provider, NULL, 'opening', NULL);
    END IF;
    r.outcome := CASE p.status WHEN 'opening' THEN 'new' ELSE 'open' END;
  END IF;
  IF r.outcome = 'settled' THEN
    SELECT * INTO p FROM payments q WHERE q.event_id = p_event AND q.booking_id = p_booking
      ORDER BY q.captured - q.refunding DESC, q.attempt DESC LIMIT 1;
  END IF;
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
  r.booking := booking_show(b, false);
  r.attempt := p.attempt;
  r.amount := p.amount;
  r.pay_currency := p.currency;
  r.provider_id := p.provider_id;
  IF p_key IS NOT NULL AND a.key IS NULL THEN
    PERFORM answer_keep(p_event, p_user, 'checkout', p_key, p_fingerprint, 200, r.booking, NULL);
  END IF;
  RETURN r;
END
$$;

-- What the provider answered to a payment that was to be created: its id, or why it will not have it
-- (p_error). Then the booking goes back to HOLD, and the next checkout is another attempt.
CREATE FUNCTION payment_opened(p_event integer, p_booking uuid, p_attempt integer, p_provider_id text,
  p_error text) RETURNS payment_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r payment_result;
  b bookings;
  p payments;
BEGIN
  PERFORM payment_lock(p_booking);
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
  SELECT * INTO p FROM payments q
    WHERE q.event_id = p_event AND q.booking_id = p_booking AND q.attempt = p_attempt;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such payment' USING ERRCODE = 'HF104';
  END IF;
  r := payment_outcome('noted', b, NULL);
  IF p.status = 'opening' AND p_error IS NOT NULL THEN
    IF b.status = 'RESERVED' THEN
      r := booking_unpaid(b);
    END IF;
    UPDATE payments SET status = 'failed', error = left(p_error, 500), settled_at = now()
      WHERE event_id = p_event AND booking_id = p_booking AND attempt = p_attempt;
  ELSIF p.provider_id IS NULL AND p_provider_id IS NOT NULL THEN
    UPDATE payments SET provider_id = p_provider_id,
        status = CASE WHEN status = 'opening' THEN 'open' ELSE status END
      WHERE event_id = p_event AND booking_id = p_booking AND attempt = p_attempt;
  END IF;
  RETURN r;
END
$$;

-- Whether the provider is to be asked about an open payment: at once when nobody waits for it any more,
-- then and else at times; not for more than three days after its booking has ended.
CREATE FUNCTION payment_is_due(p_asked timestamptz, p_age_seconds integer, b bookings) RETURNS boolean
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT (p_asked <= now() - make_interval(secs => p_age_seconds) OR b.release_asked_at > p_asked
      OR b.ended_at > p_asked OR b.expires_at > p_asked AND b.expires_at <= now())
    AND coalesce(b.ended_at, b.expires_at) > now() - interval '3 days'
$$;

-- How many payments are open, and the provider is to be asked about.
CREATE FUNCTION payments_waiting(p_age_seconds integer) RETURNS TABLE (open bigint, due bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT count(*), count(*) FILTER (WHERE holdfast.payment_is_due(p.asked_at, p_age_seconds, b))
    FROM holdfast.payments p JOIN holdfast.bookings b USING (event_id, booking_id)
    WHERE p.status IN ('opening', 'open')
$$;

-- Payments that the provider is to be asked about, noted as asked. cancel: nobody waits for the payment
-- any more. One whose provider never answered is given up when the provider may have forgotten its key.
CREATE FUNCTION payments_due(p_limit integer, p_age_seconds integer)
RETURNS TABLE (event_id integer, booking_id uuid, attempt smallint, provider_id text, amount bigint,
  currency text, cancel boolean, status text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
BEGIN
  UPDATE payments p SET status = 'failed', settled_at = now(), error = 'The provider never answered.'
    FROM bookings k
    WHERE p.status = 'opening' AND p.created_at < now() - interval '20 hours'
      AND k.event_id = p.event_id AND k.booking_id = p.booking_id
      AND (k.status NOT IN ('HOLD', 'RESERVED') OR k.expires_at <= now());
  RETURN QUERY
    UPDATE payments p SET asked_at = now()
      FROM (SELECT q.event_id, q.booking_id, q.attempt,
            (k.status NOT IN ('HOLD', 'RESERVED') OR k.expires_at <= now()
              OR k.release_asked_at IS NOT NULL) AS cancel
          FROM payments q JOIN bookings k USING (event_id, booking_id)
          WHERE q.status IN ('opening', 'open') AND payment_is_due(q.asked_at, p_age_seconds, k)
          ORDER BY q.asked_at LIMIT p_limit FOR UPDATE OF q SKIP LOCKED) AS due
      WHERE p.event_id = due.event_id AND p.booking_id = due.booking_id AND p.attempt = due.attempt
      RETURNING p.event_id, p.booking_id, p.attempt, p.provider_id, p.amount, p.currency, due.cancel, p.status;
END
$$;

INSERT INTO job_schedule (name, every) VALUES ('payment-sweep', '1 minute');

GRANT EXECUTE ON FUNCTION checkout, payment_opened TO holdfast_payment;
GRANT EXECUTE ON FUNCTION payments_due, payments_waiting, payment_opened, job_begin, job_beat, job_end TO holdfast_payment_sweep;
GRANT EXECUTE ON FUNCTION event_shown, filter_event, filter_entries, filter_some, filter_used,
  filter_seats TO holdfast_payment, holdfast_payment_sweep;

COMMIT;
