-- webhook/list: a page of the caller's webhooks in the order of their making, after one of them.
-- in: user uuid, after uuid?, limit int
-- out: webhook_id uuid, body text
-- by: admin
select webhook_id, body from holdfast.webhook_list($1, $2, $3)
