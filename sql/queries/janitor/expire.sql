-- janitor/expire: gives back one batch of due claims; the bookings whose claims they were; at ended_ms since 1970 they have ended.
-- in: limit int
-- out: event_id int, booking_id uuid, ended_ms bigint
-- by: janitor
select event_id, booking_id, floor(extract(epoch from now()) * 1000)::bigint from holdfast.expire($1)
