-- filter/used: ids of keyed bookings of the last day that hold nothing.
-- in: event int, limit int
-- out: booking_id uuid
-- by: booking catalog reconcile verify queue queue-advance payment payment-sweep webhooks admin
select booking_id from holdfast.filter_used($1, $2)
