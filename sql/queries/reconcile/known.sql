-- reconcile/known: of these events those that there are, and whether they are over.
-- in: events int[]
-- out: event_id int, over bool
-- by: reconcile
select event_id, over from holdfast.reconcile_known($1)
