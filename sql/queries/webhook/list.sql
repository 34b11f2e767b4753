-- webhook/list: a page of the caller's webhooks in the order of their making; at is where the next page goes on.
-- in: user uuid, at bigint?, after uuid?, limit int
-- out: at bigint, webhook_id uuid, body text
-- by: admin
select at, webhook_id, body from holdfast.webhook_list($1, $2, $3, $4)
