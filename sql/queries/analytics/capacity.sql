-- analytics/capacity: a page of events with how full they are.
-- in: user uuid, everything bool, event int?, when text, at bigint?, after int?, limit int
-- out: event_id int, at_us bigint, more bool, body text
-- by: admin
select event_id, at_us, more, body from holdfast.capacity_list($1, $2, $3, $4, $5, $6, $7)
