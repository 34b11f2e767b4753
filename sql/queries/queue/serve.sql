-- queue/serve: serves the heads of a line, in their order; outcome reserved, again, full, later, refused, left.
-- in: event int, line text, epochs int[], numbers bigint[], users uuid[], quantities int[], bookings uuid[], hold_seconds int, default_per_user int, default_per_booking int, passes bigint[], lock bool
-- out: user_id uuid, outcome text, reason text, booking_id uuid, expires_ms bigint, positions int[], section_id text, quantity int
-- by: queue queue-advance
-- then: flush
select user_id, outcome, reason, booking_id, expires_ms, positions, section_id, quantity
  from holdfast.queue_serve($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
