-- payment/told: what the provider says of a payment, in a notice or when asked; durable by the flush that follows.
-- in: provider text, provider_id text, event int?, booking uuid?, attempt int?, notice text?, status text, captured bigint, currency text, error text?, decline text?
-- out: outcome text, event_id int, booking_id uuid, user_id uuid, state text, deadline_ms bigint, positions int[], sections text, pass bigint, revived bigint
-- by: payment payment-sweep webhooks
-- then: flush
select outcome, event_id, booking_id, user_id, state, deadline_ms, positions, sections, pass, revived
  from holdfast.payment_told($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
