-- refund/told: what the provider says of a refund: sent, done or failed; outcome noted, refunded, outside, unfit or unknown.
-- in: refund uuid, provider_refund text?, status text, error text?
-- out: outcome text
-- by: outbox
select outcome from holdfast.refund_told($1, $2, $3, $4) as outcome
