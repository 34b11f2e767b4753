-- job/begin: this process alone does the job from here on; false: another one does.
-- in: name text
-- out: alone bool
-- by: janitor outbox pricing queue-advance reconcile rollup payment-sweep
select holdfast.job_begin($1)
