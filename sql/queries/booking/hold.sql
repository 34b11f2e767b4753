-- booking/hold: one hold, all or none; outcome new, replay (the first answer again) or same.
-- in: event int, user uuid, booking uuid, key text?, fingerprint text?, wait bool, give_back bool, seats text[], sections text[], quantities int[], default_seconds int, default_per_booking int, default_per_user int, pass bigint?, line bool, lines text[]
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text
-- by: booking
select outcome, positions, (booking).*
  from holdfast.hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
