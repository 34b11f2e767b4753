-- refund/due: refunds to send, or to ask about where the provider has them (provider_refund).
-- in: limit int
-- out: refund_id uuid, event_id int, booking_id uuid, attempt int, provider_id text, provider_refund text, amount bigint, currency text, reason text, tries int, previous_ids text
-- by: outbox
select refund_id, event_id, booking_id, attempt, provider_id, provider_refund, amount, currency, reason, tries, previous_ids
  from holdfast.refunds_due($1)
