-- rollup/due: up to when it is added up (null: nothing is), and the bookings that began since.
-- out: until text, bookings bigint
-- by: rollup
select until, bookings from holdfast.rollup_due()
