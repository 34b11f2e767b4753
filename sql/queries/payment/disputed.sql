-- payment/disputed: a notice of the provider that a payment is disputed; outcome disputed, replay or unknown.
-- in: provider text, notice text, payment text?, dispute text, amount bigint, currency text, reason text?
-- out: outcome text
-- by: webhooks
-- commits: durably
select outcome from holdfast.payment_disputed($1, $2, $3, $4, $5, $6, $7) as outcome
