-- The roles stay: other databases of the cluster may use them. Without the schema they can do nothing.
BEGIN;
DROP SCHEMA holdfast;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
COMMIT;
