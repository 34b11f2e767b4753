-- Notices of one event and two who publish them, or spread them, at a time: each has one number, nobody goes
-- back behind what is numbered, and whoever finds an event taken works on the next.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(12);

SELECT users('anna') \gset _
SELECT event(6) AS event, event(6) AS other \gset
SELECT session('one', 'holdfast_admin'), session('two', 'holdfast_admin'), session('job', 'holdfast_outbox') \gset _
SELECT format('SELECT coalesce(string_agg(place::text, '','' ORDER BY place), ''none'') FROM holdfast.log_list(%s, %L, false, 0, 10)',
  :event, buyer('organizer')) AS read \gset

-- A publisher takes notices away, writes them down, and then says how far it is. Here it waits in the middle
-- of that, for whoever has this lock.
CREATE FUNCTION holdfast.wait_in_the_middle() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1);
  RETURN NEW;
END
$$;
CREATE TRIGGER wait BEFORE INSERT ON notices FOR EACH ROW EXECUTE FUNCTION holdfast.wait_in_the_middle();
GRANT EXECUTE ON FUNCTION holdfast.wait_in_the_middle() TO PUBLIC;

-- The first time of all another waits for the log itself, which is new.
SELECT confirmed(:event, 'anna', seats(1)) \gset _
SELECT is(run('one', :'read'), '1', 'a log has begun');

SELECT confirmed(:event, 'anna', seats(2)) \gset _
SELECT pg_advisory_lock(1) \gset _
SELECT start('one', :'read') \gset _
SELECT ok(until_waiting('one'), 'one publishes');
SELECT start('two', :'read') \gset _
SELECT ok(until_waiting('two'), 'another waits for it');
SELECT pg_advisory_unlock(1) \gset _
SELECT is(finish('one'), '1,2', 'one has given the number');
SELECT is(finish('two'), '1,2', 'the other reads it');
SELECT is((SELECT last FROM event_logs WHERE event_id = :event), 2::bigint, 'and goes on from there');
SELECT confirmed(:event, 'anna', seats(3)) \gset _
SELECT is(run('one', :'read'), '1,2,3', 'the next has the next number');

-- What is spread is another's while they are at it, also where all is numbered already.
SELECT confirmed(:event, 'anna', seats(4)), confirmed(:other, 'anna', seats(1)) \gset _
SELECT run('job', 'BEGIN') \gset _
SELECT is(run('job', 'SELECT event::text FROM holdfast.outbox_spread(0, false, 1)'), :'event', 'one is at an event');
SET lock_timeout = '5s';
SELECT is((SELECT event FROM outbox_spread(0, false, 100)), (:other)::bigint, 'another takes the next one');
SELECT is((SELECT count(*) FROM outbox_spread(0, false, 100)), 0::bigint, 'and then finds nothing to do');
SELECT run('job', 'COMMIT') \gset _
SELECT is((SELECT event FROM outbox_spread(0, false, 100)), (:event)::bigint, 'until the first is done with it');
SELECT is((SELECT array_agg(spread || ' of ' || last ORDER BY event_id) FROM event_logs), '{4 of 4,1 of 1}'::text[], 'all is spread');

SELECT * FROM finish();
