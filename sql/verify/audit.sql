BEGIN;
SELECT 1 / (count(*) = 6)::int FROM holdfast.audit();
SELECT 1 / has_function_privilege('holdfast_verify', 'holdfast.audit()', 'execute')::int;
ROLLBACK;
