-- log/list: a page of the log of an event after a position, with all that is committed by now.
-- in: event int, user uuid, everything bool, after bigint, limit int
-- out: position bigint, body text
-- by: admin
select place, body from holdfast.log_list($1, $2, $3, $4, $5)
