BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION payment_notices_trim, refunded, payment_disputed, refund_heard, refund_told, refund_hear,
  refund_outside, refund_find, refund_settle, refunds_due;
COMMIT;
