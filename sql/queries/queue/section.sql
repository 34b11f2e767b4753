-- queue/section: what a joiner is judged by; refuses as a hold would.
-- in: event int, line text, default_per_booking int
-- out: most int, capacity int?, queue text
-- by: queue
select most, capacity, queue from holdfast.queue_section($1, $2, $3)
