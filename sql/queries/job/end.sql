-- job/end: the run is over; error is the slug of its problem, or failed where a part
-- of its work was; null if there was none.
-- in: name text, rows bigint, error text?
-- out:
-- by: janitor outbox pricing queue-advance reconcile rollup payment-sweep
select holdfast.job_end($1, $2, $3)
