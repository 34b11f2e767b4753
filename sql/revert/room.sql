BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION queue_room_leave, queue_room_end, queue_room;
COMMIT;
