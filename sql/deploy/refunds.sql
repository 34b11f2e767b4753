-- What goes back: which refunds are to be sent, and what has become of them.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Refunds to be sent, or to be asked about where the provider has them already (provider_refund). When it
-- is tried again is written before it is tried: a job that dies in between repeats it later under the same
-- key, and the provider sends it once.
CREATE FUNCTION refunds_due(p_limit integer)
RETURNS TABLE (refund_id uuid, event_id integer, booking_id uuid, attempt smallint, provider_id text,
  provider_refund text, amount bigint, currency text, reason text, tries smallint)
LANGUAGE sql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  UPDATE holdfast.refunds r SET tries = least(r.tries + 1, 32767),
      next_at = now() + make_interval(secs => least(60 * 2 ^ least(r.tries, 10), 21600))
    FROM (SELECT f.event_id, f.refund_id, p.provider_id
        FROM holdfast.refunds f JOIN holdfast.payments p USING (event_id, booking_id, attempt)
        WHERE f.status IN ('requested', 'sent') AND f.next_at <= now() AND p.provider <> 'elsewhere'
        ORDER BY f.next_at LIMIT p_limit FOR UPDATE OF f SKIP LOCKED) AS due
    WHERE r.event_id = due.event_id AND r.refund_id = due.refund_id
    RETURNING r.refund_id, r.event_id, r.booking_id, r.attempt, due.provider_id, r.provider_id, r.amount,
      r.currency, r.reason, r.tries
$$;

-- A booking all of whose refunds are done has been refunded.
CREATE FUNCTION refund_settle(p_event integer, p_booking uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_from text[] := '{CANCELLED,PAID_UNFULFILLED}';
BEGIN
  IF EXISTS (SELECT FROM refunds r
      WHERE r.event_id = p_event AND r.booking_id = p_booking AND r.status <> 'done') THEN
    RETURN false;
  END IF;
  UPDATE bookings SET status = 'REFUNDED', places = 0, version = version + 1
    WHERE event_id = p_event AND booking_id = p_booking AND status = ANY (v_from);
  RETURN FOUND;
END
$$;

-- What a provider says of a refund: sent, done, failed; outcome noted, refunded (the booking is REFUNDED
-- with it) or unknown. One that was done may still come back as failed: then it is owed again.
CREATE FUNCTION refund_told(p_refund uuid, p_provider_refund text, p_status text, p_error text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r refunds;
BEGIN
  SELECT * INTO r FROM refunds WHERE refund_id = p_refund;
  PERFORM FROM bookings WHERE event_id = r.event_id AND booking_id = r.booking_id FOR UPDATE;
  SELECT * INTO r FROM refunds WHERE refund_id = p_refund FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'unknown';
  ELSIF r.status = p_status OR r.status IN ('done', 'failed') AND p_status = 'sent' THEN
    RETURN 'noted';
  END IF;
  UPDATE refunds SET status = p_status, provider_id = coalesce(p_provider_refund, provider_id),
      error = CASE WHEN p_status <> 'done' THEN left(p_error, 500) END,
      done_at = CASE WHEN p_status = 'done' THEN now() END
    WHERE refund_id = p_refund RETURNING * INTO r;
  IF p_status IN ('done', 'failed') THEN
    PERFORM notice_write(r.event_id, r.booking_id, 'refund.' || p_status, refund_notice(r));
  END IF;
  RETURN CASE WHEN refund_settle(r.event_id, r.booking_id) THEN 'refunded' ELSE 'noted' END;
END
$$;

-- The word of staff on the refunds of a booking that no job can bring to an end. done: what was paid
-- elsewhere, or has failed at the provider, was given back by hand. again: those that have failed are sent
-- once more, under a new id, since the provider remembers how the old one ended.
CREATE FUNCTION refunded(p_event integer, p_booking uuid, p_staff uuid, p_all boolean, p_key text,
  p_fingerprint text, p_wait boolean, p_again boolean) RETURNS move_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  m move_result;
  a answers;
  b bookings;
  r refunds;
BEGIN
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_staff, 'refunds', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      m.outcome := 'replay';
      m.booking := a.booking;
      RETURN m;
    END IF;
  END IF;
  SELECT k.* INTO b FROM bookings k JOIN events e USING (event_id)
    WHERE k.event_id = p_event AND k.booking_id = p_booking AND (p_all OR e.organizer_id = p_staff)
    FOR UPDATE OF k;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such booking' USING ERRCODE = 'HF104';
  END IF;
  m.outcome := 'done';
  FOR r IN SELECT f.* FROM refunds f JOIN payments p USING (event_id, booking_id, attempt)
      WHERE f.event_id = p_event AND f.booking_id = p_booking
        AND (f.status = 'failed' OR NOT p_again AND p.provider = 'elsewhere' AND f.status = 'requested')
      ORDER BY f.refund_id FOR UPDATE OF f LOOP
    m.outcome := 'moved';
    IF p_again THEN
      UPDATE refunds SET status = 'requested', refund_id = DEFAULT, tries = 0, next_at = now(),
          provider_id = NULL
        WHERE event_id = p_event AND refund_id = r.refund_id;
    ELSE
      UPDATE refunds SET status = 'done', done_at = now(), error = NULL
        WHERE event_id = p_event AND refund_id = r.refund_id RETURNING * INTO r;
      PERFORM notice_write(p_event, p_booking, 'refund.done', refund_notice(r));
    END IF;
  END LOOP;
  PERFORM refund_settle(p_event, p_booking);
  SELECT * INTO b FROM bookings WHERE event_id = p_event AND booking_id = p_booking;
  m.positions := '{}';
  m.booking := booking_show(b, false);
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_staff, 'refunds', p_key, p_fingerprint, 200, m.booking, NULL);
  END IF;
  RETURN m;
END
$$;

-- Notices whose sender does not repeat them any more.
CREATE FUNCTION payment_notices_trim(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_gone bigint;
BEGIN
  DELETE FROM payment_notices n USING (
      SELECT o.provider, o.notice_id FROM payment_notices o WHERE o.seen_at < now() - interval '30 days'
        ORDER BY o.seen_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS old
    WHERE n.provider = old.provider AND n.notice_id = old.notice_id;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  RETURN v_gone;
END
$$;

GRANT EXECUTE ON FUNCTION refunds_due TO holdfast_outbox;
GRANT EXECUTE ON FUNCTION refund_told TO holdfast_outbox, holdfast_payment;
GRANT EXECUTE ON FUNCTION refunded TO holdfast_admin;
GRANT EXECUTE ON FUNCTION payment_notices_trim TO holdfast_payment_sweep;

COMMIT;
