-- janitor/trim_queue: takes away tickets and spent passes of events whose sales ended long ago.
-- in: limit int
-- out: tickets bigint
-- by: janitor
select holdfast.queue_trim($1)
