-- booking/confirm: a hold becomes a booking; outcome moved, done (it was so already) or replay.
-- in: event int, booking uuid, user uuid, key text?, fingerprint text?, wait bool
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text, pass bigint
-- by: booking queue
-- commits: durably
select outcome, positions, (booking).*, pass
  from holdfast.confirm($1, $2, $3, $4, $5, $6)
