-- outbox/told: how a try ended: done, later, dead or refused; lane: others there would fare alike; crowded: it took long for others under way there.
-- in: delivery uuid, status text, error text?, lane bool, gone bool, slow bool, crowded bool
-- out: status text
-- by: outbox
select holdfast.outbox_told($1, $2, $3, $4, $5, $6, $7)
