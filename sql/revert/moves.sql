BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION expire, claims_shrink, booking_less, cancel, release, reserve, seats_were_mine,
  confirm_seats, confirm, booking_confirm_locked, booking_refuse, booking_positions, claims_drop,
  claims_set, booking_claims_due, booking_lock, answer_keep, answer_find;
DROP TYPE move_result;
COMMIT;
