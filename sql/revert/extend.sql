BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION extend;
DROP TYPE extend_result;
COMMIT;
