-- analytics/get: everything about the sales of a period.
-- in: user uuid, everything bool, event int?, from text?, to text?, zone text?, interval text?, popular int
-- out: body text
-- by: admin
select holdfast.analytics($1, $2, $3, $4, $5, $6, $7, $8)
