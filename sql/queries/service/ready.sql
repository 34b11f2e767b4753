-- service/ready: whether this server takes writes.
-- in:
-- out: writable bool
-- by: booking
select not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off'
