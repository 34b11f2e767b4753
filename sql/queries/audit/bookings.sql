-- audit/bookings: of these bookings those that there are: whose, and whether they hold for a while.
-- in: event int, bookings uuid[]
-- out: booking_id uuid, user_id uuid, is_open bool
-- by: verify
select booking_id, user_id, is_open from holdfast.audit_bookings($1, $2)
