-- account/register: a new account for a visitor.
-- in: email text, name text?, password_hash text
-- out: user_id uuid, email text, name text, role text
-- by: accounts
-- commits: durably
select user_id, email, name, role from holdfast.account_register($1, $2, $3)
