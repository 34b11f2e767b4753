BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION capacity_list, analytics, period_read, zone_check, places_sold, sales_of, json_join, share, sales_open, period_parts,
  local_start;
DROP TYPE period;
DROP INDEX events_date;
COMMIT;
