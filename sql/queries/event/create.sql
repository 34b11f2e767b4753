-- event/create: makes an event with its sections and seats. wait: a repeat after an unknown outcome.
-- in: user uuid, everything bool, key text?, fingerprint text?, wait bool, event jsonb,
-- in: default_seconds int, default_per_booking int, default_per_user int, default_room jsonb
-- out: replayed bool, id text, body text
-- by: admin demo
-- commits: durably
select replayed, id, body from holdfast.event_create($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
