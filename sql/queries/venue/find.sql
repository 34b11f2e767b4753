-- venue/find: an organizer's venue by its name; null if there is none.
-- in: user uuid, name text
-- out: venue_id int
-- by: demo
select holdfast.venue_find($1, $2)
