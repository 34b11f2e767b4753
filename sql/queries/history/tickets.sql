-- history/tickets: how the places in the lines of an event's sections ended, behind one of them.
-- in: event int, line text, epoch int, number bigint, limit int
-- out: section_id text, epoch int, number bigint, user_id uuid, outcome text, booking_id uuid, ended_us bigint
-- by: history
select section_id, epoch, number, user_id, outcome, booking_id, ended_us from holdfast.history_tickets($1, $2, $3, $4, $5)
