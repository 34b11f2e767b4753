-- outbox/spread: one step with the next event after one: publishes, and writes deliveries; no row: none has any.
-- in: after int, mail bool, limit int
-- out: event bigint, published bigint, written bigint, failed text
-- by: outbox
select event, published, written, failed from holdfast.outbox_spread($1, $2, $3)
