-- event/seats: a page of seats in layout order after a position, by section and live state.
-- in: event int, section text?, after int, states bytea, state int?, limit int
-- out: position int, seat_id text, section_id text, row_label text, label text, price bigint
-- by: catalog
select seat_position, seat_id, section_id, row_label, label, price
  from holdfast.event_seats($1, $2, $3, $4, $5, $6)
