-- audit/run: the invariants, each with how often it is broken, the first break, and what was looked at.
-- out: invariant text, failures bigint, first text, checked text
-- by: verify
select invariant, failures, first, checked from holdfast.audit()
union all
select invariant, failures, first, checked from holdfast.audit_queue()
union all
select invariant, failures, first, checked from holdfast.audit_money() order by invariant
