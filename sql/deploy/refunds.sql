-- What goes back: which refunds are to be sent, and what has become of them.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Refunds to be sent, or to be asked about where the provider has them already (provider_refund). When it
-- is tried again is written before it is tried: a job that dies in between repeats it later under the same
-- key, and the provider sends it once. One by one out of the index: a plan for many reads the whole table.
CREATE FUNCTION refunds_due(p_limit integer)
RETURNS TABLE (refund_id uuid, event_id integer, booking_id uuid, attempt smallint, provider_id text,
  provider_refund text, amount bigint, currency text, reason text, tries smallint, previous_ids text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  r       refunds;
  v_taken uuid[] := '{}'; -- two of one payment at once a provider may refuse
BEGIN
  FOR i IN 1 .. p_limit LOOP
    SELECT * INTO r FROM refunds f
      WHERE f.status IN ('requested', 'sent') AND f.next_at <= now() AND f.booking_id <> ALL (v_taken)
        AND (SELECT p.provider FROM payments p WHERE p.event_id = f.event_id
          AND p.booking_id = f.booking_id AND p.attempt = f.attempt) <> 'elsewhere'
      ORDER BY f.next_at LIMIT 1 FOR UPDATE OF f SKIP LOCKED;
    EXIT WHEN NOT FOUND;
    v_taken := v_taken || r.booking_id;
    UPDATE refunds f SET tries = least(f.tries + 1, 32767),
        next_at = now() + make_interval(secs => least(60 * 2 ^ least(f.tries, 10), 21600))
      WHERE f.event_id = r.event_id AND f.refund_id = r.refund_id RETURNING * INTO r;
    RETURN QUERY SELECT r.refund_id, r.event_id, r.booking_id, r.attempt, p.provider_id, r.provider_id,
        r.amount, r.currency, r.reason, r.tries, array_to_string(r.previous_ids, ' ')
      FROM payments p
      WHERE p.event_id = r.event_id AND p.booking_id = r.booking_id AND p.attempt = r.attempt;
  END LOOP;
END
$$;

-- A booking all of whose refunds are done has been refunded; one that has none has not.
CREATE FUNCTION refund_settle(p_event integer, p_booking uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_from text[] := '{CANCELLED,PAID_UNFULFILLED}';
BEGIN
  IF (SELECT bool_and(r.status = 'done') FROM refunds r
      WHERE r.event_id = p_event AND r.booking_id = p_booking) IS NOT TRUE THEN
    RETURN false;
  END IF;
  UPDATE bookings SET status = 'REFUNDED', places = 0, version = version + 1
    WHERE event_id = p_event AND booking_id = p_booking AND status = ANY (v_from);
  RETURN FOUND;
END
$$;

-- The refund of an id of ours, also of one from before it was sent again.
CREATE FUNCTION refund_find(p_refund uuid) RETURNS refunds
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  r refunds;
BEGIN
  SELECT * INTO r FROM refunds WHERE refund_id = p_refund;
  IF NOT FOUND THEN
    SELECT * INTO r FROM refunds WHERE previous_ids <> '{}' AND previous_ids @> ARRAY[p_refund];
  END IF;
  RETURN r;
END
$$;

-- Money that went back without having been asked for here: the buyer has it, so the books say so. unfit:
-- it is more than there is, or other money. One that has failed changes nothing.
CREATE FUNCTION refund_outside(p payments, p_provider_refund text, p_status text, p_amount bigint,
  p_currency text) RETURNS text
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  r refunds;
BEGIN
  IF p_status = 'failed' THEN
    RETURN 'noted';
  END IF;
  UPDATE payments SET refunding = refunding + p_amount
    WHERE event_id = p.event_id AND booking_id = p.booking_id AND attempt = p.attempt AND p_amount > 0
      AND coalesce(captured_currency, currency) = p_currency AND p_amount <= captured - refunding;
  IF NOT FOUND THEN
    RETURN 'unfit';
  END IF;
  INSERT INTO refunds (event_id, booking_id, attempt, amount, currency, reason, status, next_at, provider_id,
      done_at)
    VALUES (p.event_id, p.booking_id, p.attempt, p_amount, p_currency, 'outside', p_status,
      now() + interval '1 minute', p_provider_refund, CASE WHEN p_status = 'done' THEN now() END)
    RETURNING * INTO r;
  PERFORM notice_write(r.event_id, r.booking_id,
    CASE p_status WHEN 'done' THEN 'refund.done' ELSE 'refund.requested' END, refund_notice(r));
  PERFORM refund_settle(r.event_id, r.booking_id);
  RETURN 'outside';
END
$$;

-- What a provider says of a refund of a locked booking. What has failed there has ended: whatever is said
-- of it afterwards, late or again, is old. One that was done may still come back as failed: then it is
-- owed again; but that a try was refused says nothing of what the provider has. One that was sent besides
-- the one that is known, or was given back by hand, is another.
CREATE FUNCTION refund_hear(r refunds, p_refund uuid, p_provider_refund text, p_status text, p_error text)
RETURNS text
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  p payments;
BEGIN
  IF p_provider_refund = ANY (r.failed_ids)
      OR p_status = 'failed' AND (p_provider_refund IS NULL AND r.status <> 'requested'
        OR p_refund <> r.refund_id AND (p_provider_refund = r.provider_id) IS NOT TRUE) THEN
    RETURN 'noted';
  ELSIF r.status IN ('sent', 'done') AND r.provider_id IS DISTINCT FROM p_provider_refund
      AND p_provider_refund IS NOT NULL THEN
    SELECT * INTO p FROM payments
      WHERE event_id = r.event_id AND booking_id = r.booking_id AND attempt = r.attempt;
    RETURN refund_outside(p, p_provider_refund, p_status, r.amount, r.currency);
  ELSIF r.status = p_status OR r.status IN ('done', 'failed') AND p_status = 'sent' THEN
    RETURN 'noted';
  END IF;
  UPDATE refunds SET status = p_status, provider_id = coalesce(p_provider_refund, provider_id),
      error = CASE WHEN p_status <> 'done' THEN left(p_error, 500) END,
      done_at = CASE WHEN p_status = 'done' THEN now() ELSE done_at END,
      failed_ids = CASE WHEN p_status = 'failed' AND p_provider_refund IS NOT NULL
        THEN failed_ids || p_provider_refund ELSE failed_ids END
    WHERE event_id = r.event_id AND refund_id = r.refund_id RETURNING * INTO r;
  IF p_status IN ('done', 'failed') THEN
    PERFORM notice_write(r.event_id, r.booking_id, 'refund.' || p_status, refund_notice(r));
  END IF;
  RETURN CASE WHEN refund_settle(r.event_id, r.booking_id) THEN 'refunded' ELSE 'noted' END;
END
$$;

-- What a provider has answered to whoever sends refunds: sent, done, failed; outcome noted, refunded (the
-- booking is REFUNDED with it), outside, unfit or unknown.
CREATE FUNCTION refund_told(p_refund uuid, p_provider_refund text, p_status text, p_error text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r refunds := refund_find(p_refund);
BEGIN
  PERFORM FROM bookings WHERE event_id = r.event_id AND booking_id = r.booking_id FOR UPDATE;
  r := refund_find(p_refund);
  IF r.refund_id IS NULL THEN
    RETURN 'unknown';
  END IF;
  RETURN refund_hear(r, p_refund, p_provider_refund, p_status, p_error);
END
$$;

-- The same by a notice, which acts once. One without an id of ours, of a payment that is ours, was made at
-- the provider. early: its payment's money has not been told yet; the notice is to come again.
CREATE FUNCTION refund_heard(p_provider text, p_notice text, p_refund uuid, p_payment text,
  p_provider_refund text, p_status text, p_amount bigint, p_currency text, p_error text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r refunds := refund_find(p_refund);
  p payments;
BEGIN
  IF r.refund_id IS NULL THEN
    p := payment_find(p_provider, p_payment, NULL, NULL, NULL);
  ELSE
    SELECT * INTO p FROM payments
      WHERE event_id = r.event_id AND booking_id = r.booking_id AND attempt = r.attempt;
  END IF;
  IF p.booking_id IS NULL THEN
    RETURN 'unknown';
  ELSIF p.status <> 'succeeded' AND p_status <> 'failed' THEN
    RETURN 'early';
  END IF;
  INSERT INTO payment_notices (provider, notice_id) VALUES (p_provider, p_notice) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN 'replay';
  END IF;
  PERFORM FROM bookings WHERE event_id = p.event_id AND booking_id = p.booking_id FOR UPDATE;
  SELECT * INTO r FROM refunds f WHERE f.event_id = p.event_id AND f.booking_id = p.booking_id
      AND f.attempt = p.attempt AND (f.provider_id = p_provider_refund OR p_provider_refund = ANY (f.failed_ids))
    LIMIT 1;
  IF NOT FOUND THEN
    r := refund_find(p_refund);
  END IF;
  IF r.refund_id IS NULL THEN
    RETURN refund_outside(p, p_provider_refund, p_status, p_amount, upper(p_currency));
  END IF;
  RETURN refund_hear(r, p_refund, p_provider_refund, p_status, p_error);
END
$$;

-- A buyer's bank takes a payment back, or may. The books know no such thing: staff are told, once a notice.
CREATE FUNCTION payment_disputed(p_provider text, p_notice text, p_payment text, p_dispute text,
  p_amount bigint, p_currency text, p_reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  p payments := payment_find(p_provider, p_payment, NULL, NULL, NULL);
BEGIN
  IF p.booking_id IS NULL THEN
    RETURN 'unknown';
  END IF;
  INSERT INTO payment_notices (provider, notice_id) VALUES (p_provider, p_notice) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN 'replay';
  END IF;
  PERFORM FROM bookings WHERE event_id = p.event_id AND booking_id = p.booking_id FOR UPDATE;
  PERFORM notice_write(p.event_id, p.booking_id, 'payment.disputed', jsonb_build_object('payment_id',
    p.provider_id, 'provider', p.provider, 'dispute_id', p_dispute, 'amount', p_amount,
    'currency', upper(p_currency), 'reason', p_reason));
  RETURN 'disputed';
END
$$;

-- The word of staff on the refunds of a booking that no job can bring to an end. done: what was paid
-- elsewhere, or has failed at the provider, was given back by hand. again: those that have failed are sent
-- once more, under a new id, since the provider remembers how the old one ended. Where neither is there
-- the booking stays as it is.
CREATE FUNCTION refunded(p_event integer, p_booking uuid, p_staff uuid, p_all boolean, p_key text,
  p_fingerprint text, p_wait boolean, p_again boolean) RETURNS move_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  m move_result;
  a answers;
  b bookings;
  r refunds;
BEGIN
  PERFORM staff_check(p_staff, p_all);
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
          provider_id = NULL, previous_ids = previous_ids || refund_id
        WHERE event_id = p_event AND refund_id = r.refund_id;
    ELSE
      UPDATE refunds SET status = 'done', done_at = now(), error = NULL
        WHERE event_id = p_event AND refund_id = r.refund_id RETURNING * INTO r;
      PERFORM notice_write(p_event, p_booking, 'refund.done', refund_notice(r));
    END IF;
  END LOOP;
  IF m.outcome = 'moved' THEN
    PERFORM refund_settle(p_event, p_booking);
  END IF;
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
GRANT EXECUTE ON FUNCTION refund_told TO holdfast_outbox;
GRANT EXECUTE ON FUNCTION refund_heard, payment_disputed TO holdfast_webhooks;
GRANT EXECUTE ON FUNCTION refunded TO holdfast_admin;
GRANT EXECUTE ON FUNCTION payment_notices_trim TO holdfast_payment_sweep;

COMMIT;
