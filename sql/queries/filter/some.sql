-- filter/some: of these bookings those that hold places.
-- in: event int, bookings uuid[]
-- out: booking_id uuid, user_id uuid, state text, deadline bigint, positions int[], section_ids text[], quantities int[], revived bigint
-- by: booking catalog reconcile queue queue-advance payment payment-sweep webhooks admin
select booking_id, user_id, state, deadline, positions, section_ids, quantities, revived
  from holdfast.filter_some($1, $2)
