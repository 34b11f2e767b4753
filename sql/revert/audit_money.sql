BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION audit_money, audit_i7;
COMMIT;
