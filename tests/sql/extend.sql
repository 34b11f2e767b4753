-- extend: a hold gets more time, so often, so long, and while it could be sold.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(24);

SELECT event(10, 5, 3) AS event \gset
CREATE FUNCTION pg_temp.more(p_event integer, p_booking uuid, p_buyer text, p_life integer DEFAULT 3600,
  p_most integer DEFAULT 2, p_key text DEFAULT NULL, p_print text DEFAULT 'print') RETURNS extend_result
LANGUAGE sql AS $$
  SELECT holdfast.extend(p_event, p_booking, given.buyer(p_buyer), p_key,
    CASE WHEN p_key IS NOT NULL THEN p_print END, false, 600, p_life, p_most)
$$;
-- The deadline of a booking and of its claims, in seconds from now.
CREATE FUNCTION pg_temp.deadlines(p_booking uuid) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(round(extract(epoch FROM d.at - now()))::text, ' ' ORDER BY d.kind) FROM (
    SELECT 1 AS kind, expires_at AS at FROM bookings WHERE booking_id = p_booking
    UNION ALL SELECT 2, expires_at FROM seat_claims WHERE booking_id = p_booking
    UNION ALL SELECT 3, expires_at FROM ga_claims WHERE booking_id = p_booking) AS d
$$;

SELECT held(:event, 'anna', seats(1,2), '{FLOOR}', '{1}') AS a \gset
SELECT due(:event, :'a', now() + interval '5 seconds') \gset _
SELECT is(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'a', 'berta')), 'HF104', 'another''s does not exist');
SELECT * FROM pg_temp.more(:event, :'a', 'anna', p_key => 'k1') \gset r_
SELECT is(ROW(:'r_outcome'::text, :r_extensions_left, :'r_positions'::integer[])::text, '(moved,1,"{0,1}")', 'more time, once more is left');
SELECT is(pg_temp.deadlines(:'a'), '600 600 600 600', 'booking and claims together');
SELECT is((:'r_booking'::booking_view).version, 2, 'a new version');
SELECT is(ROW(q.outcome, q.extensions_left, q.booking::text = :'r_booking')::text, '(replay,1,t)', 'the key: the first answer')
  FROM pg_temp.more(:event, :'a', 'anna', p_key => 'k1') AS q;
SELECT is(failure(format($$SELECT pg_temp.more(%s, %L, 'anna', p_key => 'k1', p_print => 'other')$$, :event, :'a')), 'HF130',
  'which belongs to its request');
UPDATE events SET hold_seconds = 60 WHERE event_id = :event;
SELECT is((pg_temp.more(:event, :'a', 'anna')).extensions_left, 0, 'the last time');
SELECT is(pg_temp.deadlines(:'a'), '600 600 600 600', 'never shorter');
SELECT is(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'a', 'anna')),
  'HF204 {"limit": 2, "current": 2, "requested": 1}', 'so often and not more');
UPDATE events SET hold_seconds = NULL WHERE event_id = :event;

SELECT held(:event, 'anna', seats(3)) AS b \gset
SELECT pg_temp.more(:event, :'b', 'anna', 650) \gset _
SELECT is(pg_temp.deadlines(:'b'), '600 600', 'within the longest life');
SELECT due(:event, :'b', now() + interval '5 seconds') \gset _
SELECT pg_temp.more(:event, :'b', 'anna', 300) \gset _
SELECT is(pg_temp.deadlines(:'b'), '300 300', 'up to it');
SELECT is(failure(format('SELECT pg_temp.more(%s, %L, %L, 300, 9)', :event, :'b', 'anna')),
  'HF204 {"limit": 300, "current": 300, "requested": 300}', 'and not beyond it');

SELECT held(:event, 'anna', seats(4)) AS c \gset
SELECT due(:event, :'c') \gset _
SELECT is(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'c', 'anna')), 'HF205', 'not in the moment at which it is due');
SELECT is(pg_temp.deadlines(:'c'), '0 0', 'nothing has moved');
SELECT held(:event, 'anna', seats(5)) AS d \gset
SELECT reserve(:event, :'d', 'anna') \gset _
SELECT is(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'d', 'anna')), 'HF206 {"status": "RESERVED"}', 'not while it is paid');
SELECT confirmed(:event, 'anna', seats(6)) AS e \gset
SELECT is(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'e', 'anna')), 'HF206 {"status": "CONFIRMED"}', 'nor when it is sold');
SELECT held(:event, 'anna', seats(7)) AS f \gset
SELECT release(:event, :'f', 'anna') \gset _
SELECT is(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'f', 'anna')), 'HF206 {"status": "RELEASED"}', 'nor given back');

SELECT held(:event, 'anna', seats(8)) AS g \gset
UPDATE events SET status = 'closed' WHERE event_id = :event;
SELECT matches(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'g', 'anna')), '^HF203', 'not when sales are closed');
UPDATE events SET status = 'on_sale', sales_end = now() WHERE event_id = :event;
SELECT matches(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'g', 'anna')), '^HF203', 'or over');
UPDATE events SET sales_end = now() + interval '1 day', status = 'cancelled' WHERE event_id = :event;
SELECT matches(failure(format('SELECT pg_temp.more(%s, %L, %L)', :event, :'g', 'anna')), '^HF203', 'or cancelled');
SELECT is(pg_temp.deadlines(:'g'), '600 600', 'nothing has moved');
SELECT is(status(:event, :'g'), 'HOLD', 'the hold stands');
SELECT is((SELECT string_agg(t, E'\n') FROM audit_i5() AS t), NULL, 'claims and bookings agree');
SELECT is((SELECT string_agg(t, E'\n') FROM audit_i1() AS t WHERE t NOT LIKE '%user%'), NULL, 'and stand');

SELECT * FROM finish();
ROLLBACK;
