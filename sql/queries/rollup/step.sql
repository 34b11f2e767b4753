-- rollup/step: adds up at most so many quarters of an hour; waits: somebody who began before still works.
-- in: most int
-- out: quarters bigint, until text, more bool, waits bool
-- by: rollup
select quarters, until, more, waits from holdfast.rollup_step($1)
