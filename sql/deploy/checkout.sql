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
  pass        bigint,    -- of a waiting room, spent by this
  revived     bigint     -- booking_revived()
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
    CASE WHEN p_state = 'b' THEN b.pass END, holdfast.booking_revived(b))::holdfast.payment_result
$$;

-- The payment of a reservation has come to nothing, so that it goes back to HOLD; or to RELEASED, which is
-- what its buyer has asked for meanwhile. b: as it was read; 40001 has the caller call again.
CREATE FUNCTION booking_unpaid(b bookings) RETURNS payment_result
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_wish boolean := b.release_asked_at IS NOT NULL;
BEGIN
  b := booking_lock(b.event_id, b.booking_id, b.user_id, v_wish);
  IF b.status <> 'RESERVED' OR b.expires_at <= now() THEN
    RETURN payment_outcome('noted', b, NULL);
  ELSIF v_wish <> (b.release_asked_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a release has been asked for meanwhile' USING ERRCODE = '40001';
  ELSIF v_wish THEN
    RETURN payment_outcome('released', booking_put(b, 'RELEASED'), '-');
  END IF;
  RETURN payment_outcome('back-to-hold', booking_put(b, 'HOLD'), 'h');
END
$$;

CREATE TYPE checkout_result AS (
  outcome      text,   -- new: create it at the provider; open: ask the provider for it; settled: it is paid
  positions    integer[],
  booking      booking_view,
  attempt      smallint,
  amount       bigint,
  pay_currency text,
  provider_id  text,
  provider     text
);

-- HOLD -> RESERVED with a payment of exactly what the booking costs. Again: the same payment, and the next
-- attempt where the last has ended. p_key binds the key to this request; what is answered is asked of the
-- provider each time, since its secret is kept nowhere. p_provider NULL: there is none, so that all is refused
-- that is not settled.
CREATE FUNCTION checkout(p_event integer, p_booking uuid, p_user uuid, p_key text, p_fingerprint text,
  p_wait boolean, p_provider text, p_grace_seconds integer, p_life_seconds integer) RETURNS checkout_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r         checkout_result;
  m         move_result;
  a         answers;
  b         bookings;
  p         payments;
  e         record;
  v_found   boolean;
BEGIN
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_user, 'checkout', p_key, p_fingerprint, p_wait);
  END IF;
  PERFORM payment_lock(p_booking);
  b := booking_of(p_event, p_booking, p_user);
  SELECT status, payment INTO e FROM events WHERE event_id = p_event;
  IF b.status = 'CONFIRMED' AND b.attempts IS NOT NULL THEN
    r.outcome := 'settled';
    r.positions := booking_positions(b);
  ELSE
    -- That there is no event any more is for reserve() to say.
    IF b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now() AND e.status <> 'cancelled'
        AND (e.payment = 'none' OR b.total = 0) THEN
      RAISE EXCEPTION 'there is nothing to pay here: confirm the booking' USING ERRCODE = 'HF206',
        DETAIL = json_build_object('status', b.status);
    END IF;
    m := reserve(p_event, p_booking, p_user, p_grace_seconds, p_life_seconds);
    IF p_provider IS NULL THEN
      RAISE EXCEPTION 'No payment provider is set up here.' USING ERRCODE = 'HF291';
    END IF;
    r.positions := m.positions;
    SELECT * INTO p FROM payments q
      WHERE q.event_id = p_event AND q.booking_id = p_booking AND q.status IN ('opening', 'open')
      FOR UPDATE;
    v_found := FOUND;
    SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
    IF NOT v_found THEN
      p := payment_begin(b, p_provider, NULL, 'opening', NULL);
    ELSIF p.ends_at <> b.expires_at AND b.release_asked_at IS NULL THEN
      UPDATE payments SET ends_at = b.expires_at
        WHERE event_id = p_event AND booking_id = p_booking AND attempt = p.attempt;
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
  r.provider := p.provider;
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

-- From when on the silence about a payment counts that is asked about now. A booking that lives waits for
-- it; what else is open, since the provider works on it or cannot be made to end it, is asked about less and
-- less often, once a day in the end. infinity: nobody asks any more, after 90 days of such work, or three
-- days after the booking has ended. Its money counts all the same if it is told.
CREATE FUNCTION payment_asked(p_processing timestamptz, b bookings) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT CASE WHEN s.since IS NULL THEN now()
      WHEN s.since <= now() - CASE WHEN p_processing IS NULL THEN interval '3 days' ELSE interval '90 days' END
        THEN 'infinity'
      ELSE now() + least(now() - s.since, interval '1 day') END
    FROM (SELECT coalesce(p_processing, b.ended_at, CASE WHEN b.expires_at <= now() THEN b.expires_at END)
      AS since) AS s
$$;

-- How many payments are open, and the provider is to be asked about.
CREATE FUNCTION payments_waiting(p_age_seconds integer) RETURNS TABLE (open bigint, due bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT count(*), count(*) FILTER (WHERE p.ends_at <= now()
      OR p.asked_at <= now() - make_interval(secs => p_age_seconds))
    FROM holdfast.payments p WHERE p.status IN ('opening', 'open')
$$;

-- Payments that the provider never answered for are given up when it may have forgotten their key: so many
-- at most, whose bookings have ended. How many were.
CREATE FUNCTION payments_give_up(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  p      payments;
  v_gone bigint := 0;
BEGIN
  FOR p IN SELECT * FROM payments q WHERE q.status = 'opening' AND q.created_at < now() - interval '20 hours'
      ORDER BY q.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED LOOP
    IF EXISTS (SELECT FROM bookings b WHERE b.event_id = p.event_id AND b.booking_id = p.booking_id
        AND (b.status NOT IN ('HOLD', 'RESERVED') OR b.expires_at <= now())) THEN
      UPDATE payments SET status = 'failed', settled_at = now(), error = 'The provider never answered.'
        WHERE event_id = p.event_id AND booking_id = p.booking_id AND attempt = p.attempt;
      v_gone := v_gone + 1;
    END IF;
  END LOOP;
  RETURN v_gone;
END
$$;

-- Payments that the provider is to be asked about, noted as asked: first those that nobody waits for since a
-- moment, which hold places or a buyer's money, then those that have been silent for longest. Each is found
-- by an index, and its booking by its key, however many are open. cancel: nobody waits for it.
CREATE FUNCTION payments_due(p_limit integer, p_age_seconds integer)
RETURNS TABLE (event_id integer, booking_id uuid, attempt smallint, provider_id text, amount bigint,
  currency text, cancel boolean, status text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  b bookings;
  p payments;
BEGIN
  FOR p IN
      SELECT * FROM (SELECT * FROM payments q WHERE q.status IN ('opening', 'open') AND q.ends_at <= now()
        ORDER BY q.ends_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS ended
      UNION ALL
      SELECT * FROM (SELECT * FROM payments q WHERE q.status IN ('opening', 'open') AND q.ends_at > now()
          AND q.asked_at <= now() - make_interval(secs => p_age_seconds)
        ORDER BY q.asked_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS silent
      LIMIT p_limit LOOP
    SELECT * INTO b FROM bookings k WHERE k.event_id = p.event_id AND k.booking_id = p.booking_id;
    cancel := b.status NOT IN ('HOLD', 'RESERVED') OR b.expires_at <= now() OR b.release_asked_at IS NOT NULL;
    UPDATE payments q SET asked_at = payment_asked(p.processing_since, b),
        ends_at = CASE WHEN cancel THEN 'infinity' ELSE b.expires_at END
      WHERE q.event_id = p.event_id AND q.booking_id = p.booking_id AND q.attempt = p.attempt;
    event_id := p.event_id;
    booking_id := p.booking_id;
    attempt := p.attempt;
    provider_id := p.provider_id;
    amount := p.amount;
    currency := p.currency;
    status := p.status;
    RETURN NEXT;
  END LOOP;
END
$$;

INSERT INTO job_schedule (name, every) VALUES ('payment-sweep', '1 minute');

GRANT EXECUTE ON FUNCTION checkout, payment_opened TO holdfast_payment;
GRANT EXECUTE ON FUNCTION payments_due, payments_give_up, payments_waiting, payment_opened, job_begin, job_beat,
  job_end TO holdfast_payment_sweep;
GRANT EXECUTE ON FUNCTION event_shown, filter_known, filter_event, filter_entries, filter_some, filter_used,
  filter_seats TO holdfast_payment, holdfast_payment_sweep, holdfast_webhooks;

COMMIT;
