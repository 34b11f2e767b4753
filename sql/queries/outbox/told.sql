-- outbox/told: how a try ended: done, later or dead; lane: others of its lane would fare alike.
-- in: delivery uuid, status text, error text?, lane bool, gone bool
-- out: status text
-- by: outbox
select holdfast.outbox_told($1, $2, $3, $4, $5)
