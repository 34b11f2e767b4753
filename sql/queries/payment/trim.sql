-- payment/trim: notices of a provider that it does not repeat any more.
-- in: limit int
-- out: gone bigint
-- by: payment-sweep
select gone from holdfast.payment_notices_trim($1) as gone
