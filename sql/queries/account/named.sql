-- account/named: whose address this is; null if it is nobody's.
-- in: email text
-- out: user_id uuid
-- by: demo
select holdfast.account_named($1)
