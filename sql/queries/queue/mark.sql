-- queue/mark: somebody waits in a line who could not be served, or nobody does any more.
-- in: event int, line text, waits bool
-- out: nothing text
-- by: queue queue-advance
select holdfast.queue_mark($1, $2, $3)
