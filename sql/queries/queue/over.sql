-- queue/over: whether nobody of a line is served any more: its event is cancelled, or its sales have ended.
-- in: event int, line text
-- out: over bool
-- by: queue
select holdfast.queue_is_over($1, $2)
