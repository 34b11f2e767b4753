BEGIN;
SELECT user_id, email, name, password_hash, role, disabled_at, created_at
  FROM holdfast.users WHERE false;
SELECT family_id, user_id, prefix_hash, created_at, expires_at, revoked_at
  FROM holdfast.refresh_families WHERE false;
SELECT token_hash, family_id, expires_at, next_hash, number FROM holdfast.refresh_tokens WHERE false;
-- A visitor becomes a user, never more.
SELECT 1 / (NOT has_function_privilege('holdfast_accounts',
  'holdfast.account_add(text, text, text, text)', 'execute'))::int;
SELECT 1 / has_function_privilege('holdfast_accounts',
  'holdfast.account_register(text, text, text)', 'execute')::int;
ROLLBACK;
