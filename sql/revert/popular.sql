BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION event_popular, event_demand, bookings_lately;
COMMIT;
