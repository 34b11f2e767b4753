-- event/popular: the first of these events by rank, and the soonest; available places are not among it.
-- in: events int[], ranks int[], limit int, default_seconds int, default_per_booking int,
-- in: default_per_user int, default_room jsonb
-- out: event_id int, at_us bigint, head text, section_ids text, sections text
-- by: catalog
select event_id, at_us, head, section_ids, sections
  from holdfast.event_popular($1::integer[], $2::integer[], $3, $4, $5, $6, $7)
