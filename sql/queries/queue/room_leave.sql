-- queue/room_leave: gives a place in a waiting room up, and the pass that came of it; how: left, or confirmed where
-- that came before.
-- in: event int, epoch int, number bigint, user uuid, score bigint
-- out: how text
-- by: queue
-- commits: durably
select holdfast.queue_room_leave($1, $2, $3, $4, $5)
