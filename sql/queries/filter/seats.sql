-- filter/seats: the static layout from one position to another: seat ids, and those not for sale.
-- in: event int, from int, until int
-- out: seat_id text, killed bool
-- by: booking catalog reconcile verify queue queue-advance payment payment-sweep webhooks admin
select seat_id, killed from holdfast.filter_seats($1, $2, $3)
