-- account/add: a new account with the role that the operator gives it.
-- in: email text, name text?, password_hash text, role text
-- out: user_id uuid, email text, name text, role text
-- by: user demo
select user_id, email, name, role from holdfast.account_add($1, $2, $3, $4)
