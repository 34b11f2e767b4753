-- I7 as a query, for holdfast-verify: all money is accounted for. Like the others it reads whole tables
-- and locks nothing.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- captured = kept + refunded + owed for each booking. What its payments keep is what they captured less
-- their refunds, done or not; what a booking may keep is what stands, and of each cancel what the policy
-- of its event did not give back; less what went back past these books, by the hand of somebody at the
-- provider. A booking may have been confirmed without money while a payment of it was under way, which
-- then all went back.
CREATE FUNCTION audit_i7() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_nestloop = off AS $$
  SELECT format('event %s: booking %s is %s and should keep %s, its payments keep %s', b.event_id,
      b.booking_id, b.status, w.kept, m.kept)
    FROM (SELECT p.event_id, p.booking_id, sum(p.captured - p.refunding) AS kept
        FROM holdfast.payments p GROUP BY 1, 2 HAVING sum(p.captured) > 0) AS m
      JOIN holdfast.bookings b USING (event_id, booking_id)
      CROSS JOIN LATERAL (
        SELECT CASE WHEN b.status = 'CONFIRMED' THEN (holdfast.booking_worth(b)).amount ELSE 0 END
          + (SELECT coalesce(sum(k.amount - k.refund), 0) FROM holdfast.booking_cancels k
            WHERE k.event_id = b.event_id AND k.booking_id = b.booking_id)
          - (SELECT coalesce(sum(r.amount), 0) FROM holdfast.refunds r
            WHERE r.event_id = b.event_id AND r.booking_id = b.booking_id AND r.reason = 'outside') AS kept) AS w
    WHERE m.kept <> w.kept AND NOT (m.kept = 0 AND b.confirmed_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM holdfast.payments p WHERE p.event_id = b.event_id
        AND p.booking_id = b.booking_id AND p.status = 'succeeded' AND p.settled_at = b.confirmed_at))
  UNION ALL
  SELECT format('event %s: booking %s was confirmed without its money', b.event_id, b.booking_id)
    FROM holdfast.bookings b JOIN holdfast.events e USING (event_id)
    WHERE b.status = 'CONFIRMED' AND b.total > 0
      -- An event may take payment only since some moment, which a confirm under way had not seen.
      AND (e.payment <> 'none' AND b.confirmed_at > e.payment_since + interval '10 seconds' OR b.late)
      AND NOT EXISTS (SELECT FROM holdfast.payments p WHERE p.event_id = b.event_id
        AND p.booking_id = b.booking_id AND p.status = 'succeeded' AND p.settled_at = b.confirmed_at)
  UNION ALL
  SELECT format('event %s: payment %s of booking %s has %s of refunds, and says %s', p.event_id, p.attempt,
      p.booking_id, coalesce(r.amount, 0), p.refunding)
    FROM holdfast.payments p LEFT JOIN (
        SELECT event_id, booking_id, attempt, sum(amount) AS amount FROM holdfast.refunds
          GROUP BY 1, 2, 3) AS r USING (event_id, booking_id, attempt)
    WHERE p.refunding <> coalesce(r.amount, 0) OR p.refunding > p.captured
  UNION ALL
  SELECT format('event %s: payment %s of booking %s, which is not there or costs another sum', p.event_id,
      p.attempt, p.booking_id)
    FROM holdfast.payments p LEFT JOIN holdfast.bookings b USING (event_id, booking_id)
    WHERE b.booking_id IS NULL OR p.amount <> b.total OR p.currency <> b.currency
      OR p.attempt > coalesce(b.attempts, 0)
  UNION ALL
  SELECT format('event %s: booking %s is %s and has no payment', b.event_id, b.booking_id, b.status)
    FROM holdfast.bookings b
    WHERE (b.status = 'PAID_UNFULFILLED' OR b.status = 'RESERVED' AND b.expires_at > now()
        OR b.attempts IS NOT NULL)
      AND NOT EXISTS (SELECT FROM holdfast.payments p WHERE p.event_id = b.event_id
        AND p.booking_id = b.booking_id
        AND (b.status <> 'PAID_UNFULFILLED' OR p.captured >= b.total AND p.captured = p.refunding))
  UNION ALL
  -- All of it was sent once. What came back since, or was paid twice after that, is owed, and told as such.
  SELECT format('event %s: booking %s is REFUNDED, and a refund of it was never sent', b.event_id,
      b.booking_id)
    FROM holdfast.bookings b CROSS JOIN LATERAL (
      SELECT count(r.done_at) AS sent, count(*) FILTER (WHERE r.done_at IS NULL
          AND r.reason IN ('cancel', 'event-cancelled', 'late')) AS unsent
        FROM holdfast.refunds r WHERE r.event_id = b.event_id AND r.booking_id = b.booking_id) AS w
    WHERE b.status = 'REFUNDED' AND (w.sent = 0 OR w.unsent > 0)
$$;

CREATE FUNCTION audit_money()
RETURNS TABLE (invariant text, failures bigint, first text, checked text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT 'I7', count(t), min(t), (SELECT format('%s payments, %s of them open and not asked about any more, %s refunds, %s of them failed',
        (SELECT count(*) FROM holdfast.payments), (SELECT count(*) FROM holdfast.payments p
          WHERE p.status IN ('opening', 'open') AND p.asked_at = 'infinity'),
        count(*), count(*) FILTER (WHERE r.status = 'failed'))
      FROM holdfast.refunds r)
    FROM holdfast.audit_i7() AS t
$$;

GRANT EXECUTE ON FUNCTION audit_i7, audit_money TO holdfast_verify;

COMMIT;
