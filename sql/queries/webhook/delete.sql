-- webhook/delete: ends a webhook of the caller's, or (everything) of anybody's.
-- in: user uuid, webhook uuid, everything bool
-- out:
-- by: admin
-- commits: durably
select holdfast.webhook_delete($1, $2, $3)
