BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION event_seatmap, event_layout, layout_tag, event_seats, event_available, event_brief, event_get, event_view_of;
DROP TYPE event_view;
DROP FUNCTION event_seen;
COMMIT;
