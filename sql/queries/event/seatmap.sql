-- event/seatmap: the static layout as JSON.
-- in: event int, user uuid?, everything bool
-- out: shared bool, layout_version int, body text
-- by: catalog
select shared, layout_version, body from holdfast.event_seatmap($1, $2, $3)
