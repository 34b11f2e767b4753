-- What staff do: venues and events made and changed, down to single seats.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(90);

SELECT users('owner', 'other', 'admin', 'buyer', 'gone') \gset _
UPDATE users SET role = 'organizer' WHERE email IN ('owner@example.test', 'other@example.test', 'gone@example.test');
UPDATE users SET role = 'admin' WHERE email = 'admin@example.test';
UPDATE users SET disabled_at = now() WHERE email = 'gone@example.test';

CREATE FUNCTION pg_temp.create(p_user text, p_in jsonb, p_key text DEFAULT NULL, p_all boolean DEFAULT false)
RETURNS edit_result
LANGUAGE sql AS $$
  SELECT holdfast.event_create(given.buyer(p_user), p_all, p_key, CASE WHEN p_key <> '' THEN 'print' END,
    false, p_in, 600, 10, 0)
$$;
CREATE FUNCTION pg_temp.update(p_user text, p_event integer, p_in jsonb, p_versions integer[] DEFAULT NULL,
  p_all boolean DEFAULT false) RETURNS edit_result
LANGUAGE sql AS $$
  SELECT holdfast.event_update(p_event, given.buyer(p_user), p_all, p_versions, p_in, 600, 10, 0)
$$;

-- ---- venues ----------------------------------------------------------------------------------------

SELECT id AS venue, body AS venue_body FROM venue_create(buyer('owner'), 'vk', 'print', false,
  '{"name": "Hall", "timezone": "Europe/Zurich", "layouts": [{"name": "plain", "sections": [
    {"section_id": "S", "name": "S", "kind": "seated", "capacity": 2, "base_price": 5,
      "rows": [{"row": "A", "seats": 2}]}]}]}') \gset
SELECT is(:'venue_body'::jsonb - 'created_at' - 'venue_id' - 'layouts',
  '{"name": "Hall", "address": "", "timezone": "Europe/Zurich"}', 'a venue is made');
SELECT is(v.replayed::text || (v.body = :'venue_body')::text, 'truetrue', 'the same key answers the same')
  FROM venue_create(buyer('owner'), 'vk', 'print', false, '{"name": "Another"}') AS v;
SELECT is(failure($$SELECT venue_create(buyer('owner'), 'vk', 'other', false, '{"name": "x"}')$$), 'HF130',
  'a key is bound to its request');
SELECT is((venue_create(buyer('other'), 'vk', 'print', false, '{"name": "Else"}')).replayed, false,
  'and to its user');
SELECT is(failure(format('SELECT venue_create(buyer(%L), NULL, NULL, false, %L)', who, '{"name": "x"}')),
    'HF103', 'not by ' || who)
  FROM unnest('{buyer,gone,nobody}'::text[]) AS who;
SELECT is(failure($$SELECT venue_create(buyer('owner'), NULL, NULL, false,
  '{"name": "x", "timezone": "Mars/Olympus"}')$$),
  'HF122 {"detail": "There is no such time zone (IANA names are known).", "pointer": "/timezone"}',
  'a time zone is a real one');
SELECT matches(failure($$SELECT venue_create(buyer('owner'), NULL, NULL, false, '{"name": "x", "layouts":
  [{"name": "l", "sections": [{"section_id": "S", "rows": [{"row": "A", "seats": ["1", "1"]}]}]}]}')$$),
  '^HF122 .*"/layouts/0/sections/0/rows/0/seats"', 'a layout has each seat once');
SELECT is((SELECT count(*) FROM venue_list(buyer('owner'), false, 0, 10)), 1::bigint, 'one''s own venues');
SELECT is((SELECT count(*) FROM venue_list(buyer('admin'), true, 0, 10)), 2::bigint, 'an admin sees all');
SELECT is((SELECT count(*) FROM venue_list(buyer('admin'), true, :venue, 10)), 1::bigint, 'page by page');
SELECT is(failure(format('SELECT * FROM %s', call)), 'HF103', 'once one is no staff: no ' || call)
  FROM unnest(ARRAY['venue_list(buyer(''gone''), false, 0, 10)', 'venue_list(buyer(''other''), true, 0, 10)',
    'webhook_list(buyer(''gone''), NULL, NULL, 10)', 'webhook_list(buyer(''buyer''), NULL, NULL, 10)',
    'venue_create(buyer(''gone''), ''vk'', ''print'', false, ''{}'')']) AS call;
SELECT is(venue_find(buyer('owner'), 'Hall'), :venue, 'a venue by its name');
SELECT is(account_named('OWNER@example.test'), buyer('owner'), 'an account by its address');

-- ---- events made -----------------------------------------------------------------------------------

SELECT id AS event, body FROM pg_temp.create('owner', jsonb_build_object('title', 'Gala',
  'event_date', '2030-07-01', 'venue_id', :venue, 'currency', 'CHF', 'sections', '[
    {"section_id": "P", "name": "Parkett", "kind": "seated", "capacity": 5, "base_price": 900, "rows": [
      {"row": "A", "seats": 3}, {"row": "B", "seats": ["P-B-7", "X9"], "price": 1200}]},
    {"section_id": "F", "name": "Floor", "kind": "ga", "capacity": 4, "base_price": 300}]'::jsonb), 'ek')
  \gset
SELECT is(e.organizer_id, buyer('owner'), 'an event is its maker''s')
  FROM events e WHERE event_id = :event;
SELECT is(:'body'::jsonb ->> 'event_date', '2030-06-30T22:00:00Z', 'a bare date is midnight where it is');
SELECT is(ROW(b ->> 'status', b ->> 'timezone', b ->> 'payment', b ->> 'queue', b -> 'hold_seconds',
    b -> 'max_seats_per_booking', b -> 'max_seats_per_user', b -> 'version', b ->> 'sales_end')::text,
    '(on_sale,Europe/Zurich,none,off,600,10,null,1,2030-06-30T22:00:00Z)', 'what is not said has its default')
  FROM (SELECT :'body'::jsonb AS b) AS q;
SELECT is((SELECT string_agg(position || ':' || seat_id || ':' || row_label || ':' || label || ':'
    || coalesce(price::text, '-'), ' ' ORDER BY position) FROM seats WHERE event_id = :event),
  '0:P-A-1:A:1:- 1:P-A-2:A:2:- 2:P-A-3:A:3:- 3:P-B-7:B:7:1200 4:X9:B:X9:1200',
  'seats lie densely in layout order, under the ids that were given');
SELECT is((SELECT string_agg(section_id || ':' || kind || ':' || capacity || ':' || price, ' '
    ORDER BY section_no) FROM sections WHERE event_id = :event), 'P:seated:5:900 F:ga:4:300',
  'sections in their order, the price begins at the base price');
SELECT is((SELECT string_agg(section_no || ':' || capacity || ':' || taken, ' ') FROM ga_counts
  WHERE event_id = :event), '1:4:0', 'general admission has its count');
SELECT is((SELECT seats_count FROM events WHERE event_id = :event), 5, 'the next position is known');
SELECT is((:'body'::jsonb #> '{sections,0}'), '{"section_id": "P", "ticket_type_id": "TICKET", "name":
    "Parkett", "kind": "seated", "capacity": 5, "base_price": 900, "price": 900, "available": 5}'::jsonb
    || jsonb_build_object('ticket_type_id', :event || ':P'), 'the answer shows what can be had');
SELECT is(r.replayed::text || (r.body = :'body')::text, 'truetrue', 'the same key answers the same')
  FROM pg_temp.create('owner', '{}', 'ek') AS r;
SELECT is((SELECT count(*) FROM events WHERE title = 'Gala'), 1::bigint, 'one key, one event');
SELECT is(failure(format('SELECT pg_temp.create(%L, %L)', who, '{}')), 'HF103', 'not by ' || who)
  FROM unnest('{buyer,gone}'::text[]) AS who;
SELECT is(failure(format($$SELECT pg_temp.create('other', '{"venue_id": %s}')$$, :venue)), 'HF104',
  'nor in somebody else''s venue');
SELECT matches(failure(format($$SELECT pg_temp.create('owner', '{"venue_id": %s, "layout": "odd"}')$$,
  :venue)), '^HF122 .*/layout"', 'a layout must be there');
SELECT matches(failure($$SELECT pg_temp.create('owner', '{"title": "x", "event_date": "2030-01-01",
  "currency": "EUR", "sales_start": "2031-01-01T00:00:00Z", "sections": []}')$$),
  '^HF122 .*/sales_start"', 'a sale begins before it ends');
SELECT id AS hall FROM pg_temp.create('owner', jsonb_build_object('title', 'Plain', 'event_date',
  '2030-07-01T10:00:00+02:00', 'venue_id', :venue, 'layout', 'plain', 'currency', 'CHF')) \gset
SELECT is((SELECT count(*) FROM seats WHERE event_id = :hall), 2::bigint, 'an event from a layout');
SELECT is(event_find(buyer('owner'), 'Plain'), :hall, 'an event by its title');
SELECT is(failure($$SELECT pg_temp.create('owner', '{"title": "x", "event_date": "2030-01-01",
  "currency": "euro", "sections": []}')$$), '23514', 'the tables judge what was not judged before');

-- ---- events changed --------------------------------------------------------------------------------

SELECT is(failure(format('SELECT pg_temp.update(%L, %s, %L)', who, :event, '{}')), code,
    format('%s may not change it', who))
  FROM (VALUES ('buyer', 'HF103'), ('gone', 'HF103'), ('other', 'HF104')) AS v (who, code);
SELECT is((pg_temp.update('admin', :event, '{"title": "Gala 2"}', p_all => true)).body::jsonb ->> 'title',
  'Gala 2', 'an admin may');
SELECT is(failure(format('SELECT pg_temp.%s', call)), 'HF103',
    'an admin''s token is worth nothing for others'' events once its bearer is none: ' || split_part(call, '(', 1))
  FROM unnest(ARRAY[format('update(%L, %s, %L, p_all => true)', 'other', :event, '{}'),
    format('create(%L, %L, p_all => true)', 'other', '{"title": "x"}')]) AS call;
SELECT is(failure(format('SELECT pg_temp.update(%L, %s, %L, %L)', 'owner', :event, '{}', '{1}')),
  'HF221 {"version": 2}', 'who read an older version is told');
SELECT is((pg_temp.update('owner', :event, '{"hold_seconds": 60}', '{7,2}')).body::jsonb -> 'version',
  '3'::jsonb, 'one of the versions must be it');
SELECT is((SELECT hold_seconds FROM events WHERE event_id = :event), 60, 'the field is changed');
SELECT is((pg_temp.update('owner', :event, '{"hold_seconds": null}')).body::jsonb -> 'hold_seconds',
  '600'::jsonb, 'null takes it back to the default');
SELECT matches(failure(format('SELECT pg_temp.update(%L, %s, %L)', 'owner', :event,
  '{"currency": "EUR"}')), '^HF122 .*/currency"', 'the currency of an event stays');
SELECT matches(failure(format('SELECT pg_temp.update(%L, %s, %L)', 'owner', :event,
  '{"status": "draft"}')), '^HF206 .*on_sale', 'and its status moves only forward');
SELECT is((pg_temp.update('owner', :event, '{"event_date": "2030-08-01"}')).body::jsonb ->> 'sales_end',
  '2030-07-31T22:00:00Z', 'sales that end with the event follow it');
SELECT matches(failure(format('SELECT pg_temp.update(%L, %s, %L)', 'owner', :event,
  '{"sections": [{"section_id": "F", "rows": []}]}')), '^HF122 .*/sections/0/rows"',
  'a section stays what it is');

-- capacity
SELECT held(:event, 'b1', '{}', '{F}', '{2}') AS live \gset
SELECT held(:event, 'b2', '{}', '{F}', '{1}') AS due \gset
SELECT due(:event, :'due') \gset _
SELECT is(failure(format('SELECT pg_temp.update(%L, %s, %L)', 'owner', :event,
  '{"sections": [{"section_id": "F", "capacity": 1}]}')),
  'HF220 {"taken": 2, "requested": 1, "section_id": "F"}', 'a capacity is not below what is taken');
SELECT is(status(:event, :'due') || taken(:event, 1), 'HOLD3', 'a refusal gives nothing back');
SELECT is((pg_temp.update('owner', :event, '{"sections": [{"section_id": "F", "capacity": 2}]}')).body::jsonb
  #> '{sections,1,available}', '0'::jsonb, 'what is due is given back first');
SELECT is(status(:event, :'due') || taken(:event, 1), 'EXPIRED2', 'and ends');
SELECT is((SELECT ROW(n.capacity, c.capacity)::text FROM ga_counts n JOIN sections c
  USING (event_id, section_no) WHERE event_id = :event), '(2,2)', 'both capacities have moved');
SELECT is((pg_temp.update('owner', :event, '{"sections": [{"section_id": "F", "capacity": 9,
  "base_price": 350}]}')).body::jsonb #> '{sections,1,available}', '7'::jsonb, 'more places');
SELECT is((SELECT price FROM sections WHERE event_id = :event AND section_no = 1), 350::bigint,
  'the price follows the base price');
UPDATE sections SET price = 500 WHERE event_id = :event AND section_no = 1;
SELECT pg_temp.update('owner', :event, '{"sections": [{"section_id": "F", "base_price": 400}]}') \gset _
SELECT is((SELECT price FROM sections WHERE event_id = :event AND section_no = 1), 500::bigint,
  'unless it has moved away from it');
SELECT is((booking_show(b, false)).total, 600::bigint, 'a hold keeps the price that it had')
  FROM bookings b WHERE booking_id = :'live';

-- seats
SELECT held(:event, 'b1', '{P-A-2}') AS seat \gset
SELECT layout_version AS layout FROM events WHERE event_id = :event \gset
SELECT is(failure(format('SELECT pg_temp.update(%L, %s, %L)', 'owner', :event,
  '{"sections": [{"section_id": "P", "capacity": 2, "rows": [{"row": "A", "seats": ["P-A-1", "P-A-3"]}]}]}')),
  'HF220 {"seat_ids": ["P-A-2"]}', 'a seat that is taken is not taken away');
SELECT is(seat_states(:event), 'ahaaa', 'nor any other');
SELECT pg_temp.update('owner', :event, '{"sections": [{"section_id": "P", "capacity": 4, "rows":
  [{"row": "A", "seats": ["P-A-1", "P-A-2"]}, {"row": "C", "seats": ["P-C-1", "P-C-2"]}]}]}') \gset _
SELECT is(seat_states(:event), 'ahxxxaa', 'seats not named are killed, new ones come at the end');
SELECT is((SELECT ROW(seats_count, layout_version)::text FROM events WHERE event_id = :event),
  ROW(7, :layout + 1)::text, 'no position is reused, and the map has changed');
SELECT is(failure(format('SELECT hold(%s, %L, %L)', :event, 'b3', '{P-A-3}')),
  'HF201 {"seat_ids": ["P-A-3"]}', 'a killed seat is not to be had');
SELECT is(failure(format('SELECT pg_temp.update(%L, %s, %L)', 'owner', :event,
  '{"sections": [{"section_id": "Q", "name": "Q", "kind": "seated", "capacity": 1, "rows":
    [{"row": "A", "seats": ["P-A-1"]}]}]}')),
  'HF122 {"detail": "Another section has a seat with the id P-A-1.", "pointer": "/sections/0/rows/0/seats"}',
  'a seat does not move to another section');
SELECT due(:event, :'seat') \gset _
SELECT pg_temp.update('owner', :event, '{"sections": [{"section_id": "P", "capacity": 2, "rows":
  [{"row": "A", "seats": ["P-A-1", "P-A-3"]}]}]}') \gset _
SELECT is(seat_states(:event), 'axaxxxx', 'a seat whose hold is due can go, a killed one comes back');
SELECT is(status(:event, :'seat'), 'EXPIRED', 'the hold ends');
SELECT is((hold(:event, 'b3', '{P-A-3}')).outcome, 'new', 'and the seat that came back is sold');
SELECT is((SELECT count(*) FROM audit_i2()), 0::bigint, 'capacities are what the seats are');
SELECT users('b1', 'b2', 'b3') \gset _
SELECT is(sound(), 'sound', 'the books agree');
SELECT pg_temp.update('owner', :event, '{"sections": [{"section_id": "N", "name": "New", "kind": "ga",
  "capacity": 3, "base_price": 10}]}') \gset _
SELECT is((hold(:event, 'b3', '{}', '{N}', '{3}')).outcome, 'new', 'a new section is on sale');

-- ---- what everybody reads --------------------------------------------------------------------------

SELECT is((SELECT string_agg(event_id::text, ' ') FROM event_list(NULL, NULL, NULL, NULL, NULL, :venue,
  NULL, NULL, 10, 600, 10, 0)), :hall || ' ' || :event, 'events of a venue, soonest first');
SELECT is((SELECT string_agg(event_id::text, ' ') FROM event_list('GALA', NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, 10, 600, 10, 0)), :'event'::text, 'by words of their title');
SELECT is((SELECT string_agg(event_id::text, ' ') FROM event_list(NULL, NULL, NULL, NULL, NULL, :venue, at_us,
    :hall, 10, 600, 10, 0)), :'event'::text, 'page by page')
  FROM event_list(NULL, NULL, NULL, NULL, NULL, :venue, NULL, NULL, 1, 600, 10, 0);
SELECT is((SELECT count(*) FROM event_list(NULL, '2030-07-15Z', '2030-08-15Z', NULL, NULL, :venue, NULL,
  NULL, 10, 600, 10, 0)), 1::bigint, 'between two dates');
INSERT INTO events (organizer_id, title, event_date, sales_end, currency, status)
  VALUES (buyer('owner'), 'Secret', now() + interval '1 day', now() + interval '1 day', 'EUR', 'draft')
  RETURNING event_id AS draft \gset
SELECT is((SELECT count(*) FROM event_list('secret', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 10, 600, 10, 0)),
  0::bigint, 'a draft is not listed');
SELECT is(failure(format('SELECT event_get(%s, %L, false, 600, 10, 0)', :draft, buyer('other'))), 'HF104',
  'nor seen by others');
SELECT is((event_get(:draft, buyer('owner'), false, 600, 10, 0)).shared, false,
  'its organizer sees it, and nobody keeps it');
SELECT is((event_get(:draft, buyer('admin'), true, 600, 10, 0)).event_id, :draft, 'an admin too');
SELECT is(failure(format('SELECT event_get(%s, NULL, false, 600, 10, 0)', :draft)), 'HF104',
  'and no passer-by');
UPDATE users SET role = 'user' WHERE user_id = buyer('owner');
SELECT is(failure(format('SELECT %s(%s, %L, %L%s)', call, :draft, buyer(who), everything, more)), 'HF104',
    format('nor (%s) by %s, who was staff', call, who))
  FROM (VALUES ('event_get', ', 600, 10, 0'), ('event_brief', ''), ('event_layout', ''), ('event_seatmap', '')) AS c (call, more),
    (VALUES ('owner', false), ('other', true)) AS w (who, everything);
UPDATE users SET role = 'organizer' WHERE user_id = buyer('owner');
SELECT is((SELECT string_agg(section_id || ':' || available, ' ' ORDER BY section_id)
  FROM event_available(ARRAY[:event]::int[])), 'F:7 N:0 P:1', 'what is available, by section');

SELECT * FROM finish();
ROLLBACK;
