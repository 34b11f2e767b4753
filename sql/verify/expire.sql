BEGIN;
SELECT 1 / count(*) FROM pg_proc WHERE oid = 'holdfast.expire(integer)'::regprocedure AND prosrc LIKE '%ctid%';
ROLLBACK;
