BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION release, booking_put, reserve, confirm, booking_confirm, booking_refuse, booking_positions,
  claims_were_all, claims_drop, claims_lock, claims_set, booking_claims_due, booking_lock, booking_of, answer_keep,
  answer_find;
DROP TYPE move_result;
COMMIT;
