BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION event_update, event_sections_change, event_seats_write, ga_resize, seats_kill,
  event_sections_check, event_sections_add;
COMMIT;
