-- booking/refunded: staff say that what no job can send was given back, or is to be sent again; durable by the flush, also when told again.
-- in: event int, booking uuid, staff uuid, all bool, key text?, fingerprint text?, wait bool, again bool
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text
-- by: admin
-- then: flush
select outcome, positions, (booking).*
  from holdfast.refunded($1, $2, $3, $4, $5, $6, $7, $8)
