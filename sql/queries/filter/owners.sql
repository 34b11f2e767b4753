-- filter/owners: the bookings that hold these seats.
-- in: event int, seats text[]
-- out: booking_id uuid, user_id uuid, state text, deadline bigint, positions int[], section_ids text[], quantities int[], revived bigint
-- by: booking
select booking_id, user_id, state, deadline, positions, section_ids, quantities, revived
  from holdfast.seat_owners($1, $2)
