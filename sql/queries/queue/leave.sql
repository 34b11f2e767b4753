-- queue/leave: gives a place up; is_left false: it was served with booking_id, or refused.
-- in: event int, line text, epoch int, number bigint, user uuid
-- out: is_left bool, booking_id uuid
-- by: queue
select is_left, booking_id from holdfast.queue_leave($1, $2, $3, $4, $5)
