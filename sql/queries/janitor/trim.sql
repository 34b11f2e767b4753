-- janitor/trim: takes away one batch of kept answers that have served their time.
-- in: limit int
-- out: answers bigint
-- by: janitor
select holdfast.answers_trim($1)
