-- refund/heard: a notice of the provider about a refund; outcome noted, refunded, outside, unfit, replay, early or unknown.
-- in: provider text, notice text, refund uuid?, payment text?, provider_refund text, status text, amount bigint, currency text?, error text?
-- out: outcome text
-- by: webhooks
-- commits: durably
select outcome from holdfast.refund_heard($1, $2, $3, $4, $5, $6, $7, $8, $9) as outcome
