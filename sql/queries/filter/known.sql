-- filter/known: of these events those that there are, and whether they are over: nothing is kept of those.
-- in: events int[]
-- out: event_id int, over bool
-- by: booking catalog reconcile queue queue-advance payment payment-sweep webhooks admin
select event_id, over from holdfast.filter_known($1)
