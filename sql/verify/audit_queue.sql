SELECT 'holdfast.audit_i9()'::regprocedure;
SELECT 'holdfast.audit_queue()'::regprocedure;
