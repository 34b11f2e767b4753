-- rollup/repair: the same, and what was wrong is put right.
-- in: day text?
-- out: day text, wrong bigint, first text, next text
-- by: rollup
select day, wrong, first, next from holdfast.rollup_repair($1)
