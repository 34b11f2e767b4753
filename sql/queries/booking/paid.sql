-- booking/paid: staff say that it was paid elsewhere; outcome moved, done or replay; made durable by the flush.
-- in: event int, booking uuid, staff uuid, all bool, key text?, fingerprint text?, wait bool, reference text?
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text, pass bigint, user_id uuid, revived bigint
-- by: admin
-- then: flush
select outcome, positions, (booking).*, pass, user_id, revived
  from holdfast.paid($1, $2, $3, $4, $5, $6, $7, $8)
