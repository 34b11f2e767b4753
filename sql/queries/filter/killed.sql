-- filter/killed: positions not for sale.
-- in: event int
-- out: positions int[]
-- by: reconcile verify
select holdfast.filter_killed($1)
