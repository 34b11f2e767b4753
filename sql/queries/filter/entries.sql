-- filter/entries: bookings that hold places, in the order of their ids.
-- in: event int, after uuid, limit int
-- out: booking_id uuid, user_id uuid, state text, deadline bigint, positions int[], section_ids text[], quantities int[]
-- by: booking catalog reconcile verify queue payment payment-sweep webhooks
select booking_id, user_id, state, deadline, positions, section_ids, quantities
  from holdfast.filter_entries($1, $2, $3)
