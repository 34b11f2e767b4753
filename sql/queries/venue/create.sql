-- venue/create: makes a venue with its layouts. wait: a repeat after an unknown outcome.
-- in: user uuid, key text?, fingerprint text?, wait bool, venue jsonb
-- out: replayed bool, id text, body text
-- by: admin demo
-- commits: durably
select replayed, id, body from holdfast.venue_create($1, $2, $3, $4, $5)
