-- booking/release: a hold ends before its time; outcome moved, done, replay or asked (a payment is open); by at_ms it has ended.
-- in: event int, booking uuid, user uuid, key text?, fingerprint text?, wait bool
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text, at_ms bigint
-- by: booking queue
select outcome, positions, (booking).*, floor(extract(epoch from now()) * 1000)::bigint
  from holdfast.release($1, $2, $3, $4, $5, $6)
