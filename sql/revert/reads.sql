BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION section_counts, seat_states, filter_seats, filter_used, filter_killed, filter_some, filter_entries, filter_event, filter_known,
  queue_kept, room_brief, open_until, seat_owners, event_sections, booking_list, booking_get;
DROP VIEW filter_held;
DROP TYPE filter_entry;
DROP FUNCTION booking_revived;
COMMIT;
