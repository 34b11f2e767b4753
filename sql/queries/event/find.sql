-- event/find: an organizer's event by its title; null if there is none.
-- in: user uuid, title text
-- out: event_id int
-- by: demo
select holdfast.event_find($1, $2)
