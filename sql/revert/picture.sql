BEGIN;
DROP FUNCTION holdfast.event_shown;
COMMIT;
