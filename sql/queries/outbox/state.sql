-- outbox/state: what waits, for how long, and what was given up, by channel (mail, webhook, log).
-- in:
-- out: channel text, waiting bigint, oldest bigint, dead bigint
-- by: outbox notices catalog
select channel, waiting, oldest_seconds, dead from holdfast.outbox_state()
