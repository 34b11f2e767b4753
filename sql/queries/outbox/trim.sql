-- outbox/trim: notices that have been kept for 30 days go, with their deliveries.
-- in: limit int
-- out: gone bigint
-- by: outbox
select holdfast.outbox_trim($1)
