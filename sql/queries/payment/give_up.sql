-- payment/give_up: payments that the provider never answered for, of bookings that have ended; how many.
-- in: limit int
-- out: gone bigint
-- by: payment-sweep
select gone from holdfast.payments_give_up($1) as gone
