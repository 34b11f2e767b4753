-- account/change: a new role, state or password for an account; what is null stays.
-- in: email text, role text?, disabled bool?, password_hash text?
-- by: user demo
select holdfast.account_change($1, $2, $3, $4)
