-- What reconcile asks: which events Redis should keep, and by what sums it sees that they are right.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(20);

SELECT event(10) AS event \gset
SELECT held(:event, 'ann', seats(1, 2), '{FLOOR}', '{2}') AS held \gset
SELECT held(:event, 'bob', seats(3)) AS reserved \gset
SELECT reserve(:event, :'reserved', 'bob') \gset _
SELECT confirmed(:event, 'cat', seats(4, 5), '{FLOOR,BALCONY}', '{1,3}') AS sold \gset
SELECT held(:event, 'dan', seats(6), '{FLOOR}', '{1}') AS due \gset
INSERT INTO seat_claims (event_id, position, state, expires_at) VALUES (:event, 9, 'x', 'infinity');

SELECT due(:event, :'due', now() - interval '1 second') \gset _
SELECT due(:event, :'held', '2100-01-01') \gset _
SELECT due(:event, :'reserved', '2101-01-01') \gset _
CREATE TEMPORARY VIEW glance AS SELECT * FROM reconcile_glance(0, 100);

SELECT is((SELECT ROW(wanted, hold_ms, places_max, seats)::text FROM glance WHERE event_id = :event),
  '(t,0,0,10)', 'the event');
SELECT is((SELECT g.open_from = f.open_from AND g.open_until = f.open_until AND g.places_max = f.places_max
    AND abs(g.clock_ms - f.clock_ms) < 60000
  FROM glance g, filter_event(:event) f WHERE g.event_id = :event), true, 'as the filter has it');
SELECT is((SELECT sections FROM glance WHERE event_id = :event),
  E'VIP|seated|10\nFLOOR|ga|5\nBALCONY|ga|3', 'its sections');
SELECT is((SELECT counts FROM glance WHERE event_id = :event), E'FLOOR|2|1\nBALCONY|0|3',
  'what they hold, of general admission');
SELECT is((SELECT ROW(held_seats, reserved_seats, booked_seats, killed_seats)::text FROM glance
  WHERE event_id = :event), '(2,1,2,1)', 'its seats');
SELECT is((SELECT ROW(entries, deadlines, first_deadline)::text FROM glance WHERE event_id = :event),
  ROW(3, 2, extract(epoch FROM timestamptz '2100-01-01')::bigint * 1000)::text,
  'bookings and deadlines, but for what is due');
SELECT is((SELECT ROW(g.entries, g.deadlines)::text FROM glance g WHERE event_id = :event),
  (SELECT ROW(count(*), count(*) FILTER (WHERE deadline >= 0))::text
    FROM filter_entries(:event, '00000000-0000-0000-0000-000000000000', 100)), 'as the entries are');
UPDATE events SET status = 'closed' WHERE event_id = :event;
SELECT is((SELECT g.open_until = f.open_until AND f.open_until < 0 FROM glance g, filter_event(:event) f
  WHERE g.event_id = :event), true, 'until when a closed sale may be opened again, as the filter has it');

-- which events
CREATE FUNCTION pg_temp.listed(p_changes text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_event integer := (SELECT max(event_id) FROM holdfast.events);
  v_seen  text;
BEGIN
  EXECUTE format('UPDATE holdfast.events SET %s WHERE event_id = %s', p_changes, v_event);
  SELECT concat_ws(' ', (SELECT CASE WHEN g.wanted THEN 'wanted' ELSE 'seen' END
        FROM holdfast.reconcile_glance(v_event - 1, 1) g WHERE g.event_id = v_event),
      (SELECT 'built' FROM holdfast.reconcile_wanted(v_event - 1, 1) AS w WHERE w = v_event),
      (SELECT CASE WHEN k.over THEN 'over' ELSE 'live' END FROM holdfast.filter_known(ARRAY[v_event]) k))
    INTO v_seen;
  RETURN v_seen;
END
$$;
SELECT event(2) AS other \gset
SET LOCAL session_replication_role = replica; -- moves that nobody can make
SELECT is(pg_temp.listed('title = title'), 'wanted built live', 'one that is sold');
SELECT is(pg_temp.listed($$sales_start = now() + interval '1 minute'$$), 'wanted built live', 'or will be at once');
SELECT is(pg_temp.listed($$sales_start = now() + interval '3 minutes'$$), 'live', 'not one of later');
SELECT is(pg_temp.listed($$sales_start = now() - interval '1 day', status = 'closed'$$), 'seen live',
  'one that was closed is looked at');
SELECT is(pg_temp.listed($$status = 'cancelled'$$), 'seen live', 'or cancelled');
SELECT is(pg_temp.listed($$status = 'draft'$$), 'live', 'not a draft');
SELECT is(pg_temp.listed($$status = 'on_sale', sales_end = now()$$), 'seen live', 'sales are over');
SELECT is(pg_temp.listed($$sales_end = now() - interval '2 hours'$$), 'live', 'for some time');
SELECT is(pg_temp.listed($$sales_end = now() - interval '25 hours', sales_start = now() - interval '9 days',
  event_date = now() - interval '23 hours'$$), 'live', 'the event was yesterday');
SELECT is(pg_temp.listed($$event_date = now() - interval '25 hours'$$), 'over', 'and now it is over');
SELECT is((SELECT string_agg(event_id::text, ',') FROM filter_known(ARRAY[:event, 2000000000])),
  :'event', 'those that there are');
SELECT is((SELECT ROW(every)::text FROM job_schedule WHERE name = 'reconcile-full'), '(01:00:00)',
  'a full run has its schedule');

SELECT * FROM finish();
ROLLBACK;
