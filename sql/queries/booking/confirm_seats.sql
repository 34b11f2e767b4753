-- booking/confirm_seats: the caller's holds that together are exactly these seats; a row a booking.
-- in: event int, user uuid, key text?, fingerprint text?, wait bool, seats text[]
-- out: outcome text, body text, booking_id uuid, positions int[], sections text, pass bigint
-- by: booking
-- commits: durably
select outcome, body, booking_id, positions, sections, pass
  from holdfast.confirm_seats($1, $2, $3, $4, $5, $6)
