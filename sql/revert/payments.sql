BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION refund_cancelled, refund_possible, refund_part, refund_notice, refund_ask, payment_begin,
  payment_show, payment_lock;
DROP TABLE payment_notices, refunds, payments, payment_moves;
DROP FUNCTION refund_changes, payment_changes;
COMMIT;
