BEGIN;
SET LOCAL search_path = holdfast, public;

DROP FUNCTION account_change(text, text, boolean, text);
DROP FUNCTION account_list(text, bigint);
DROP FUNCTION session_end(bytea);
DROP FUNCTION session_refresh(bytea, bytea, bytea, bigint);
DROP FUNCTION session_start(uuid, text, text, bytea, bytea, bigint);
DROP FUNCTION account_get(uuid);
DROP FUNCTION account_find(text);
DROP FUNCTION account_register(text, text, text);
DROP FUNCTION account_add(text, text, text, text);
DROP TYPE account;
DROP TABLE refresh_tokens;
DROP TABLE refresh_families;
DROP TABLE users;

COMMIT;
