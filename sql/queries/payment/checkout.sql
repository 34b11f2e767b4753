-- payment/checkout: a hold is reserved for its payment; outcome new (create it), open (ask for it), settled; durable by the flush that follows.
-- in: event int, booking uuid, user uuid, key text?, fingerprint text?, wait bool, provider text?, grace_seconds int, life_seconds int
-- out: outcome text, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text, attempt int, amount bigint, pay_currency text, provider_id text, provider text
-- by: payment
-- then: flush
select outcome, positions, (booking).*, attempt, amount, pay_currency, provider_id, provider
  from holdfast.checkout($1, $2, $3, $4, $5, $6, $7, $8, $9)
