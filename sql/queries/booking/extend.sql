-- booking/extend: a hold is given more time; outcome moved or replay.
-- in: event int, booking uuid, user uuid, key text?, fingerprint text?, wait bool, default_seconds int, life_seconds int, most int
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text, extensions_left int
-- by: booking
select outcome, positions, (booking).*, extensions_left
  from holdfast.extend($1, $2, $3, $4, $5, $6, $7, $8, $9)
