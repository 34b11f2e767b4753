BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION cancel, booking_cancel, booking_cancel_part, booking_less, booking_worth, claims_shrink;
DROP TABLE booking_cancels;
DROP FUNCTION booking_cancel_written;
COMMIT;
