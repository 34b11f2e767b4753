BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION expire, bookings_settled, bookings_end_due;
COMMIT;
