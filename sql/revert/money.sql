BEGIN;
SET LOCAL search_path = holdfast, public;
REVOKE EXECUTE ON FUNCTION filter_some FROM holdfast_admin;
DROP FUNCTION paid, payment_told, payment_find, payment_notice, payment_arrived, booking_paid,
  booking_unfulfilled, booking_confirm_late, claims_again;
DROP TYPE paid_result;
COMMIT;
