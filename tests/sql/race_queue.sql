-- A batch of those who stand in line against one who holds seats directly: each a backend of its own.
-- Every order of steps is made to happen: nothing here waits for time to pass.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(9);
SELECT session('s1'), session('q', 'holdfast_queue') \gset _
SELECT users('anna', 'berta', 'carl') \gset _

-- The first places of the line of VIP ask for so many each: how they end, with their seats.
CREATE FUNCTION pg_temp.serving(p_event integer, p_from integer, VARIADIC p_quantities integer[]) RETURNS text
LANGUAGE sql AS $$
  SELECT format('SELECT string_agg(concat_ws('' '', outcome, nullif(array_to_string(positions, '',''), '''')), ''; '')
      FROM holdfast.queue_serve(%s, ''VIP'', %L, %L, %L, %L, %L, 60, 0)', p_event, array_agg(1), array_agg(n),
      array_agg(given.buyer('line' || n)), p_quantities, array_agg(given.id(p_event || '/' || n)))
    FROM generate_series(p_from, p_from + cardinality(p_quantities) - 1) AS n
$$;

SELECT event() AS event \gset
SELECT queue_epoch(:event, 'VIP', 0) \gset _
SELECT run('s1', 'BEGIN') \gset _
SELECT is(run('s1', sql_hold(:event, 'anna', seats(2))), 'new', 'anna takes the second seat');
SELECT start('q', pg_temp.serving(:event, 1, 2, 3)) \gset _
SELECT ok(until_waiting('q'), 'the batch has chosen it, too');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('q'), 'reserved 2,3; reserved 4,5,6', 'and chooses again for all, side by side');
SELECT is((SELECT string_agg(position::text, ',' ORDER BY position) FROM seat_claims WHERE event_id = :event), '1,2,3,4,5,6',
  'nothing is left of the first choice');

SELECT run('s1', 'BEGIN') \gset _
SELECT run('s1', sql_hold(:event, 'berta', seats(1))) \gset _
SELECT start('q', pg_temp.serving(:event, 3, 1)) \gset _
SELECT ok(until_waiting('q'), 'another one');
SELECT run('s1', 'ROLLBACK') \gset _
SELECT is(finish('q'), 'reserved 0', 'whose seat was not taken after all');

SELECT run('s1', 'BEGIN') \gset _
SELECT run('s1', sql_hold(:event, 'carl', seats(8, 9))) \gset _
SELECT start('q', pg_temp.serving(:event, 4, 3, 1)) \gset _
SELECT ok(until_waiting('q'), 'and one who would get all that is left');
SELECT run('s1', 'COMMIT') \gset _
SELECT is(finish('q'), 'full; full', 'stays, where that is not enough any more');
SELECT is(run('q', pg_temp.serving(:event, 5, 1)), 'reserved 9', 'what is left then is for the next');
SELECT * FROM finish();
