-- event/layout: whether a map is everybody's, and the tag of what it shows.
-- in: event int, user uuid?, everything bool
-- out: shared bool, tag text
-- by: catalog
select shared, tag from holdfast.event_layout($1, $2, $3)
