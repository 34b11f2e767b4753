-- account/find: what a login needs to judge a password; no row where there is no such account.
-- in: email text
-- out: user_id uuid, password_hash text, disabled bool
-- by: accounts
select user_id, password_hash, disabled from holdfast.account_find($1)
