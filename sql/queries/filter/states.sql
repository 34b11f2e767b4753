-- filter/states: the state of every seat in layout order, one character each, out of the claims.
-- in: event int
-- out: states text
-- by: booking catalog
select holdfast.seat_states($1)
