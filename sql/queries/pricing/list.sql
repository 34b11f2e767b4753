-- pricing/list: the rule in force, and a page of the changes of an event's prices, newest first.
-- in: event int, user uuid, everything bool, before bigint?, limit int, defaults jsonb
-- out: pricing text, change_no bigint, body text
-- by: admin
select pricing, change_no, body from holdfast.price_list($1, $2, $3, $4, $5, $6)
