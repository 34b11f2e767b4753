SELECT event_id, booking_id, attempt, provider, provider_id, status, amount, captured, refunding, asked_at
  FROM holdfast.payments WHERE false;
SELECT event_id, refund_id, booking_id, attempt, amount, reason, status, tries, next_at
  FROM holdfast.refunds WHERE false;
SELECT provider, notice_id FROM holdfast.payment_notices WHERE false;
SELECT 1 / count(*) FROM holdfast.payment_moves;
SELECT 'holdfast.refund_part(integer,bigint,integer)'::regprocedure;
