-- booking/flush: a small synchronous transaction: what was committed before it is durable after it.
-- in:
-- out: position text
-- by: booking queue
-- commits: durably
select pg_logical_emit_message(true, 'holdfast', '')
