-- The demand for events as bookings tell it, and the page of the events in most demand.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(15);

SELECT event(10) AS one, event(10) AS two, event(10) AS three, event(10) AS four \gset
UPDATE events SET event_date = event_date + event_id * interval '1 minute';
-- Some places held some hours ago.
CREATE FUNCTION pg_temp.asked(p_event integer, p_places integer, p_hours numeric, p_n text) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO holdfast.bookings (event_id, booking_id, user_id, places, positions, seat_prices, section_nos,
      quantities, section_prices, total, currency, first_expires_at, expires_at, created_at)
    VALUES (p_event, given.id(p_n), given.buyer('anna'), p_places, '{0}', '{1}', '{1}', ARRAY[p_places - 1],
      '{1}', 1, 'EUR', now(), now(), now() - p_hours * interval '1 hour')
$$;
CREATE FUNCTION pg_temp.demand(p_half_life integer) RETURNS text
LANGUAGE sql AS $$
  SELECT coalesce(string_agg(event_id || ':' || round(score::numeric, 3), ' ' ORDER BY score DESC, event_id), '')
    FROM holdfast.event_demand(p_half_life, 10)
$$;
CREATE FUNCTION pg_temp.page(p_events integer[], p_ranks integer[], p_limit integer) RETURNS text
LANGUAGE sql AS $$
  SELECT coalesce(string_agg(event_id::text, ' '), '')
    FROM holdfast.event_popular(p_events, p_ranks, p_limit, 600, 10, 0)
$$;

SELECT is(pg_temp.demand(360), '', 'nobody has asked yet');
SELECT pg_temp.asked(:one, 8, 12, 'a'), pg_temp.asked(:two, 3, 0, 'b'), pg_temp.asked(:three, 4, 3, 'c') \gset _
SELECT is(pg_temp.demand(360), format('%s:3.000 %s:2.828 %s:2.000', :two, :three, :one),
  'half as much after every six hours');
SELECT is(pg_temp.demand(60), format('%s:3.000 %s:0.500', :two, :three), 'or every hour; what is old is forgotten');
UPDATE bookings SET status = 'RELEASED';
SELECT is(pg_temp.demand(360), format('%s:3.000 %s:2.828 %s:2.000', :two, :three, :one),
  'whatever has become of it');
UPDATE events SET status = 'closed' WHERE event_id = :two;
SELECT is(pg_temp.demand(360), format('%s:2.828 %s:2.000', :three, :one), 'only what is on sale');
UPDATE events SET status = 'on_sale' WHERE event_id = :two;

-- 21,000 bookings in ten minutes, more than are read: they count in full, about
SELECT count(pg_temp.asked(:four, 2, 2 + i / 126000.0, 'many ' || i)) FROM generate_series(1, 21000) AS i \gset _
SELECT ok((SELECT score BETWEEN 0.8 * 33000 AND 1.2 * 33000 FROM event_demand(360, 10) WHERE event_id = :four),
  'a part of many stands for all of them');
SELECT is((SELECT string_agg(round(score::numeric, 3)::text, ' ' ORDER BY score) FROM event_demand(360, 10)
  WHERE event_id <> :four), '2.000 2.828 3.000', 'beside them the few still count');

SELECT is(pg_temp.page(ARRAY[:three, :one], ARRAY[1, 2], 2), format('%s %s', :three, :one), 'by rank');
SELECT is(pg_temp.page(ARRAY[:three, :one], ARRAY[1, 1], 2), format('%s %s', :one, :three), 'of the same rank the sooner');
SELECT is(pg_temp.page(ARRAY[:three], ARRAY[1], 3), format('%s %s %s', :three, :one, :two), 'filled up by the soonest');
SELECT is(pg_temp.page('{}', '{}', 2), format('%s %s', :one, :two), 'or these alone');
UPDATE events SET sales_start = now() + interval '1 hour' WHERE event_id = :one;
UPDATE events SET sales_end = now() WHERE event_id = :two;
UPDATE events SET status = 'closed' WHERE event_id = :three;
SELECT is(pg_temp.page(ARRAY[:one, :two, :three, :four, 0], ARRAY[1, 2, 3, 4, 5], 5), :'four',
  'only what can be bought now');
UPDATE events SET event_date = now() - interval '1 minute', sales_start = now() - interval '1 hour',
  sales_end = now() + interval '1 hour' WHERE event_id = :four;
SELECT is(pg_temp.page(ARRAY[:four], ARRAY[1], 5), '', 'and is yet to come');
SELECT is(failure('SELECT event_popular(NULL, NULL, 5, 600, 10, 0)'), 'none', 'without an order it does not fail');

-- however many there are, so many are read
SET LOCAL plan_cache_mode = force_generic_plan;
CREATE FUNCTION pg_temp.read_rows() RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables WHERE relname = 'bookings'
$$;
SELECT pg_temp.read_rows() AS rows \gset
SELECT count(*) FROM event_demand(360, 10) \gset _
SELECT cmp_ok(pg_temp.read_rows() - :rows, '<=', 42000::bigint, 'not all of them are read');
SELECT * FROM finish();
ROLLBACK;
