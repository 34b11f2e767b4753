-- history/seats: the seats of an event behind a position.
-- in: event int, after int, limit int
-- out: position int, seat_id text, section_no int, killed bool
-- by: history
select "position", seat_id, section_no, killed from holdfast.history_seats($1, $2, $3)
