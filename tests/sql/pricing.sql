-- Prices that move: what the job reads, what it may write and when not, what staff set by hand, and
-- the history of all of it.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(62);

\set rule '{"floor_percent": 80, "ceiling_percent": 150, "step_percent": 10, "round_to": 10}'
CREATE FUNCTION pg_temp.seen(p_after integer, p_only integer DEFAULT NULL) RETURNS integer[]
LANGUAGE sql AS $$
  SELECT coalesce(array_agg(DISTINCT event_id), '{}') FROM pricing_next(p_after, p_only, '{}')
$$;
CREATE FUNCTION pg_temp.change(p_event integer, p_in jsonb, p_all boolean DEFAULT false) RETURNS jsonb
LANGUAGE sql AS $$
  SELECT ((event_update(p_event, buyer('organizer'), p_all, NULL, p_in, 600, 10, 0)).body)::jsonb
$$;
-- FLOOR to a price, from the one and the base that are expected.
CREATE FUNCTION pg_temp.to_price(p_old bigint, p_new bigint, p_base bigint DEFAULT 300) RETURNS jsonb
LANGUAGE sql AS $$
  SELECT jsonb_build_array(jsonb_build_object('section_no', 1, 'base_price', p_base, 'old_price', p_old,
    'new_price', p_new, 'reason', 'selling_fast', 'inputs', '{"sold": 3}'::jsonb))
$$;
CREATE FUNCTION pg_temp.floor(p_event integer) RETURNS text
LANGUAGE sql AS $$
  SELECT ROW(s.base_price, s.price, s.version, e.version)::text FROM sections s JOIN events e USING (event_id)
    WHERE s.event_id = p_event AND s.section_no = 1
$$;
CREATE FUNCTION pg_temp.history(p_event integer) RETURNS text
LANGUAGE sql AS $$
  SELECT coalesce(string_agg(concat_ws(' ', section_no, old_price, new_price, reason, inputs), ', '
    ORDER BY change_no), '') FROM price_changes WHERE event_id = p_event
$$;

-- ---- what the job reads ----------------------------------------------------------------------------

SELECT event(10, 8, 3) AS first \gset
SELECT event(4) AS event \gset
SELECT is(pricing, '{"enabled": false}', 'off by default') FROM events WHERE event_id = :event;
SELECT is(pg_temp.seen(0), '{}', 'and then never looked at');
SELECT is(pg_temp.seen(0, :event), '{}', 'nor if asked for');
UPDATE events SET pricing = '{"enabled": true, "ceiling_percent": 200}';
SELECT is(pg_temp.seen(0), ARRAY[:first], 'one event at a time');
SELECT is(pg_temp.seen(:first), ARRAY[:event], 'then the next');
SELECT is(pg_temp.seen(:event), '{}', 'and no more');
SELECT is(pg_temp.seen(0, :event), ARRAY[:event], 'or one alone');
SELECT is(pg_temp.seen(:event, :event), '{}', 'once');
SAVEPOINT sale;
UPDATE events SET sales_start = now() + interval '1 second' WHERE event_id = :event;
SELECT is(pg_temp.seen(0, :event), '{}', 'not before sales begin');
UPDATE events SET sales_start = now() - interval '1 day', sales_end = now() WHERE event_id = :event;
SELECT is(pg_temp.seen(0, :event), '{}', 'not after their end');
ROLLBACK TO sale;
UPDATE events SET status = 'closed' WHERE event_id = :event;
SELECT is(pg_temp.seen(0, :event), '{}', 'not while it is closed');
ROLLBACK TO sale;

SELECT confirmed(:event, 'anna', seats(1), '{FLOOR}', '{3}') AS sold \gset
SELECT held(:event, 'bert', seats(2), '{FLOOR}', '{1}') AS held \gset
SELECT results_eq(format('SELECT section_no, section_id, base_price, price, capacity, sold
    FROM pricing_next(0, %s, %L)', :event, :'rule'),
  $$VALUES (0::smallint, 'VIP', 1000::bigint, 1000::bigint, 4, 1::bigint), (1::smallint, 'FLOOR', 300, 300, 5, 3),
    (2::smallint, 'BALCONY', 200, 200, 3, 0)$$, 'each section with what is sold of it; a hold is no sale');
SELECT results_eq(format('SELECT DISTINCT floor_percent, ceiling_percent, step_percent, round_to
    FROM pricing_next(0, %s, %L)', :event, :'rule'),
  'VALUES (80::bigint, 200::bigint, 10::bigint, 10::bigint)', 'the event''s rule over the configured one');
SELECT ok((SELECT bool_and(at = floor(extract(epoch FROM now())) AND sales_start < at AND at < sales_end
    AND changed IS NULL) FROM pricing_next(0, :event, :'rule')), 'by the database''s clock');

-- ---- what it writes ----------------------------------------------------------------------------

SET LOCAL synchronous_commit = 'on';
SELECT pricing_apply(:event, 1, pg_temp.to_price(300, 330)) \gset _
SELECT is(current_setting('synchronous_commit'), 'on', 'a price is as durable as the site wishes');
SELECT is(pg_temp.floor(:event), '(300,330,2,2)', 'the price, and both versions');
SELECT is(pg_temp.history(:event), '1 300 330 selling_fast {"sold": 3}', 'with its history');
SELECT is((SELECT changed - at FROM pricing_next(0, :event, :'rule') WHERE section_no = 1), 0::bigint,
  'and its moment, for the next run');
SELECT is((SELECT changed FROM pricing_next(0, :event, :'rule') WHERE section_no = 2), NULL,
  'of this section alone');
SELECT is(((booking_get(:event, :'held', buyer('bert'))).section_prices)[1], 300::bigint,
  'a live hold keeps its price');
SELECT confirm(:event, :'held', 'bert') \gset _
SELECT is((booking_get(:event, :'held', buyer('bert'))).total, 1300::bigint, 'and is confirmed at it');
SELECT is((hold(:event, 'carl', '{}', '{FLOOR}', '{1}')).outcome, 'new', 'a new hold');
SELECT is((SELECT section_prices FROM bookings WHERE user_id = buyer('carl')), '{330}',
  'has the new price at once');
SELECT is((SELECT prices[2] FROM event_brief(:event, NULL, false)), 330::bigint, 'as has the catalogue');

-- ---- what it does not --------------------------------------------------------------------------

SELECT is(failure(format('SELECT pricing_apply(%s, 1, pg_temp.to_price(330, 360))', :event)), 'HF221',
  'nothing of an event that was edited since');
SELECT is(failure(format('SELECT pricing_apply(%s, 2, pg_temp.to_price(300, 360))', :event)), 'HF221',
  'nor where the price is another');
SELECT is(failure(format('SELECT pricing_apply(%s, 2, pg_temp.to_price(330, 360, 310))', :event)), 'HF221',
  'or the base price');
SELECT is(failure(format('SELECT pricing_apply(%s, 2, pg_temp.to_price(330, 360)
    || jsonb_set(pg_temp.to_price(7, 9), ''{0,section_no}'', ''2''))', :event)), 'HF221',
  'all of its sections or none');
SELECT is(failure(format('SELECT pricing_apply(%s, 2, pg_temp.to_price(330, 330))', :event)), '23514',
  'no change is none');
SELECT is(failure('SELECT pricing_apply(2000000000, 1, ''[]'')'), 'HF221', 'there is no such event');
UPDATE events SET pricing = '{"enabled": false}' WHERE event_id = :event;
SELECT is(failure(format('SELECT pricing_apply(%s, 2, pg_temp.to_price(330, 360))', :event)), 'HF221',
  'nor where it is off by now');
UPDATE events SET pricing = '{"enabled": true}', status = 'closed' WHERE event_id = :event;
SELECT is(failure(format('SELECT pricing_apply(%s, 2, pg_temp.to_price(330, 360))', :event)), 'HF221',
  'or closed');
UPDATE events SET status = 'on_sale' WHERE event_id = :event;
SELECT is(pg_temp.floor(:event) || pg_temp.history(:event),
  '(300,330,2,2)1 300 330 selling_fast {"sold": 3}', 'and nothing of all that has happened');

-- ---- by hand -----------------------------------------------------------------------------------

SELECT pg_temp.change(:event, '{"sections": [{"section_id": "FLOOR", "base_price": 300, "name": "F"}]}') \gset _
SELECT is(pg_temp.floor(:event), '(300,330,3,3)', 'the same base price again changes no price');
SELECT pg_temp.change(:event, '{"sections": [{"section_id": "FLOOR", "base_price": 400}]}') \gset _
SELECT is(pg_temp.floor(:event), '(400,400,4,4)', 'with a new one it starts anew from there');
SELECT pg_temp.change(:event, '{"sections": [{"section_id": "FLOOR", "price": 450},
  {"section_id": "BALCONY", "base_price": 210}]}') \gset _
SELECT is(pg_temp.floor(:event), '(400,450,5,5)', 'a price can be set too');
SELECT is(pg_temp.history(:event), '1 300 330 selling_fast {"sold": 3}, 1 330 400 set_by_hand, '
  || '1 400 450 set_by_hand, 2 200 210 set_by_hand', 'what was set is history too');
SELECT is((SELECT changed - at FROM pricing_next(0, :event, :'rule') WHERE section_no = 2), NULL,
  'but no change of the rule''s');
SELECT pg_temp.change(:event, '{"pricing": null}') \gset _
SELECT pg_temp.change(:event, '{"sections": [{"section_id": "FLOOR", "base_price": 500}]}') \gset _
SELECT is(pg_temp.floor(:event), '(500,450,6,7)', 'where prices do not move, one set by hand stays');
SELECT is(pg_temp.change(:event, '{}') -> 'pricing', '{"enabled": false}', 'null takes the rule back');
SELECT is(pg_temp.change(:event, '{"pricing": {"enabled": true, "round_to": 50}}') -> 'pricing',
  '{"enabled": true, "round_to": 50}', 'staff see what they have said');
SELECT is(pg_temp.change(:event, '{"title": "T"}') -> 'pricing', '{"enabled": true, "round_to": 50}',
  'which stays with other changes');
SELECT is(((event_get(:event, NULL, false, 600, 10, 0)).head)::jsonb -> 'pricing', '{"enabled": true}',
  'buyers see that prices move, and no more');
SELECT is(failure(format('UPDATE events SET pricing = %L WHERE event_id = %s', p, :event)), '23514',
    'a rule cannot be ' || p)
  FROM unnest(ARRAY['{}', '{"enabled": null}', '{"enabled": "yes"}', '{"enabled": true, "floor_percent": 101}',
    '{"enabled": true, "ceiling_percent": 99}', '{"enabled": true, "step_percent": 0}',
    '{"enabled": true, "round_to": 0}', '{"enabled": true, "more": 1}', '[]']) AS p;

-- ---- the history -------------------------------------------------------------------------------

SELECT results_eq(format('SELECT body::jsonb ->> ''new_price'' FROM price_list(%s, %L, false, NULL, 3, %L)',
  :event, buyer('organizer'), :'rule'), $$VALUES ('210'), ('450'), ('400')$$, 'newest first, a page');
SELECT results_eq(format('SELECT body::jsonb ->> ''new_price'' FROM price_list(%s, %L, false,
  (SELECT min(change_no) FROM price_list(%1$s, %2$L, false, NULL, 3, %3$L)), 3, %3$L)',
  :event, buyer('organizer'), :'rule'), $$VALUES ('330')$$, 'and what comes after it');
SELECT is((SELECT body::jsonb - 'changed_at' FROM price_list(:event, buyer('organizer'), false,
    (SELECT min(change_no) + 1 FROM price_changes WHERE event_id = :event), 9, :'rule')),
  '{"section_id": "FLOOR", "old_price": 300, "new_price": 330, "currency": "EUR",
    "reason": "selling_fast", "inputs": {"sold": 3}}', 'all that was known');
SELECT is((SELECT DISTINCT pricing::jsonb FROM price_list(:event, buyer('organizer'), false, NULL, 9, :'rule')),
  :'rule'::jsonb || '{"enabled": true, "round_to": 50}', 'with the rule in force');
SELECT results_eq(format('SELECT change_no, body FROM price_list(%s, %L, false, NULL, 9, %L)', :first,
  buyer('organizer'), :'rule'), 'VALUES (NULL::bigint, NULL::text)', 'where nothing has changed, the rule alone');
INSERT INTO users (user_id, email, password_hash, role) VALUES
  (buyer('other'), 'other@example.test', '$y$j9T$not.a.hash.of.any.password', 'organizer'),
  (buyer('admin'), 'admin@example.test', '$y$j9T$not.a.hash.of.any.password', 'admin'),
  (buyer('anna'), 'anna@example.test', '$y$j9T$not.a.hash.of.any.password', 'user');
SELECT is(failure(format('SELECT price_list(%s, %L, %L, NULL, 9, %L)', :event, buyer(who), everything,
    :'rule')), found, who || ', all: ' || everything)
  FROM (VALUES ('other', false, 'HF104'), ('other', true, 'HF103'), ('anna', false, 'HF103'),
    ('admin', true, 'none'), ('admin', false, 'HF104')) AS v (who, everything, found);

SELECT * FROM finish();
ROLLBACK;
