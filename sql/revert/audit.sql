BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION audit_events, audit, audit_i6, audit_i5, audit_i4, audit_i3, audit_i2, audit_i1;
DROP VIEW audit_claims, audit_expected;
COMMIT;
