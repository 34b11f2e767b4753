-- audit/events: a page of the ids of all events, after one of them.
-- in: after int, limit int
-- out: event_id int
-- by: verify
select event_id from holdfast.audit_events($1, $2) as event_id
