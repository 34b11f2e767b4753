-- queue/room_end: how a place in a waiting room ended; null: nothing of that is known.
-- in: event int, epoch int, number bigint, user uuid, score bigint
-- out: how text
-- by: queue
-- commits: durably
select holdfast.queue_room_end($1, $2, $3, $4, $5)
