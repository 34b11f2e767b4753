-- queue/room: an event as its waiting room needs it; joining: refused where it is not on sale.
-- in: event int, joining bool
-- out: clock_ms bigint, until_ms bigint, room text
-- by: queue queue-advance
select clock_ms, until_ms, room from holdfast.queue_room($1, $2)
