BEGIN;
SELECT pg_catalog.has_schema_privilege('holdfast_booking', 'holdfast', 'usage');
SELECT 1 / count(*) FROM pg_roles WHERE rolname = 'holdfast_verify';
ROLLBACK;
