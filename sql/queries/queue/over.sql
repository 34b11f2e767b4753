-- queue/over: whether nobody of a line is served any more: its event is cancelled, or its sales have ended.
-- in: event int, line text
-- out: over bool, sales text
-- by: queue
select over, sales from holdfast.queue_over($1, $2)
