BEGIN;
DROP FUNCTION holdfast.expire;
COMMIT;
