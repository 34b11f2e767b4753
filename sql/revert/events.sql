BEGIN;
DROP TABLE holdfast.seats;
DROP FUNCTION holdfast.seat_layout_guard();
DROP TABLE holdfast.sections;
DROP TABLE holdfast.events;
DROP FUNCTION holdfast.event_move_guard();
DROP TABLE holdfast.event_moves;
DROP TABLE holdfast.venues;
COMMIT;
