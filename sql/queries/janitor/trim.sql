-- janitor/trim: takes away one batch of kept answers and of sessions that have served their time.
-- in: limit int
-- out: answers bigint, sessions bigint
-- by: janitor
select holdfast.answers_trim($1), holdfast.sessions_trim($1)
