-- booking/sections: at most two of an event's sections, to see whether there is only one.
-- in: event int
-- out: section_id text
-- by: booking
select section_id from holdfast.event_sections($1)
