-- event/list: a page of upcoming events, soonest first; available places are not among it.
-- in: words text?, from_time text?, to_time text?, first_day text?, last_day text?, venue int?,
-- in: after_us bigint?, after_id int?, limit int, default_seconds int, default_per_booking int,
-- in: default_per_user int, default_room jsonb
-- out: event_id int, at_us bigint, head text, section_ids text, sections text
-- by: catalog
select event_id, at_us, head, section_ids, sections
  from holdfast.event_list($1, $2::timestamptz, $3::timestamptz, $4::date, $5::date, $6, $7, $8, $9, $10, $11,
    $12, $13)
