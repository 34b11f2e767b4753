-- history/answers: the kept answers about bookings of an event behind one of them.
-- in: event int, user uuid, operation text, key text, limit int
-- out: user_id uuid, operation text, key text, booking_id uuid
-- by: history
select user_id, operation, key, booking_id from holdfast.history_answers($1, $2, $3, $4, $5)
