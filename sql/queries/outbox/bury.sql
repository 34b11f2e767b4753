-- outbox/bury: gives up what has waited too long or for nobody, at most so many.
-- in: limit int
-- out: gone bigint
-- by: outbox
select holdfast.outbox_bury($1)
