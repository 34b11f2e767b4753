-- event/get: one event with its sections, each an object left open for its available places.
-- in: event int, user uuid?, everything bool, default_seconds int, default_per_booking int,
-- in: default_per_user int, default_room jsonb
-- out: shared bool, version int, head text, section_ids text, sections text
-- by: catalog
select shared, version, head, section_ids, sections from holdfast.event_get($1, $2, $3, $4, $5, $6, $7)
