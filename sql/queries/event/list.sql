-- event/list: a page of upcoming events, soonest first; available places are not among it.
-- in: like text?, from_time text?, to_time text?, venue int?, after_us bigint?, after_id int?,
-- in: limit int, default_seconds int, default_per_booking int, default_per_user int
-- out: event_id int, at_us bigint, head text, section_ids text, sections text
-- by: catalog
select event_id, at_us, head, section_ids, sections
  from holdfast.event_list($1, $2::timestamptz, $3::timestamptz, $4, $5, $6, $7, $8, $9, $10)
