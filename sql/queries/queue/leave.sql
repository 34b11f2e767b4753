-- queue/leave: gives a place up; the booking (its id) that it was served with is told, null where there is none.
-- in: event int, line text, epoch int, number bigint, user uuid, booking uuid
-- out: booking_id uuid
-- by: queue
-- commits: durably
select holdfast.queue_leave($1, $2, $3, $4, $5, $6)
