-- service/jobs: the last run of each job; ages in seconds.
-- in:
-- out: name text, ok_age bigint, rows bigint, error text, running bool
-- by: booking
select name, ok_age_seconds, rows, error, running from holdfast.job_list()
