-- history/bookings: the bookings of an event behind an id.
-- in: event int, after uuid, limit int
-- out: booking_id uuid, user_id uuid, status text, positions int[], section_nos int[], quantities int[], parted bool, created_us bigint, expires_us bigint, confirmed_us bigint, ended_us bigint, cancelled_us bigint, key text, late bool, served bool, free bool, lacks text
-- by: history
select booking_id, user_id, status, positions, section_nos, quantities, parted, created_us, expires_us,
  confirmed_us, ended_us, cancelled_us, key, late, served, free, lacks from holdfast.history_bookings($1, $2, $3)
