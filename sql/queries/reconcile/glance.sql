-- reconcile/glance: a page of the events that are sold or lately were, with the sums of what they hold.
-- in: after int, limit int
-- out: event_id int, wanted bool, open_from bigint, open_until bigint, hold_ms bigint, places_max int, seats int, sections text, counts text, held_seats bigint, reserved_seats bigint, booked_seats bigint, killed_seats bigint, entries bigint, deadlines bigint, first_deadline bigint, clock_ms bigint, room text, shown text
-- by: reconcile
select event_id, wanted, open_from, open_until, hold_ms, places_max, seats, sections, counts, held_seats,
    reserved_seats, booked_seats, killed_seats, entries, deadlines, first_deadline, clock_ms, room,
    holdfast.event_shown(event_id) as shown
  from holdfast.reconcile_glance($1, $2)
