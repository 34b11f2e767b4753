-- payment/opened: what the provider answered to a payment to be created: its id, or why it refused it.
-- in: event int, booking uuid, attempt int, provider_id text?, error text?
-- out: outcome text, event_id int, booking_id uuid, user_id uuid, state text, deadline_ms bigint, positions int[], sections text, pass bigint, revived bigint
-- by: payment payment-sweep
-- commits: durably
select outcome, event_id, booking_id, user_id, state, deadline_ms, positions, sections, pass, revived
  from holdfast.payment_opened($1, $2, $3, $4, $5)
