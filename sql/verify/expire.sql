BEGIN;
SELECT 'holdfast.expire(integer)'::regprocedure;
ROLLBACK;
