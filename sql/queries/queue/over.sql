-- queue/over: whether nobody of a line is served any more, whatever is still changed.
-- in: event int, line text
-- out: over bool
-- by: queue
select holdfast.queue_is_over($1, $2)
