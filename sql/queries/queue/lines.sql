-- queue/lines: lines that somebody may stand in, a page after one of them.
-- in: after_event int, after_line text, limit int
-- out: event_id int, line text
-- by: queue-advance
select event_id, line from holdfast.queue_open_lines($1, $2, $3)
