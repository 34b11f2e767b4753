BEGIN;
SET LOCAL search_path = holdfast, public;
REVOKE EXECUTE ON FUNCTION event_shown, filter_known, filter_event, filter_entries, filter_some, filter_used, filter_seats
  FROM holdfast_admin;
DROP FUNCTION paid, payment_told, payment_find, payment_notice, payment_arrived, booking_paid,
  booking_unfulfilled, booking_confirm_late, claims_again;
DROP TYPE paid_result;
COMMIT;
