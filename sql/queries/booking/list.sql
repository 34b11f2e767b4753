-- booking/list: a page of the caller's history, newest first; at is where the next page goes on.
-- in: user uuid, status text?, event int?, before bigint?, before_id uuid?, limit int
-- out: at bigint, positions int[], booking_id uuid, event_id int, status text, seat_ids text[], seat_section_ids text[], seat_prices bigint[], section_ids text[], quantities int[], section_prices bigint[], total bigint, currency text, expires_at timestamptz, created_at timestamptz, confirmed_at timestamptz, cancelled_at timestamptz, version int, payment text
-- by: booking
select at, null as positions, (booking).*
  from holdfast.booking_list($1, $2, $3, $4, $5, $6)
