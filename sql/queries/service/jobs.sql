-- service/jobs: the last run of each job; ages in seconds.
-- in:
-- out: name text, ok_age bigint, rows bigint, error text, running bool, late bigint
-- by: booking
select name, ok_age_seconds, rows, error, running, late_seconds from holdfast.job_list()
