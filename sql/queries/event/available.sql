-- event/available: the available places by section of some events, without the filter.
-- in: events int[]
-- out: event_id int, section_id text, available bigint
-- by: catalog
select event_id, section_id, available from holdfast.event_available($1::integer[])
