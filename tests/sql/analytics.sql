-- Analytics beside a plain count of the bookings: for histories made by chance, with cancels of parts,
-- two organizers and two currencies, around midnights and changes of the clock, whether all of it is
-- added up, some, or nothing.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(55);
SELECT setseed(0.42) \gset _

-- ---- nothing has ever been sold -------------------------------------------------------------------

SAVEPOINT empty;
SELECT is(ARRAY(SELECT r.quarters FROM generate_series(1, 4) AS n, rollup_step(4 + 0 * n) AS r), '{0,0,0,0}',
  'nothing is added up of nothing');
SELECT is((SELECT ROW(until >= now() - interval '20 minutes', next)::text FROM sales_state), '(t,)',
  'and it is passed over');
ROLLBACK TO empty;

-- ---- what a cancel writes down --------------------------------------------------------------------

SELECT event(10, 10, 10) AS live \gset
SELECT confirmed(:live, 'anna', seats(1,2,3), '{FLOOR,BALCONY}', '{3,2}') AS a \gset
SELECT confirmed(:live, 'anna', seats(4)) AS b \gset
CREATE FUNCTION pg_temp.cancels(p_booking uuid) RETURNS text
LANGUAGE sql AS $$
  SELECT string_agg(concat_ws(' ', version, places, amount, currency, CASE WHEN whole THEN 'whole' END), ', '
    ORDER BY version) FROM booking_cancels WHERE booking_id = p_booking AND cancelled_at = now()
$$;
SELECT cancel(:live, :'a', 'anna', seats(3)) \gset _
SELECT cancel(:live, :'a', 'anna', seats(1), '{FLOOR}', '{2}', p_key => 'k') \gset _
SELECT cancel(:live, :'a', 'anna', seats(1), '{FLOOR}', '{2}', p_key => 'k') \gset _
SELECT is(pg_temp.cancels(:'a'), '3 1 5000 EUR, 4 3 1600 EUR', 'each part once, with what it cost');
SELECT cancel(:live, :'a', 'anna') \gset _
SELECT cancel(:live, :'a', 'anna') \gset _
SELECT is(pg_temp.cancels(:'a'), '3 1 5000 EUR, 4 3 1600 EUR, 5 4 1700 EUR whole', 'then the rest, once');
SELECT is((SELECT sum(amount) FROM booking_cancels WHERE booking_id = :'a')::bigint,
  (SELECT total FROM bookings WHERE booking_id = :'a'), 'together all of it');
SELECT confirmed(:live, 'anna', seats(5,6)) AS c \gset
SELECT cancel(:live, :'c', 'anna', seats(5)) \gset _
SELECT cancel(:live, :'c', 'anna', seats(6)) \gset _
SELECT is(pg_temp.cancels(:'c'), '3 1 1000 EUR, 4 1 1000 EUR whole', 'the last part is the whole');
SELECT is(failure(format('SELECT cancel(%s, %L, %L, seats(9))', :live, :'b', 'anna')) LIKE 'HF122%', true,
  'what is refused') ;
SELECT is(pg_temp.cancels(:'b'), NULL, 'is not written down');
SELECT held(:live, 'berta', seats(7,8)) AS h \gset
SELECT held(:live, 'berta', seats(9)) AS d \gset
SELECT due(:live, :'d') \gset _

-- ---- a history ------------------------------------------------------------------------------------

SET LOCAL session_replication_role = replica;
INSERT INTO users (user_id, email, password_hash, role)
  SELECT buyer(n), n || '@example.test', '$y$j9T$not.a.hash.of.any.password', r
    FROM (VALUES ('olga', 'organizer'), ('otto', 'organizer'), ('ada', 'admin'), ('ute', 'user')) AS v (n, r);
INSERT INTO events (organizer_id, title, event_date, sales_start, sales_end, currency)
  SELECT buyer(CASE WHEN i < 3 THEN 'olga' ELSE 'otto' END), 'Event ' || i, '2024-12-01Z', '2024-01-01Z',
    '2024-11-30Z', 'EUR' FROM generate_series(1, 4) AS i;
CREATE TEMPORARY TABLE mine AS SELECT event_id, organizer_id FROM events;
-- Within some minutes or days, about changes of the clock in Europe, America and Australia.
CREATE FUNCTION pg_temp.history(p_bookings integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_days timestamptz[] := '{2024-03-30Z,2024-10-26Z,2024-11-02Z,2024-04-06Z,2024-02-28Z,2024-05-31Z}';
  b      bookings;
  v_n    integer;
BEGIN
  FOR i IN 1 .. p_bookings LOOP
    b := NULL;
    SELECT event_id INTO b.event_id FROM mine ORDER BY random() LIMIT 1;
    v_n := 1 + floor(random() * 4);
    b.booking_id := gen_random_uuid();
    b.user_id := buyer('u' || i % 17);
    b.version := 5;
    b.positions := CASE WHEN random() < 0.7 THEN ARRAY(SELECT generate_series(1, v_n)) ELSE '{}' END;
    b.seat_prices := ARRAY(SELECT 100 * p + 7 FROM unnest(b.positions) AS p);
    b.section_nos := CASE WHEN b.positions = '{}' OR random() < 0.3 THEN '{1,2}' ELSE '{}' END;
    b.quantities := CASE WHEN b.section_nos <> '{}' THEN ARRAY[v_n, 2] ELSE '{}' END;
    b.section_prices := CASE WHEN b.section_nos <> '{}' THEN '{300,0}' ELSE '{}' END;
    b.gone_positions := '{}';
    b.total := coalesce((SELECT sum(p) FROM unnest(b.seat_prices) AS p), 0)
      + CASE WHEN b.section_nos <> '{}' THEN 300 * v_n ELSE 0 END;
    b.places := (SELECT count(*) FROM unnest(b.positions)) + CASE WHEN b.section_nos <> '{}' THEN v_n + 2 ELSE 0 END;
    b.currency := CASE WHEN random() < 0.3 THEN 'USD' ELSE 'EUR' END;
    b.created_at := v_days[1 + floor(random() * 6)] + random() * interval '2 days';
    IF random() < 0.3 THEN -- on the very bounds
      b.created_at := date_trunc('hour', b.created_at) + floor(random() * 4) * interval '15 minutes';
    END IF;
    b.first_expires_at := b.created_at + interval '10 minutes';
    b.expires_at := b.first_expires_at;
    b.status := (ARRAY['EXPIRED', 'RELEASED', 'PAID_UNFULFILLED', 'CONFIRMED', 'CONFIRMED', 'CONFIRMED',
      'CANCELLED', 'REFUNDED', 'HOLD'])[1 + floor(random() * 9)];
    IF b.status IN ('CONFIRMED', 'CANCELLED', 'REFUNDED') AND random() < 0.95 THEN
      b.confirmed_at := b.created_at + random() * interval '10 minutes';
    ELSIF b.status IN ('CONFIRMED', 'CANCELLED') THEN -- late money
      b.confirmed_at := b.created_at + random() * interval '2 days';
    END IF;
    b.ended_at := CASE WHEN b.status IN ('EXPIRED', 'RELEASED') THEN b.expires_at END;
    IF b.confirmed_at IS NOT NULL AND v_n > 1 AND b.positions <> '{}' AND random() < 0.4 THEN
      INSERT INTO booking_cancels VALUES (b.event_id, b.booking_id, 3,
        b.confirmed_at + random() * random() * interval '3 days', false, 1, 107, 0, b.currency);
      b.gone_positions := '{1}';
      b.places := b.places - 1;
    END IF;
    IF b.confirmed_at IS NOT NULL AND b.status IN ('CANCELLED', 'REFUNDED') THEN
      b.ended_at := b.confirmed_at + interval '3 days' + random() * random() * interval '9 days';
      INSERT INTO booking_cancels VALUES (b.event_id, b.booking_id, 5, b.ended_at, true, b.places,
        b.total - CASE WHEN b.gone_positions <> '{}' THEN 107 ELSE 0 END, 0, b.currency);
      b.places := 0;
    END IF;
    INSERT INTO bookings SELECT b.*;
  END LOOP;
END
$$;
SELECT pg_temp.history(400) \gset _
SET LOCAL session_replication_role = origin;
SELECT cmp_ok((SELECT count(*) FROM booking_cancels), '>', 80::bigint, 'many cancels');

-- ---- the plain count --------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.plain(p_user uuid, p_event integer, p_from timestamptz, p_to timestamptz) RETURNS jsonb
LANGUAGE sql AS $$
  WITH b AS (
    SELECT k.*, k.total AS paid, (SELECT count(*) FROM unnest(k.positions))
        + coalesce((SELECT sum(q) FROM unnest(k.quantities) AS q), 0) AS had,
        k.created_at >= p_from AND k.created_at < p_to AS begun,
        coalesce(k.confirmed_at >= p_from AND k.confirmed_at < p_to, false) AS sold
      FROM bookings k JOIN events e USING (event_id)
      WHERE (p_user IS NULL OR e.organizer_id = p_user) AND (p_event IS NULL OR e.event_id = p_event)
  ), c AS (
    SELECT x.* FROM booking_cancels x JOIN b USING (event_id, booking_id)
      WHERE x.cancelled_at >= p_from AND x.cancelled_at < p_to
  )
  SELECT jsonb_build_object('holds', count(*) FILTER (WHERE begun),
      'open_holds', count(*) FILTER (WHERE begun AND status IN ('HOLD', 'RESERVED') AND expires_at > now()),
      'holds_confirmed', count(*) FILTER (WHERE begun AND confirmed_at IS NOT NULL),
      'conversion_rate', round(count(*) FILTER (WHERE begun AND confirmed_at IS NOT NULL)
        / nullif(count(*) FILTER (WHERE begun AND NOT (status IN ('HOLD', 'RESERVED') AND expires_at > now())), 0)::numeric, 4),
      'bookings', count(*) FILTER (WHERE sold), 'places', coalesce(sum(had) FILTER (WHERE sold), 0),
      'cancellation_rate', round(count(*) FILTER (WHERE sold AND status IN ('CANCELLED', 'REFUNDED'))
        / nullif(count(*) FILTER (WHERE sold), 0)::numeric, 4),
      'cancelled_bookings', (SELECT count(*) FROM c WHERE whole),
      'cancelled_places', (SELECT coalesce(sum(places), 0) FROM c),
      'revenue', (SELECT coalesce(jsonb_agg(to_jsonb(q) ORDER BY currency), '[]') FROM (
        SELECT currency, coalesce(sum(paid), 0) AS gross, coalesce(sum(back), 0) AS cancelled,
            coalesce(sum(paid), 0) - coalesce(sum(back), 0) AS net
          FROM (SELECT currency, paid, NULL AS back FROM b WHERE sold
            UNION ALL SELECT currency, NULL, amount FROM c) AS m GROUP BY currency) AS q))
    FROM b
$$;

-- What differs first between an answer and the plain count of it, or 'nothing'.
CREATE FUNCTION pg_temp.differs(p_user text, p_event integer, p_from text, p_to text, p_zone text,
  p_every text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_all   boolean := p_user = 'ada';
  v_user  uuid := CASE WHEN NOT v_all THEN buyer(p_user) END;
  v_text  text := format('%s %s %s %s %s %s', p_user, p_event, p_from, p_to, p_zone, p_every);
  r       jsonb;
  v_from  timestamptz;
  v_to    timestamptz;
  v_end   timestamptz;
  v       record;
  v_plain jsonb;
  v_names text[];
BEGIN
  r := analytics(buyer(p_user), v_all, p_event, p_from, p_to, p_zone, p_every, 100)::jsonb;
  v_from := coalesce(p_from::timestamptz, '-infinity');
  v_to := coalesce(p_to::timestamptz, 'infinity');
  v_plain := pg_temp.plain(v_user, p_event, v_from, v_to);
  IF v_plain <> r -> 'totals' THEN
    RETURN format('%s totals: %s, not %s', v_text, r -> 'totals', v_plain);
  END IF;
  v_end := (r ->> 'from')::timestamptz;
  FOR v IN SELECT a, (a ->> 'from')::timestamptz AS begins, (a ->> 'to')::timestamptz AS ends, n,
      n = jsonb_array_length(r -> 'over_time') AS is_last
      FROM jsonb_array_elements(r -> 'over_time') WITH ORDINALITY AS t (a, n) LOOP
    IF v.begins <> v_end OR v.ends <= v.begins THEN
      RETURN format('%s has a gap at %s', v_text, v.begins);
    ELSIF (v.n > 1 OR p_from IS NULL) AND (CASE r ->> 'interval'
        WHEN 'hour' THEN date_trunc('hour', v.begins, p_zone) <> v.begins
        ELSE date_trunc(r ->> 'interval', (v.begins - interval '1 second') AT TIME ZONE p_zone)
          = date_trunc(r ->> 'interval', v.begins AT TIME ZONE p_zone) END) THEN
      RETURN format('%s: %s is no begin of the clock', v_text, v.begins);
    END IF;
    v_end := v.ends;
    v_plain := pg_temp.plain(v_user, p_event, v.begins, CASE WHEN v.is_last THEN v_to ELSE v.ends END);
    IF v_plain <> v.a - '{from,to}'::text[] THEN
      RETURN format('%s from %s: %s, not %s', v_text, v.begins, v.a, v_plain);
    END IF;
  END LOOP;
  IF v_end <> (r ->> 'to')::timestamptz THEN
    RETURN format('%s ends at %s', v_text, v_end);
  END IF;
  v_names := '{title,event_date,status,event_id}';
  FOR v IN SELECT m.event_id, (SELECT a FROM jsonb_array_elements(r -> 'popular_events') AS a
      WHERE a ->> 'event_id' = m.event_id::text) AS a
      FROM events m WHERE (v_user IS NULL OR m.organizer_id = v_user) AND (p_event IS NULL OR m.event_id = p_event) LOOP
    v_plain := pg_temp.plain(v_user, v.event_id, v_from, v_to);
    IF v.a IS NULL THEN
      IF (v_plain ->> 'holds')::int + (v_plain ->> 'bookings')::int + (v_plain ->> 'cancelled_places')::int > 0 THEN
        RETURN format('%s lacks event %s', v_text, v.event_id);
      END IF;
    ELSIF v_plain <> v.a - v_names THEN
      RETURN format('%s event %s: %s, not %s', v_text, v.event_id, v.a, v_plain);
    END IF;
  END LOOP;
  IF jsonb_path_query_array(r, '$.popular_events[*].places') = '[]' AND jsonb_array_length(r -> 'popular_events') > 0 THEN
    RETURN v_text || ' has events without places';
  END IF;
  RETURN 'nothing';
END
$$;

-- Periods made by chance; the first difference.
CREATE FUNCTION pg_temp.differs_ever(p_times integer) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_from timestamptz;
  v_to   timestamptz;
  v      text;
  v_zone text;
  v_user text;
BEGIN
  FOR i IN 1 .. p_times LOOP
    v_user := (ARRAY['ada', 'olga', 'otto', 'organizer'])[1 + floor(random() * 4)];
    v_zone := (ARRAY['UTC', 'Europe/Berlin', 'America/Havana', 'Asia/Kathmandu', 'Australia/Adelaide',
      'America/Los_Angeles'])[1 + floor(random() * 6)];
    v_from := (ARRAY['2024-03-30Z', '2024-10-26Z', '2024-11-02Z', '2024-04-06Z', '2024-02-28Z']::timestamptz[])
      [1 + floor(random() * 5)] + floor(random() * 86400 * 2) * interval '1 second';
    IF random() < 0.4 THEN
      v_from := date_trunc('day', v_from, v_zone);
    END IF;
    v_to := v_from + (ARRAY['7 minutes', '1 hour', '1 day', '33 hours', '8 days', '40 days']::interval[])[1 + floor(random() * 6)];
    v := pg_temp.differs(v_user, CASE WHEN random() < 0.3 THEN (SELECT event_id FROM events
        WHERE v_user = 'ada' OR organizer_id = buyer(v_user) ORDER BY random() LIMIT 1) END,
      v_from::text, v_to::text, v_zone,
      CASE WHEN v_to - v_from <= interval '33 hours' THEN (ARRAY['hour', 'day', 'week', 'month', NULL])[1 + floor(random() * 5)]
        ELSE (ARRAY['day', 'week', 'month', NULL])[1 + floor(random() * 4)] END);
    IF v <> 'nothing' THEN
      RETURN v;
    END IF;
  END LOOP;
  RETURN 'nothing';
END
$$;
CREATE FUNCTION pg_temp.differs_all() RETURNS text
LANGUAGE sql AS $$
  SELECT coalesce(min(d) FILTER (WHERE d <> 'nothing'), 'nothing') FROM (
    SELECT pg_temp.differs(u, NULL, f, NULL, z, i) AS d
      FROM (VALUES ('ada'), ('olga'), ('otto'), ('organizer')) AS us (u),
        (VALUES (NULL, 'UTC', 'month'), (NULL, 'Europe/Berlin', 'month'), ('2024-10-27T00:30:00Z', 'Asia/Kathmandu', 'month')) AS v (f, z, i)
    UNION ALL
    SELECT pg_temp.differs('ada', event_id, NULL, NULL, 'Europe/Berlin', 'month') FROM events) AS q
$$;
-- Runs of the roll-up: so many steps, of at most so many quarters of an hour.
CREATE FUNCTION pg_temp.roll(p_steps integer, p_most integer) RETURNS bigint
LANGUAGE sql AS $$
  SELECT sum(r.quarters)::bigint FROM generate_series(1, p_steps) AS n, rollup_step(p_most + 0 * n) AS r
$$;
CREATE FUNCTION pg_temp.wrong() RETURNS bigint
LANGUAGE sql AS $$
  WITH RECURSIVE days AS (
    SELECT * FROM rollup_compare(NULL)
    UNION ALL SELECT n.* FROM days d, rollup_compare(d.next) AS n WHERE d.next IS NOT NULL
  )
  SELECT coalesce(sum(wrong), 0)::bigint FROM days
$$;

SELECT is((SELECT count(*) FROM sales), 0::bigint, 'nothing is added up');
SELECT is(pg_temp.differs_all(), 'nothing', 'all numbers are as counted');
SELECT is(pg_temp.differs_ever(25), 'nothing', 'of any period');
SELECT is(pg_temp.roll(1, 100), 0::bigint, 'the first step adds up nothing');
SELECT is((SELECT ROW(until, next <= now() - interval '5 minutes', next > now() - interval '20 minutes 1 second')::text
  FROM sales_state), '(-infinity,t,t)', 'but notes up to where it may be');
SELECT is(pg_temp.roll(4, 4), 16::bigint, 'then quarters of an hour, as many as asked for');
SELECT is(pg_temp.differs_all(), 'nothing', 'some hours are added up');
SELECT is(pg_temp.differs_ever(25), 'nothing', 'of any period');
SELECT cmp_ok(pg_temp.roll(30, 7), '>', 100::bigint, 'some days of them');
SELECT is(pg_temp.differs_all(), 'nothing', 'all numbers are as counted');
SELECT is(pg_temp.differs_ever(25), 'nothing', 'of any period');
SELECT is(pg_temp.wrong(), 0::bigint, 'the sums are what the bookings say');
SELECT cmp_ok(pg_temp.roll(200, 96), '>', 100::bigint, 'all of it');
SELECT is((SELECT next FROM sales_state), NULL, 'up to where it may be');
SELECT is(pg_temp.roll(1, 96), 0::bigint, 'again: nothing');
SELECT is((SELECT sum(bookings) FROM sales WHERE level = 'a'),
  (SELECT count(*) FROM bookings WHERE confirmed_at < now()), 'each booking once');
SELECT is(pg_temp.differs_all(), 'nothing', 'all numbers are as counted');
SELECT is(pg_temp.differs_ever(25), 'nothing', 'of any period');
SELECT is(pg_temp.wrong(), 0::bigint, 'the sums are what the bookings say');

-- what happens to old bookings after that
SELECT held(:live, 'carl', seats(10)) AS again \gset
SET LOCAL session_replication_role = replica;
UPDATE bookings SET status = 'CONFIRMED', confirmed_at = now() WHERE status = 'EXPIRED' AND currency = 'USD';
INSERT INTO booking_cancels SELECT event_id, booking_id, 9, now(), true, 1, 100, 0, currency FROM bookings
  WHERE status = 'CONFIRMED' AND confirmed_at < now() AND currency = 'EUR' AND gone_positions = '{}';
UPDATE bookings SET status = 'CANCELLED', ended_at = now() WHERE booking_id IN (
  SELECT booking_id FROM booking_cancels WHERE version = 9);
SET LOCAL session_replication_role = origin;
SELECT is(pg_temp.differs_all(), 'nothing', 'late money and cancels of long ago count at once');
SELECT is(pg_temp.differs_ever(25), 'nothing', 'of any period');
SELECT is(pg_temp.wrong(), 0::bigint, 'the sums stand');
UPDATE sales_state SET until = until - interval '1 hour';
UPDATE sales_state SET until = until + interval '1 hour', next = sales_quarter(now() + interval '15 minutes');
SELECT cmp_ok(pg_temp.roll(3, 96), '>', 0::bigint, 'once these are added up too');
SELECT is(pg_temp.differs_all(), 'nothing', 'all numbers are as counted');
SELECT is(pg_temp.differs_ever(25), 'nothing', 'of any period');
SELECT is(pg_temp.wrong(), 0::bigint, 'and the sums are right');

-- ---- what is wrong is found and put right --------------------------------------------------------------

CREATE FUNCTION pg_temp.repaired() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  r record;
  n bigint := 0;
  d text;
BEGIN
  LOOP
    SELECT * INTO r FROM rollup_repair(d);
    n := n + coalesce(r.wrong, 0);
    EXIT WHEN r.next IS NULL;
    d := r.next;
  END LOOP;
  RETURN n;
END
$$;
SELECT is(pg_temp.repaired(), 0::bigint, 'nothing is to be put right');
UPDATE sales SET places = places + 1 WHERE level = 'E' AND at = '2024-03-31Z';
DELETE FROM sales WHERE level = 'o' AND at < '2024-03-01Z';
INSERT INTO sales SELECT 'e', 77, NULL, '2020-02-02Z', 'ZZZ', 1, 1, 1, 1, 1, 1, 1, 1, 1;
SELECT cmp_ok(pg_temp.wrong(), '>', 10::bigint, 'rows that are wrong, missing or of nothing are found');
SELECT isnt(pg_temp.differs_all(), 'nothing', 'as the plain count finds them');
SELECT cmp_ok(pg_temp.repaired(), '>', 10::bigint, 'and put right');
SELECT is(pg_temp.wrong(), 0::bigint, 'all of them');
SELECT is(pg_temp.differs_all(), 'nothing', 'all numbers are as counted');
DELETE FROM sales;
SELECT cmp_ok(pg_temp.repaired(), '>', 100::bigint, 'out of nothing');
SELECT is(pg_temp.differs_all(), 'nothing', 'all numbers are as counted');

-- ---- who may ask, and for what ----------------------------------------------------------------------------

CREATE FUNCTION pg_temp.asked(p_user text, p_all boolean, p_event integer DEFAULT NULL, p_from text DEFAULT NULL,
  p_to text DEFAULT NULL, p_zone text DEFAULT NULL, p_every text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
  SELECT failure(format('SELECT analytics(%L, %L, %L, %L, %L, %L, %L, 5)', buyer(p_user), p_all, p_event, p_from, p_to,
    p_zone, p_every))
$$;
SELECT is(pg_temp.asked(who, everything, event), told, format('%s may ask or not', who))
  FROM (SELECT event_id AS event FROM events WHERE organizer_id = buyer('olga') LIMIT 1) AS e,
    (VALUES ('olga', false, 'none'), ('otto', false, 'HF104'), ('otto', true, 'HF103'), ('ute', false, 'HF103'),
      ('ada', true, 'none'), ('nobody', true, 'HF103')) AS v (who, everything, told);
SELECT is(pg_temp.asked('ada', true, 999999), 'HF104', 'no such event');
SELECT matches(pg_temp.asked('ada', true, NULL, f, t, z, i), told, format('refused: %s %s %s %s', f, t, z, i))
  FROM (VALUES ('2024-02-02T00:00:00Z', '2024-02-02T00:00:00Z', NULL, NULL, '"/from"'),
    ('2999-01-01', NULL, NULL, NULL, 'none'), (NULL, NULL, 'Mars/Olympus', NULL, '"/timezone"'),
    ('1969-01-01', NULL, NULL, NULL, '"/from"'), (NULL, NULL, NULL, 'hour', 'more than 1000 .*"/interval"')) AS v (f, t, z, i, told);

SELECT * FROM finish();
ROLLBACK;
