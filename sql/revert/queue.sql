BEGIN;
SET LOCAL search_path = holdfast, public;
REVOKE EXECUTE ON FUNCTION confirm, release, event_shown, filter_known, filter_event, filter_entries, filter_used, filter_seats,
  filter_some FROM holdfast_queue, holdfast_queue_advance;
REVOKE EXECUTE ON FUNCTION job_begin, job_beat, job_end FROM holdfast_queue_advance;
DELETE FROM job_schedule WHERE name = 'queue-advance';
DROP FUNCTION queue_trim, queue_open_lines, queue_leave, queue_ticket, queue_booking, queue_mark, queue_line_found, queue_epoch, queue_over, queue_section;
DROP TYPE queue_end;
DROP TABLE queue_tickets, queue_lines;
DROP FUNCTION queue_ticket_guard, queue_is_old;
COMMIT;
