BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION confirm_seats, seats_were_mine;
COMMIT;
