-- booking/get: the caller's booking as it stands. The two empty columns keep the places of a move's.
-- in: event int, booking uuid, user uuid
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text
-- by: booking
select null as outcome, null as positions, b.*
  from holdfast.booking_get($1, $2, $3) b
