-- event/demand: the events on sale that were most in demand lately, highest first.
-- in: half_life int, limit int
-- out: event_id int, score text
-- by: catalog
select event_id, score from holdfast.event_demand($1, $2)
