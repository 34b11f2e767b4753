-- event/brief: whether the caller may see an event, its layout's version, and prices by section.
-- in: event int, user uuid?, everything bool
-- out: shared bool, layout_version int, section_ids text, prices text
-- by: catalog
select shared, layout_version, section_ids, prices from holdfast.event_brief($1, $2, $3)
