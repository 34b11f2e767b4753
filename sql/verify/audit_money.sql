SELECT 'holdfast.audit_money()'::regprocedure;
