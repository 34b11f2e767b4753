-- janitor/trim_sessions: takes away one batch of sessions that have run out.
-- in: limit int
-- out: sessions bigint
-- by: janitor
select holdfast.sessions_trim($1)
