-- reconcile/wanted: a page of the ids of events that Redis should keep, after one of them.
-- in: after int, limit int
-- out: event_id int
-- by: reconcile
select event_id from holdfast.reconcile_wanted($1, $2) as event_id
