-- event/seatmap: the static layout as pieces of JSON, a row of seats each.
-- in: event int, user uuid?, everything bool
-- out: shared bool, layout_version int, tag text, seats int, section_no int, section text, seat_row text
-- by: catalog
select shared, layout_version, tag, seats, section_no, section, seat_row
  from holdfast.event_seatmap($1, $2, $3)
