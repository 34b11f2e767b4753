-- queue/epoch: the epoch of a line that begins now, above every one that was heard of.
-- in: event int, line text, above int
-- out: epoch int
-- by: queue queue-advance
-- commits: durably
select holdfast.queue_epoch($1, $2, $3)
