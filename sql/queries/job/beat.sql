-- job/beat: between two batches: how far the run is; false: another copy is at it by now.
-- in: name text, rows bigint
-- out: alone bool
-- by: janitor outbox pricing queue-advance reconcile rollup payment-sweep
select holdfast.job_beat($1, $2)
