-- outbox/told: how a try ended: done, later, dead or refused; lane: others of its lane would fare alike.
-- in: delivery uuid, status text, error text?, lane bool, gone bool, slow bool
-- out: status text
-- by: outbox
select holdfast.outbox_told($1, $2, $3, $4, $5, $6)
