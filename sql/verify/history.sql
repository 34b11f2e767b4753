BEGIN;
SELECT 1 / has_function_privilege('holdfast_history', 'holdfast.history_bookings(integer, uuid, integer)', 'execute')::int;
ROLLBACK;
