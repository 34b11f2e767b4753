-- audit/lines: lines that were begun, a page after one of them.
-- in: after_event int, after_line text, limit int
-- out: event_id int, line text
-- by: verify
select event_id, line from holdfast.audit_lines($1, $2, $3)
