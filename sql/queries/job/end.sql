-- job/end: the run is over; error is the slug of its problem, null if there was none.
-- in: name text, rows bigint, error text?
-- out:
-- by: janitor pricing queue-advance reconcile rollup
select holdfast.job_end($1, $2, $3)
