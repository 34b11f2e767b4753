-- history/strangers: those of these accounts that there are not.
-- in: users uuid[]
-- out: user_id uuid
-- by: history
select user_id from holdfast.history_strangers($1)
