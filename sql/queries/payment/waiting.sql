-- payment/waiting: how many payments are open, and how many of them the provider is to be asked about.
-- in: age_seconds int
-- out: open bigint, due bigint
-- by: payment-sweep
select open, due from holdfast.payments_waiting($1)
