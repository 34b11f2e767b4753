-- Each real query finds its rows by an index, and reads no more of them with a full house than with an
-- empty one. Not what EXPLAIN promises: what the calls did, counted by the server, with plans made as
-- in the pools (force_generic_plan) and sequential scans left allowed.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(33);

-- 40,000 seats and 30,000 bookings of one event, among 3,000 events; all users have a history.
SELECT event(40000, 100000, 1000) AS event \gset
INSERT INTO users (user_id, email, password_hash)
  SELECT buyer('u' || i), 'u' || i || '@example.test', '$y$j9T$not.a.hash.of.any.password'
    FROM generate_series(0, 4999) AS i;
INSERT INTO events (organizer_id, title, event_date, sales_end, currency)
  SELECT buyer('organizer'), 'Event ' || i, now() + i * interval '1 hour', now() + i * interval '1 hour',
    'EUR' FROM generate_series(1, 3000) AS i;
INSERT INTO bookings (event_id, booking_id, user_id, places, positions, seat_prices, section_nos,
    quantities, section_prices, total, currency, first_expires_at, expires_at, key, fingerprint,
    created_at)
  SELECT :event, id('b' || i), buyer('u' || i % 5000), 2, ARRAY[i], '{1000}', '{1}', '{1}', '{300}', 1300,
    'EUR', now() + interval '1 hour', now() + interval '1 hour', 'key ' || i, 'print',
    now() - i * interval '1 second' FROM generate_series(0, 29999) AS i;
INSERT INTO seat_claims (event_id, position, booking_id, state, expires_at)
  SELECT event_id, positions[1], booking_id, 'h', expires_at FROM bookings;
-- one statement of 30,000 claims would change the count 30,000 times
SET session_replication_role = replica;
UPDATE ga_counts SET taken = 30000 WHERE event_id = :event AND section_no = 1;
INSERT INTO ga_claims (event_id, section_no, booking_id, quantity, state, expires_at)
  SELECT event_id, 1, booking_id, 1, 'h', expires_at FROM bookings;
SET session_replication_role = origin;
INSERT INTO answers (event_id, user_id, operation, key, fingerprint, status, body, created_at)
  SELECT :event, buyer('u' || i % 5000), 'confirm', 'key ' || i, 'print', 200, '{}',
    now() - i * interval '10 seconds' FROM generate_series(0, 29999) AS i;
-- some are confirmed, some due, some have ended
UPDATE seat_claims SET state = 'b', expires_at = 'infinity' WHERE position < 20000;
UPDATE ga_claims SET state = 'b', expires_at = 'infinity'
  WHERE booking_id IN (SELECT booking_id FROM bookings WHERE positions[1] < 20000);
UPDATE bookings SET status = 'CONFIRMED', confirmed_at = now() WHERE positions[1] < 20000;
UPDATE seat_claims SET expires_at = now() - interval '1 minute' WHERE position >= 29900;
UPDATE ga_claims SET expires_at = now() - interval '1 minute'
  WHERE booking_id IN (SELECT booking_id FROM bookings WHERE positions[1] >= 29900);
UPDATE bookings SET expires_at = now() - interval '1 minute' WHERE positions[1] >= 29900;
-- one of them has bought for years
INSERT INTO bookings (event_id, booking_id, user_id, places, positions, seat_prices, section_nos,
    quantities, section_prices, total, currency, first_expires_at, expires_at, created_at)
  SELECT :event + 1, id('long ago ' || i), buyer('u7'), 1, '{0}', '{1}', '{}', '{}', '{}', 1, 'EUR', now(), now(),
    now() - i * interval '1 day' FROM generate_series(1, 3000) AS i;
UPDATE bookings SET status = 'RELEASED' WHERE event_id = :event + 1;
INSERT INTO price_changes (event_id, section_no, old_price, new_price, reason)
  SELECT :event, i % 3, i, i + 1, 'set_by_hand' FROM generate_series(1, 5000) AS i;
VACUUM ANALYZE price_changes, bookings, seat_claims, ga_claims, seats, answers, events, users, ga_counts;

SET plan_cache_mode = force_generic_plan;
SET jit = off;

CREATE FUNCTION pg_temp.counted() RETURNS TABLE (seq bigint, rows bigint)
LANGUAGE sql AS $$
  SELECT sum(seq_tup_read)::bigint, sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
    FROM pg_stat_xact_user_tables WHERE schemaname = 'holdfast'
      AND relname NOT IN ('booking_states', 'booking_moves', 'event_moves', 'ga_counts', 'sections')
$$;
-- Rows that a statement reads, and what of it by sequential scans.
CREATE FUNCTION pg_temp.few(p_max integer, p_sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  a record;
  b record;
BEGIN
  FOR i IN 1 .. 2 LOOP -- the second time as a worker that has its plans
    SELECT * INTO a FROM pg_temp.counted();
    EXECUTE 'SELECT count(*) FROM (' || p_sql || ') AS q';
    SELECT * INTO b FROM pg_temp.counted();
  END LOOP;
  RETURN CASE WHEN b.seq <> a.seq THEN 'scanned ' || b.seq - a.seq
    WHEN b.rows - a.rows > p_max THEN 'read ' || b.rows - a.rows ELSE 'few' END;
END
$$;

BEGIN;
-- The seat numbers go on from call to call, so that each hold is a new one.
CREATE SEQUENCE pg_temp.free START 30001;
CREATE FUNCTION pg_temp.free() RETURNS text[]
LANGUAGE sql VOLATILE AS $$ SELECT given.seats(nextval('pg_temp.free')::int, nextval('pg_temp.free')::int) $$;

SELECT is(pg_temp.few(40, format('SELECT hold(%s, %L, pg_temp.free())', :event, 'new')), 'few',
  'hold of free seats');
SELECT is(pg_temp.few(40, format('SELECT hold(%s, %L, pg_temp.free(), p_key => gen_random_uuid()::text)',
  :event, 'new')), 'few', 'with a key');
SELECT is(pg_temp.few(90, format('SELECT hold(%s, %L, pg_temp.free(), p_per_user => 1000)', :event,
  'u7')), 'few', 'with a limit of places per buyer');
SELECT is(pg_temp.few(40, format('SELECT failure(%L)', format('SELECT hold(%s, %L, seats(1,2))', :event,
  'new'))), 'few', 'hold of taken seats');
CREATE SEQUENCE pg_temp.due START 29901;
SELECT is(pg_temp.few(40, format('SELECT hold(%s, %L, seats(nextval(''pg_temp.due'')::int))', :event,
  'new')), 'few', 'takeover of a due seat');
SELECT is(pg_temp.few(40, format('SELECT hold(%s, %L, ''{}'', ''{FLOOR}'', ''{2}'')', :event, 'new')),
  'few', 'hold of general admission');
SELECT is(pg_temp.few(40, format('SELECT hold(%s, %L, seats(7), p_key => %L)', :event, 'u6', 'b6')),
  'few', 'replay of a hold');
CREATE SEQUENCE pg_temp.live START 20001;
SELECT is(pg_temp.few(60, format($$SELECT confirm(%s, id('b' || n), 'u' || n %% 5000, 'k' || n)
    FROM nextval('pg_temp.live') AS n$$, :event)), 'few', 'confirm');
SELECT is(pg_temp.few(60, format($$SELECT release(%s, id('b' || n), 'u' || n %% 5000, 'k' || n)
    FROM nextval('pg_temp.live') AS n$$, :event)), 'few', 'release');
SELECT is(pg_temp.few(60, format($$SELECT reserve(%s, id('b' || n), 'u' || n %% 5000)
    FROM nextval('pg_temp.live') AS n$$, :event)), 'few', 'reserve');
CREATE SEQUENCE pg_temp.sold START 1;
SELECT is(pg_temp.few(60, format($$SELECT cancel(%s, id('b' || n), 'u' || n %% 5000, p_key => 'k' || n)
    FROM nextval('pg_temp.sold') AS n$$, :event)), 'few', 'cancel');
SELECT is(pg_temp.few(100, format($$SELECT cancel(%s, id('b' || n), 'u' || n %% 5000, NULL, '{FLOOR}',
    '{1}') FROM nextval('pg_temp.sold') AS n$$, :event)), 'few', 'cancel of a part');
SELECT is(pg_temp.few(100, format($$SELECT * FROM holdfast.confirm_seats(%s, buyer('u3'), NULL, NULL, false,
  seats(4))$$, :event)), 'few', 'confirm of seats');
SELECT is(pg_temp.few(30, format($$SELECT * FROM answer_find(%s, buyer('u1'), 'confirm', 'key 1', 'print',
  false)$$, :event)), 'few', 'the answer to a key');
SELECT is(pg_temp.few(30, format($$SELECT * FROM booking_get(%s, id('b9'), buyer('u9'))$$, :event)), 'few',
  'one booking');
SELECT is(pg_temp.few(200, format($$SELECT * FROM booking_list(buyer('u1'), NULL, NULL, NULL, NULL, 21)$$)),
  'few', 'a page of a history');
SELECT is(pg_temp.few(200, format($$SELECT * FROM booking_list(buyer('u1'), NULL, NULL,
  (extract(epoch FROM now() - interval '3 hours') * 1000000)::bigint, id('b1'), 21)$$)), 'few', 'a later page');
SELECT is(pg_temp.few(400, format($$SELECT * FROM booking_list(buyer('u1'), 'CONFIRMED', %s, NULL, NULL,
  21)$$, :event)), 'few', 'a history by status');
SELECT is(pg_temp.few(40, format($$SELECT * FROM seat_owners(%s, seats(1,2,3))$$, :event)), 'few',
  'the owners of some seats');
SELECT is(pg_temp.few(40, format($$SELECT * FROM filter_some(%s, ARRAY[id('b1'), id('b2')])$$, :event)),
  'few', 'some bookings by their ids');
SELECT is(pg_temp.few(1000, format($$SELECT * FROM filter_entries(%s, %L, 100)$$, :event,
  '80000000-0000-0000-0000-000000000000')), 'few', 'a page of the bookings of an event');
SELECT is(pg_temp.few(1000, format($$SELECT * FROM filter_seats(%s, 30000, 30100)$$, :event)), 'few',
  'a page of its seats');
SELECT is(pg_temp.few(1500, 'SELECT * FROM expire(20)'), 'few', 'a batch of tidying');
SELECT is(pg_temp.few(200, format('SELECT hold(%s, %L, ''{}'', ''{FLOOR}'', ''{2}'', p_give_back => true)',
  :event, 'new')), 'few', 'giving back what is due of a section');
SELECT is(pg_temp.few(200, $$SELECT * FROM event_list(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 21, 600, 10, 0)$$),
  'few', 'a page of events');
SELECT is(pg_temp.few(30, $$SELECT * FROM pricing_next(0, NULL, '{}')$$), 'few', 'the next event whose prices move');
SELECT is(pg_temp.few(200, format($$SELECT * FROM price_list(%s, buyer('organizer'), false, NULL, 21, '{}')$$,
  :event)), 'few', 'a page of the history of prices');
SELECT is(pg_temp.few(30, $$SELECT * FROM account_find('u77@example.test')$$), 'few', 'a login');
SELECT is(pg_temp.few(10, $$SELECT * FROM account_get(buyer('u77'))$$), 'few', 'an account');
SELECT is(pg_temp.few(400, 'SELECT * FROM expire(20)'), 'few', 'a batch of the janitor');
CREATE SEQUENCE pg_temp.ticket START 1;
SELECT queue_epoch(:event, 'BALCONY', 0) \gset _
SELECT is(pg_temp.few(60, format($$SELECT s.* FROM nextval('pg_temp.ticket') AS n CROSS JOIN LATERAL holdfast.queue_serve(%s, 'BALCONY',
  '{1}', ARRAY[n], ARRAY[buyer('u' || n)], '{1}', ARRAY[gen_random_uuid()], 60, 1000) AS s$$, :event)), 'few',
  'serving the head of a line');
SELECT is(pg_temp.few(20, format($$SELECT * FROM queue_ticket(%s, 'BALCONY', 1, 1, buyer('u1'), id('u1'))$$, :event)), 'few',
  'how a ticket ended');
SELECT is(pg_temp.few(10, format($$SELECT * FROM queue_section(%s, 'BALCONY', 10, NULL, NULL)$$, :event)), 'few', 'who may join a line');
SELECT * FROM finish();
ROLLBACK;
