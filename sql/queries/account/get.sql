-- account/get: the account of a token's bearer; no row if it is gone or disabled.
-- in: user_id uuid
-- out: user_id uuid, email text, name text, role text
-- by: accounts
select user_id, email, name, role from holdfast.account_get($1)
