BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION payment_notices_trim, refunded, refund_told, refund_settle, refunds_due;
COMMIT;
