-- rollup/compare: a day of the sums beside the bookings themselves (null: the first); no row: no such day.
-- in: day text?
-- out: day text, wrong bigint, first text, next text
-- by: rollup
select day, wrong, first, next from holdfast.rollup_compare($1)
