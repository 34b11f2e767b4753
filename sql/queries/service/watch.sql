-- service/watch: the last run of each job, and how late it is; times in seconds since 1970.
-- in:
-- out: name text, started bigint, ended bigint, ok bigint, rows bigint, failed int, running int, late bigint
-- by: catalog
select name, extract(epoch from started_at)::bigint, extract(epoch from ended_at)::bigint,
    extract(epoch from ok_at)::bigint, rows, (error is not null)::int, running::int, late_seconds
  from holdfast.job_list()
