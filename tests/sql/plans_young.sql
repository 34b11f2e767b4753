-- A sale that has just begun: thousands of live bookings in tables of which the planner knows nothing yet.
-- Each call still reads a handful of rows, and not all that is live in the event.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(18);

ALTER TABLE bookings SET (autovacuum_enabled = off);
ALTER TABLE seat_claims SET (autovacuum_enabled = off);
ALTER TABLE ga_claims SET (autovacuum_enabled = off);
ALTER TABLE seats SET (autovacuum_enabled = off);
SELECT event(20000, 100000, 1000) AS event \gset
SELECT count(event(10)) FROM generate_series(1, 200) \gset _
INSERT INTO bookings (event_id, booking_id, user_id, places, positions, seat_prices, section_nos,
    quantities, section_prices, total, currency, first_expires_at, expires_at)
  SELECT :event, id('b' || i), buyer('u' || i % 1000), 2, ARRAY[i], '{1000}', '{1}', '{1}', '{300}', 1300,
    'EUR', now() + interval '1 hour', now() + interval '1 hour' FROM generate_series(0, 4999) AS i;
INSERT INTO seat_claims (event_id, position, booking_id, state, expires_at)
  SELECT event_id, positions[1], booking_id, 'h', expires_at FROM bookings;
-- one statement of 5,000 claims would change the count 5,000 times
SET session_replication_role = replica;
UPDATE ga_counts SET taken = 5000 WHERE event_id = :event AND section_no = 1;
INSERT INTO ga_claims (event_id, section_no, booking_id, quantity, state, expires_at)
  SELECT event_id, 1, booking_id, 1, 'h', expires_at FROM bookings;
SET session_replication_role = origin;
SELECT count(due(:event, id('b' || i), now() - interval '1 minute')) FROM generate_series(4980, 4999) AS i \gset _

SET plan_cache_mode = force_generic_plan; -- as all programs have it
SET jit = off;

CREATE FUNCTION pg_temp.counted() RETURNS bigint
LANGUAGE sql AS $$
  SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
    WHERE schemaname = 'holdfast' AND relname IN ('bookings', 'seat_claims', 'ga_claims', 'seats')
$$;
CREATE FUNCTION pg_temp.few(p_max integer, p_sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_before bigint;
  v_read   bigint;
BEGIN
  FOR i IN 1 .. 2 LOOP -- the second time as a worker that has its plans
    v_before := pg_temp.counted();
    EXECUTE 'SELECT count(*) FROM (' || p_sql || ') AS q';
    v_read := pg_temp.counted() - v_before;
  END LOOP;
  RETURN CASE WHEN v_read > p_max THEN 'read ' || v_read ELSE 'few' END;
END
$$;
CREATE FUNCTION pg_temp.hold(p_event integer, p_rest text) RETURNS text
LANGUAGE sql AS $$ SELECT format('SELECT hold(%s, %s)', p_event, p_rest) $$;
-- Calls of a move, each for the next of the bookings.
CREATE FUNCTION pg_temp.move(p_move text, p_event integer, p_rest text DEFAULT '') RETURNS text
LANGUAGE sql AS $$
  SELECT format('SELECT %s(%s, id(''b'' || n), ''u'' || n %% 1000%s) FROM nextval(''pg_temp.live'') AS n',
    p_move, p_event, p_rest)
$$;
CREATE SEQUENCE pg_temp.live;
CREATE SEQUENCE pg_temp.free START 5001;
CREATE SEQUENCE pg_temp.due START 4981;

BEGIN;
SELECT count(confirm(:event, id('b' || i), 'u' || i % 1000)) FROM generate_series(9, 20) AS i \gset _
SELECT is((SELECT max(reltuples) FROM pg_class
  WHERE relname IN ('bookings', 'seat_claims', 'ga_claims')), -1::real, 'nothing is known of the tables');
SELECT is(pg_temp.few(20, pg_temp.hold(:event, $$'new', seats(nextval('pg_temp.free')::int)$$)), 'few',
  'hold of a free seat');
SELECT is(pg_temp.few(20, pg_temp.hold(:event, $$'u7', seats(nextval('pg_temp.free')::int), p_per_user => 99$$)),
  'few', 'with a limit of places per buyer');
SELECT is(pg_temp.few(40, format('SELECT failure(%L)', pg_temp.hold(:event, $$'new', seats(1,2)$$))), 'few',
  'hold of taken seats');
SELECT is(pg_temp.few(20, pg_temp.hold(:event, $$'new', seats(nextval('pg_temp.due')::int)$$)), 'few',
  'takeover of a due seat');
SELECT is(pg_temp.few(20, pg_temp.hold(:event, $$'new', '{}', '{FLOOR}', '{2}'$$)), 'few',
  'hold of general admission');
SELECT is(pg_temp.few(20, pg_temp.hold(:event, $$'new', '{}', '{FLOOR}', '{2}', p_give_back => true$$)), 'few',
  'with what is due given back');
SELECT is(pg_temp.few(30, pg_temp.move('confirm', :event)), 'few', 'confirm');
SELECT is(pg_temp.few(30, pg_temp.move('release', :event)), 'few', 'release');
SELECT is(pg_temp.few(30, pg_temp.move('reserve', :event)), 'few', 'reserve');
SELECT setval('pg_temp.live', 10) \gset _
SELECT is(pg_temp.few(30, pg_temp.move('cancel', :event)), 'few', 'cancel');
SELECT is(pg_temp.few(50, pg_temp.move('cancel', :event, $$, NULL, '{FLOOR}', '{1}'$$)), 'few', 'cancel of a part');
SELECT is(pg_temp.few(50, format($$SELECT * FROM holdfast.confirm_seats(%s, buyer('u15'), NULL, NULL, false,
  seats(16))$$, :event)), 'few', 'confirm of seats');
SELECT is(pg_temp.few(20, format($$SELECT * FROM booking_get(%s, id('b9'), buyer('u9'))$$, :event)), 'few',
  'one booking');
SELECT is(pg_temp.few(40, $$SELECT * FROM booking_list(buyer('u1'), NULL, NULL, NULL, NULL, 21)$$), 'few',
  'a page of a history');
SELECT is(pg_temp.few(40, format($$SELECT * FROM seat_owners(%s, seats(1,2,3))$$, :event)), 'few',
  'the owners of some seats');
SELECT is(pg_temp.few(20, format($$SELECT * FROM filter_some(%s, ARRAY[id('b1'), id('b2')])$$, :event)), 'few',
  'some bookings by their ids');
SELECT is(pg_temp.few(100, 'SELECT * FROM expire(5)'), 'few', 'a batch of the janitor');
SELECT * FROM finish();
ROLLBACK;
