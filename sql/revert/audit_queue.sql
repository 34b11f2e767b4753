BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION audit_bookings, audit_lines, audit_queue, audit_i9;
COMMIT;
