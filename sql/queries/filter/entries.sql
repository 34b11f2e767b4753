-- filter/entries: bookings that hold places, in the order of their ids.
-- in: event int, after uuid, limit int
-- out: booking_id uuid, user_id uuid, state text, deadline bigint, positions int[], section_ids text[], quantities int[], revived bigint
-- by: booking catalog reconcile verify queue queue-advance payment payment-sweep webhooks admin
select booking_id, user_id, state, deadline, positions, section_ids, quantities, revived
  from holdfast.filter_entries($1, $2, $3)
