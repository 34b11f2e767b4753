-- The job and the organizer at the same event at the same time.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(8);

SELECT event() AS event \gset
UPDATE events SET pricing = '{"enabled": true}' WHERE event_id = :event;
SELECT session('job', 'holdfast_pricing') \gset _
SELECT session('staff', 'holdfast_admin') \gset _
SELECT dblink_exec('job', 'SET lock_timeout = ''20s''; SET statement_timeout = ''30s''') \gset _
SELECT format($$SELECT coalesce(holdfast.pricing_apply(%s, %%s, '[{"section_no": 1, "base_price": 300,
    "old_price": 300, "new_price": 330, "reason": "selling_fast", "inputs": {}}]')::text, '')$$, :event)
  AS apply \gset
SELECT format($$SELECT (holdfast.event_update(%s, %L, false, NULL, '%%s', 600, 10, 0)).id$$, :event,
  buyer('organizer')) AS change \gset
CREATE FUNCTION pg_temp.floor(p_event integer) RETURNS text
LANGUAGE sql AS $$
  SELECT ROW(s.base_price, s.price, e.version, (SELECT count(*) FROM price_changes h
      WHERE h.event_id = p_event))::text
    FROM sections s JOIN events e USING (event_id) WHERE s.event_id = p_event AND s.section_no = 1
$$;

-- the organizer is quicker
SELECT dblink_exec('staff', 'BEGIN') \gset _
SELECT run('staff', format(:'change', '{"sections": [{"section_id": "FLOOR", "price": 290}]}')) \gset _
SELECT start('job', format(:'apply', 1)) \gset _
SELECT ok(until_waiting('job'), 'the job waits for an edit that is under way');
SELECT dblink_exec('staff', 'COMMIT') \gset _
SELECT is(finish('job'), 'HF221', 'and leaves what was edited');
SELECT is(pg_temp.floor(:event), '(300,290,2,1)', 'as the organizer has it');
SELECT run('staff', format(:'change', '{"sections": [{"section_id": "FLOOR", "price": 300}]}')) \gset _

-- the job is quicker
SELECT dblink_exec('job', 'BEGIN') \gset _
SELECT is(run('job', format(:'apply', 3)), '', 'the job is first');
SELECT dblink_exec('staff', 'SET lock_timeout = ''20s''; SET statement_timeout = ''30s''') \gset _
SELECT start('staff', format(:'change', '{"sections": [{"section_id": "FLOOR", "base_price": 400}]}')) \gset _
SELECT ok(until_waiting('staff'), 'the organizer waits');
SELECT dblink_exec('job', 'COMMIT') \gset _
SELECT is(finish('staff'), :'event', 'and comes next');
SELECT is(pg_temp.floor(:event), '(400,400,5,4)', 'a new base price goes over what the rule has made');
SELECT is((SELECT string_agg(concat_ws(' ', old_price, new_price, reason), ', ' ORDER BY change_no)
    FROM price_changes WHERE event_id = :event),
  '300 290 set_by_hand, 290 300 set_by_hand, 300 330 selling_fast, 330 400 set_by_hand', 'all of it history');

SELECT * FROM finish();
