-- booking/cancel: a booking, or some of its items, are given back; durable by the flush that follows.
-- in: event int, booking uuid, user uuid, key text?, fingerprint text?, wait bool, reason text?, seats text[]?, sections text[]?, quantities int[]?
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text
-- by: booking
-- then: flush
select outcome, positions, (booking).*
  from holdfast.cancel($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
