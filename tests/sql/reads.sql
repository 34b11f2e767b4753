-- What the pools read: bookings, histories, the live picture, and what the filter is built from.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(53);

SELECT event(6, 5, 3) AS event \gset
SELECT event(6, 5, 3) AS other \gset
SELECT held(:event, 'anna', seats(1), '{FLOOR}', '{2}') AS hold \gset
SELECT confirmed(:event, 'anna', seats(2,3), '{FLOOR,BALCONY}', '{1,1}') AS sold \gset
SELECT held(:event, 'berta', seats(4), '{FLOOR}', '{1}') AS reserved \gset
SELECT reserve(:event, :'reserved', 'berta') \gset _
SELECT held(:event, 'carl', seats(5), '{BALCONY}', '{1}') AS due \gset
SELECT due(:event, :'due') \gset _
INSERT INTO seat_claims VALUES (:event, 5, NULL, 'x', 'infinity');
UPDATE sections SET capacity = 5 WHERE event_id = :event AND section_no = 0;

-- ---- one booking -----------------------------------------------------------------------------------

SELECT is(ROW(g.status, g.seat_ids, g.seat_section_ids, g.quantities, g.total, g.version)::text,
    '(HOLD,{VIP-A-1},{VIP},{2},1600,1)', 'one''s own booking')
  FROM booking_get(:event, :'hold', buyer('anna')) AS g;
SELECT is(failure(format('SELECT booking_get(%s, %L, %L)', :event, :'hold', buyer('berta'))), 'HF104',
  'another''s does not exist');
SELECT is(failure(format('SELECT booking_get(%s, %L, %L)', :other, :'hold', buyer('anna'))), 'HF104',
  'nor in another event');
SELECT is(ROW(g.status, g.version, g.expires_at = now())::text, '(EXPIRED,1,t)',
    'past its deadline it is shown as EXPIRED, whatever is stored')
  FROM booking_get(:event, :'due', buyer('carl')) AS g;
SELECT is(status(:event, :'due'), 'HOLD', 'which a read does not change');
SELECT is((booking_show(b, false)).expires_at, b.expires_at, 'a reservation shows its deadline')
  FROM bookings b WHERE booking_id = :'reserved';

-- ---- a history -------------------------------------------------------------------------------------

DO $$
DECLARE
  v_event integer := (SELECT max(event_id) FROM holdfast.events);
BEGIN
  -- 7 bookings, two of the same moment
  FOR i IN 1 .. 7 LOOP
    INSERT INTO holdfast.bookings (event_id, booking_id, user_id, places, positions, seat_prices,
        section_nos, quantities, section_prices, total, currency, first_expires_at, expires_at,
        created_at)
      VALUES (v_event, given.id('h' || i), given.buyer('dora'), 1, '{0}', '{5}', '{}', '{}', '{}', 5,
        'EUR', now(), now() + i % 2 * interval '1 hour',
        now() - CASE WHEN i = 4 THEN 3 ELSE i END * interval '1 minute');
  END LOOP;
END
$$;
CREATE FUNCTION pg_temp.page(p_status text, p_event integer, p_before bigint, p_before_id uuid,
  p_limit integer) RETURNS TABLE (n text, at bigint, id uuid)
LANGUAGE sql AS $$
  SELECT (SELECT 'h' || i FROM generate_series(1, 7) AS i
        WHERE given.id('h' || i) = (l.booking).booking_id),
      l.at, (l.booking).booking_id
    FROM holdfast.booking_list(given.buyer('dora'), p_status, p_event, p_before, p_before_id, p_limit) AS l
$$;
CREATE FUNCTION pg_temp.walk(p_limit integer) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_all text := '';
  v_at  bigint;
  v_id  uuid;
  r     record;
  v_got boolean := true;
BEGIN
  WHILE v_got LOOP
    v_got := false;
    FOR r IN SELECT * FROM pg_temp.page(NULL, NULL, v_at, v_id, p_limit) LOOP
      v_all := v_all || ' ' || r.n;
      v_at := r.at;
      v_id := r.id;
      v_got := true;
    END LOOP;
  END LOOP;
  RETURN v_all;
END
$$;
SELECT is(pg_temp.walk(100), CASE WHEN id('h3') > id('h4') THEN ' h1 h2 h3 h4 h5 h6 h7'
  ELSE ' h1 h2 h4 h3 h5 h6 h7' END, 'a history is newest first');
SELECT is(pg_temp.walk(n), pg_temp.walk(100), 'page by page of ' || n || ' nothing is lost or doubled')
  FROM generate_series(1, 4) AS n;
SELECT is((SELECT count(*) FROM pg_temp.page('HOLD', NULL, NULL, NULL, 100)), 4::bigint,
  'by status as it is shown: live holds');
SELECT is((SELECT count(*) FROM pg_temp.page('EXPIRED', NULL, NULL, NULL, 100)), 3::bigint,
  'and those past their deadline');
SELECT is((SELECT count(*) FROM pg_temp.page(NULL, :event, NULL, NULL, 100)), 0::bigint, 'by event');
SELECT is((SELECT count(*) FROM pg_temp.page(NULL, :other, NULL, NULL, 100)), 7::bigint, 'likewise');
SELECT is((SELECT count(*) FROM booking_list(buyer('nobody'), NULL, NULL, NULL, NULL, 10)), 0::bigint,
  'who has none has none');
SELECT is((SELECT count(*) FROM booking_list(buyer('dora'), NULL, NULL, NULL, NULL, 3)), 3::bigint,
  'a page has its limit');

-- ---- the live picture ------------------------------------------------------------------------------

SELECT is(seat_states(:event), 'hbbrax', 'a letter a seat; what is due is available');
SELECT is(seat_states(:other), 'aaaaaa', 'an event without claims');
SELECT is(seat_states(2000000000), '', 'no event');
SELECT results_eq(format('SELECT * FROM section_counts(%s)', :event),
  $$VALUES ('VIP', 5, 2::bigint, 2::bigint), ('FLOOR', 5, 3, 1), ('BALCONY', 3, 0, 1)$$,
  'places by section; what is due or killed counts as neither held nor sold');
SELECT results_eq(format('SELECT section_id, held + sold FROM section_counts(%s)', :other),
  $$VALUES ('VIP', 0::bigint), ('FLOOR', 0), ('BALCONY', 0)$$, 'sections without claims are there');
SELECT cancel(:event, :'sold', 'anna', seats(2), '{FLOOR}', '{1}') \gset _
SELECT results_eq(format('SELECT * FROM section_counts(%s)', :event),
  $$VALUES ('VIP', 5, 2::bigint, 1::bigint), ('FLOOR', 5, 3, 0), ('BALCONY', 3, 0, 1)$$,
  'after a cancel of a part');
SELECT is(seat_states(:event), 'habrax', 'in the picture too');

-- ---- what the filter is built from -----------------------------------------------------------------

CREATE TEMPORARY TABLE entries AS
  SELECT * FROM filter_entries(:event, '00000000-0000-0000-0000-000000000000', 100);
SELECT is((SELECT count(*) FROM entries), 3::bigint, 'every booking that holds places, no other');
SELECT is((SELECT array_agg(booking_id) FROM entries),
  (SELECT array_agg(booking_id ORDER BY booking_id) FROM entries), 'in the order of their ids');
SELECT is((SELECT ROW(user_id = buyer('anna'), state, positions, section_ids, quantities)::text
  FROM entries WHERE booking_id = :'hold'), '(t,h,{0},{FLOOR},{2})', 'a hold');
SELECT is((SELECT deadline FROM entries WHERE booking_id = :'hold'),
  (SELECT (extract(epoch FROM expires_at) * 1000)::bigint FROM bookings WHERE booking_id = :'hold'),
  'with its deadline in milliseconds');
SELECT is((SELECT ROW(state, deadline, positions, section_ids, quantities)::text
  FROM entries WHERE booking_id = :'sold'), '(b,-1,{2},{BALCONY},{1})',
  'a booking, what stands of it, for good');
SELECT is((SELECT state FROM entries WHERE booking_id = :'reserved'), 'r', 'a reservation');
SELECT is((SELECT count(*) FROM filter_entries(:event, (SELECT min(booking_id::text)::uuid FROM entries), 100)),
  2::bigint, 'a page after an id');
SELECT is((SELECT count(*) FROM filter_entries(:event, '00000000-0000-0000-0000-000000000000', 2)),
  2::bigint, 'of at most so many');
SELECT is((SELECT string_agg(state, '' ORDER BY state) FROM filter_some(:event,
  ARRAY[:'hold', :'due', :'sold', id('none')]::uuid[])), 'bh', 'some by their ids, those that hold places');
SELECT is((SELECT array_agg(booking_id ORDER BY state) FROM seat_owners(:event, seats(1,3,5,6))),
  ARRAY[:'sold', :'hold']::uuid[], 'the live owners of seats');
SELECT is((SELECT count(*) FROM seat_owners(:other, seats(1))), 0::bigint, 'of the other event none');
SELECT is(filter_killed(:event), '{5}', 'positions not for sale');
SELECT is(filter_killed(:other), '{}', 'or none');
SELECT results_eq(format('SELECT * FROM filter_seats(%s, 4, 6)', :event),
  $$VALUES ('VIP-A-5', false), ('VIP-A-6', true)$$, 'the layout, with what is not for sale');
SELECT is((SELECT count(*) FROM filter_seats(:event, 6, 100)), 0::bigint, 'and no more than there is');
SELECT is((SELECT ROW(hold_ms, places_max, layout_version, seats)::text FROM filter_event(:event)),
  '(0,0,1,6)', 'the event');
SELECT is((SELECT sections FROM filter_event(:event)),
  E'VIP|seated|5|0-5\nFLOOR|ga|5|\nBALCONY|ga|3|', 'its sections');
SELECT is((SELECT ROW(open_from, open_until)::text FROM filter_event(:event)),
  (SELECT ROW(floor(extract(epoch FROM sales_start) * 1000)::bigint,
    floor(extract(epoch FROM sales_end) * 1000)::bigint)::text FROM events WHERE event_id = :event),
  'its sale');
SELECT ok((SELECT abs(clock_ms - extract(epoch FROM clock_timestamp()) * 1000) < 1000
  FROM filter_event(:event)), 'and the clock');
SELECT is((SELECT count(*) FROM filter_event(2000000000)), 0::bigint, 'no event, no row');
SELECT is(event_shown(:event),
  (SELECT '1|1|' || string_agg(price::text, ',' ORDER BY section_no) FROM sections WHERE event_id = :event),
  'what it is shown with');
SELECT is(event_shown(2000000000), NULL, 'nothing of no event');
UPDATE events SET hold_seconds = 5, max_seats_per_booking = 4, status = 'closed' WHERE event_id = :event;
SELECT is((SELECT ROW(open_until, hold_ms, places_max)::text FROM filter_event(:event)),
  (SELECT ROW(-floor(extract(epoch FROM sales_end) * 1000)::bigint, 5000, 4)::text FROM events WHERE event_id = :event),
  'a closed sale is not open, and tells until when it may be again');
SAVEPOINT cancelled;
UPDATE events SET status = 'cancelled' WHERE event_id = :event;
SELECT is((SELECT open_until FROM filter_event(:event)), 0::bigint, 'a cancelled one never is');
ROLLBACK TO cancelled;
UPDATE events SET queue = 'on', status = 'on_sale' WHERE event_id = :event;
SELECT is((SELECT room FROM filter_event(:event)),
  (SELECT floor(extract(epoch FROM sales_start) * 1000)::bigint || '|||||' FROM events WHERE event_id = :event),
  'one with a queue has a waiting room');
UPDATE events SET queue = 'off' WHERE event_id = :event;
SELECT hold(:event, 'emil', seats(2), p_key => 'u1') \gset _
SELECT hold(:event, 'emil', seats(5), p_key => 'u2') \gset _
SELECT release(:event, id('u2'), 'emil') \gset _
SELECT results_eq(format('SELECT booking_id FROM filter_used(%s, 10)', :event),
  $$SELECT id('u2')$$, 'ids of keyed bookings that hold nothing are used');
SELECT due(:event, id('u1')) \gset _
SELECT set_eq(format('SELECT booking_id FROM filter_used(%s, 10)', :event),
  $$VALUES (id('u1')), (id('u2'))$$, 'also where the hold is only past its deadline');
SELECT is((SELECT count(*) FROM filter_used(:other, 10)), 0::bigint, 'in their own event');

SELECT results_eq(format('SELECT * FROM event_sections(%s)', :event),
  $$VALUES ('VIP'), ('FLOOR')$$, 'the first sections of an event');

SELECT * FROM finish();
ROLLBACK;
