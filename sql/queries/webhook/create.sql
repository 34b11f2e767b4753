-- webhook/create: a webhook of the caller's under an id of the worker's choice; kinds null: all.
-- in: user uuid, webhook uuid, url text, kinds text[]?, secret text, most int
-- out: body text
-- by: admin
-- commits: durably
select holdfast.webhook_create($1, $2, $3, $4, $5, $6)
