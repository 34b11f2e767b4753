-- venue/list: the caller's venues, or everybody's, in the order of their making.
-- in: user uuid, everything bool, after int, limit int
-- out: venue_id int, body text
-- by: admin
select venue_id, body from holdfast.venue_list($1, $2, $3, $4)
