-- payment/due: payments to ask the provider about; cancel: nobody waits for it any more.
-- in: limit int, age_seconds int
-- out: event_id int, booking_id uuid, attempt int, provider_id text, amount bigint, currency text, cancel bool, status text
-- by: payment-sweep
select event_id, booking_id, attempt, provider_id, amount, currency, cancel, status
  from holdfast.payments_due($1, $2)
