BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION event_find, venue_find, account_named, event_create, venue_list, venue_create,
  money_check, provider_unit, layout_check, layout_seats,
  event_show, event_sections_open, event_head, room_read, room_show, venue_show, staff_check, staff_is, venue_for, timezone_check,
  time_read, time_show, refuse_field;
DROP TYPE edit_result;
COMMIT;
