-- queue/section: what a joiner is judged by, and the open place that they have; refuses as a hold would.
-- in: event int, line text, default_per_booking int, user uuid, pass bigint?
-- out: most int, capacity int, queue text, spent bool, booking_id uuid, epoch int, number bigint, quantity int, expires_ms bigint
-- by: queue
select most, capacity, queue, spent, booking_id, epoch, number, quantity, (extract(epoch from expires_at) * 1000)::bigint
  from holdfast.queue_section($1, $2, $3, $4, $5)
