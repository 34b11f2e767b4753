BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION queue_serve, queue_claim_seats, queue_pick;
DROP TYPE queue_served;
COMMIT;
