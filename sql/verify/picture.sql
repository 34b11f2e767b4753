BEGIN;
SELECT 'holdfast.event_shown(integer)'::regprocedure;
ROLLBACK;
