-- account/list: accounts in the order of their addresses, after one of them.
-- in: after text?, limit int
-- out: user_id uuid, email text, name text, role text, disabled bool, created_at text
-- by: user
select user_id, email, name, role, disabled, to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  from holdfast.account_list($1, $2)
