-- filter_entries: thousands of bookings are read at a time, while others wait for the filter.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(3);

SELECT event(2000, 5000, 5000) AS event \gset
SELECT count(held(:event, 'b' || n, seats(n), '{FLOOR,BALCONY}', '{2,1}')) AS made
  FROM generate_series(1, 2000) AS n \gset
SELECT performs_ok(format('SELECT * FROM filter_entries(%s, %L, 2000)', :event,
  '00000000-0000-0000-0000-000000000000'), 1000, 'a page of bookings is quick');
SELECT is(
    ROW(count(*), count(DISTINCT positions), sum((quantities)[1]), min(section_ids::text))::text,
    '(2000,2000,4000,"{FLOOR,BALCONY}")', 'each with its places')
  FROM filter_entries(:event, '00000000-0000-0000-0000-000000000000', 2000);
SELECT is((SELECT count(*) FROM filter_entries(:event, (SELECT booking_id FROM bookings
    WHERE event_id = :event ORDER BY booking_id OFFSET 1499 LIMIT 1), 2000)), 500::bigint,
  'the last page is the rest');

SELECT finish();
ROLLBACK;
