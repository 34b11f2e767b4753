-- event/update: changes the fields given, if the event is at one of the versions (null: any).
-- in: event int, user uuid, everything bool, versions int[]?, changes jsonb, default_seconds int,
-- in: default_per_booking int, default_per_user int, default_room jsonb
-- out: version int, body text
-- by: admin
-- then: flush
select (body::json ->> 'version')::integer, body
  from holdfast.event_update($1, $2, $3, $4, $5, $6, $7, $8, $9)
