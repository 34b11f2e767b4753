-- janitor/expire: gives back one batch of due claims; the bookings whose claims they were.
-- in: limit int
-- out: event_id int, booking_id uuid
-- by: janitor
select event_id, booking_id from holdfast.expire($1)
