-- What staff make: venues, and events with their sections and seats. The web side has checked the
-- shape of what comes in (jsonb with every default that does not depend on other rows); what depends
-- on other rows is judged here. Each function is one transaction.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- One field of a request is not valid.
CREATE FUNCTION refuse_field(p_pointer text, p_detail text) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'a field is not valid' USING ERRCODE = 'HF122',
    DETAIL = json_build_object('pointer', p_pointer, 'detail', p_detail);
END
$$;

-- Needs no search path, and is put in place where it is called.
CREATE FUNCTION time_show(p_time timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- A time as clients write it: RFC 3339, or a date, which is the midnight it begins with.
CREATE FUNCTION time_read(p_text text, p_zone text, p_pointer text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_time timestamptz;
BEGIN
  IF p_text IS NULL THEN
    RETURN NULL;
  END IF;
  v_time := CASE WHEN length(p_text) = 10 THEN p_text::timestamp AT TIME ZONE p_zone
    ELSE p_text::timestamptz END;
  IF v_time < '1970-01-01Z' OR v_time >= '3000-01-01Z' THEN
    PERFORM refuse_field(p_pointer, 'The time must be within the years 1970 and 2999.');
  END IF;
  RETURN v_time;
END
$$;

CREATE FUNCTION timezone_check(p_zone text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
BEGIN
  -- The view reads hundreds of files: not for nothing.
  IF coalesce(p_zone, 'UTC') = 'UTC' THEN
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_timezone_names z
      WHERE z.name = p_zone AND z.name !~ '^(posix|right)/|^(Factory|localtime|posixrules)$') THEN
    PERFORM refuse_field('/timezone', 'There is no such time zone (IANA names are known).');
  END IF;
END
$$;

-- The venue of an event or a request, if the caller may use it.
CREATE FUNCTION venue_for(p_venue integer, p_user uuid, p_all boolean) RETURNS venues
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v venues;
BEGIN
  SELECT * INTO v FROM venues WHERE venue_id = p_venue AND (p_all OR owner_id = p_user);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such venue' USING ERRCODE = 'HF104';
  END IF;
  RETURN v;
END
$$;

-- Whether somebody is staff at this moment, and an admin where it is about what is others' (p_all): a
-- token may outlive the role that it was given for.
CREATE FUNCTION staff_is(p_user uuid, p_all boolean) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM users WHERE user_id = p_user AND disabled_at IS NULL
    AND role = ANY (CASE WHEN p_all THEN '{admin}' ELSE '{organizer,admin}' END::text[]));
END
$$;

-- What every call of staff asks first, before it says whether something is there.
CREATE FUNCTION staff_check(p_user uuid, p_all boolean) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF NOT staff_is(p_user, p_all) THEN
    RAISE EXCEPTION 'the account may not do this' USING ERRCODE = 'HF103';
  END IF;
END
$$;

CREATE FUNCTION venue_show(v venues) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT row_to_json(q)::text FROM (
    SELECT v.venue_id::text, v.name, v.address, v.timezone, v.layouts,
      holdfast.time_show(v.created_at) AS created_at) AS q
$$;

-- The waiting room of an event with what is in force where it says nothing.
CREATE FUNCTION room_show(e events, p_room jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT row_to_json(r) FROM (
    SELECT coalesce(e.waiting_room ->> 'opens_at', holdfast.time_show(e.sales_start)) AS opens_at,
      w.admit_per_minute, w.inside_max, w.stale_after_seconds, w.grace_seconds, w.pass_seconds
    FROM jsonb_to_record(p_room || e.waiting_room) AS w (admit_per_minute integer, inside_max integer,
      stale_after_seconds integer, grace_seconds integer, pass_seconds integer)) AS r
$$;

-- The waiting room that a request describes, as it is kept.
CREATE FUNCTION room_read(p_room jsonb, p_zone text, p_sales_end timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_opens timestamptz := time_read(p_room ->> 'opens_at', p_zone, '/waiting_room/opens_at');
BEGIN
  IF v_opens > p_sales_end THEN
    PERFORM refuse_field('/waiting_room/opens_at', 'The waiting room would open after the end of sales.');
  END IF;
  -- A null, of the whole or of a part, leaves it to the configuration.
  RETURN coalesce(jsonb_strip_nulls(nullif(p_room, 'null') || jsonb_build_object('opens_at', time_show(v_opens))), '{}');
END
$$;

-- An event as everybody sees it, but for its sections; the rule of its prices is for staff alone, who
-- would not want buyers to wait for its floor. p_default_*: what is in force where the event says
-- nothing (0 places a buyer: no limit); p_room: likewise, of the waiting room.
CREATE FUNCTION event_head(e events, p_staff boolean, p_default_seconds integer,
  p_default_per_booking integer, p_default_per_user integer, p_room jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT row_to_json(q)::text FROM (
    SELECT e.event_id::text, e.title, e.description,
      (SELECT v FROM (SELECT n.venue_id::text, n.name, n.address, n.timezone
          FROM holdfast.venues n WHERE n.venue_id = e.venue_id) AS v) AS venue,
      holdfast.time_show(e.event_date) AS event_date, e.timezone,
      holdfast.time_show(e.sales_start) AS sales_start, holdfast.time_show(e.sales_end) AS sales_end,
      e.status, coalesce(e.hold_seconds, p_default_seconds) AS hold_seconds,
      coalesce(e.max_seats_per_booking, p_default_per_booking) AS max_seats_per_booking,
      coalesce(e.max_seats_per_user, nullif(p_default_per_user, 0)) AS max_seats_per_user,
      e.queue, room_show(e, p_room) AS waiting_room, e.payment, e.refund_policy, e.currency,
      CASE WHEN p_staff THEN e.pricing
        ELSE jsonb_build_object('enabled', e.pricing -> 'enabled') END AS pricing, e.version) AS q
$$;

-- The sections of an event in order, each an object that is left open: how many places are available
-- is the live part, which the reader adds last.
CREATE FUNCTION event_sections_open(p_event integer)
RETURNS TABLE (section_id text, price bigint, open_json text)
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT c.section_id, c.price, left((SELECT row_to_json(q)::text FROM (
      SELECT c.section_id, c.event_id || ':' || c.section_id AS ticket_type_id, c.name, c.kind,
        c.capacity, c.base_price, c.price) AS q), -1) || ',"available":'
    FROM holdfast.sections c WHERE c.event_id = p_event ORDER BY c.section_no
$$;

CREATE FUNCTION event_show(e events, p_default_seconds integer, p_default_per_booking integer,
  p_default_per_user integer, p_room jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT left(holdfast.event_head(e, true, p_default_seconds, p_default_per_booking,
      p_default_per_user, p_room), -1)
    || ',"sections":[' || coalesce(string_agg(
      o.open_json || n.capacity - n.held - n.sold || '}', ',' ORDER BY o.ordinality), '') || ']}'
    FROM ROWS FROM (holdfast.event_sections_open(e.event_id)) WITH ORDINALITY AS o
      JOIN holdfast.section_counts(e.event_id) AS n USING (section_id)
$$;

-- What a call of staff answers.
CREATE TYPE edit_result AS (
  replayed boolean, -- the first answer of this key
  id       text,
  body     text
);

-- The seats that a list of sections describes, in layout order. A row's seats are a number of them,
-- then counted from 1, or a list of their ids.
CREATE FUNCTION layout_seats(p_sections jsonb)
RETURNS TABLE (section_id text, section_at bigint, row_at bigint, seat_at bigint, row_label text,
  label text, seat_id text, price bigint)
LANGUAGE sql IMMUTABLE ROWS 10000 SET search_path = holdfast, pg_temp AS $$
  SELECT s.v ->> 'section_id', s.at, r.at, n.at, r.v ->> 'row', n.label,
      coalesce(n.seat_id, r.prefix || n.label), (r.v ->> 'price')::bigint
    FROM jsonb_array_elements(p_sections) WITH ORDINALITY AS s (v, at)
      CROSS JOIN LATERAL (
        SELECT e.v, e.at, (s.v ->> 'section_id') || '-' || (e.v ->> 'row') || '-' AS prefix
          FROM jsonb_array_elements(s.v -> 'rows') WITH ORDINALITY AS e (v, at) OFFSET 0) AS r
      CROSS JOIN LATERAL (
        SELECT g::bigint AS at, g::text AS label, NULL AS seat_id
          FROM generate_series(1, CASE jsonb_typeof(r.v -> 'seats')
            WHEN 'number' THEN (r.v -> 'seats')::integer ELSE 0 END) AS g
        UNION ALL
        SELECT l.at, CASE WHEN starts_with(l.id, r.prefix) AND l.id <> r.prefix
            THEN substr(l.id, length(r.prefix) + 1) ELSE l.id END, l.id
          FROM jsonb_array_elements_text(CASE jsonb_typeof(r.v -> 'seats')
            WHEN 'array' THEN r.v -> 'seats' ELSE '[]' END) WITH ORDINALITY AS l (id, at)) AS n
$$;

-- Two seats of an event never have the same id.
CREATE FUNCTION layout_check(p_sections jsonb, p_pointer text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v record;
BEGIN
  SELECT seat_id, max(array[section_at, row_at, seat_at]) AS at INTO v
    FROM layout_seats(p_sections) GROUP BY seat_id HAVING count(*) > 1 ORDER BY at LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_field(format('%s/%s/rows/%s/seats', p_pointer, v.at[1] - 1, v.at[2] - 1),
      format('Two seats would have the id %s.', v.seat_id));
  END IF;
END
$$;

-- What amounts must be a multiple of, so that the provider can take and send them: of thousandths it has
-- no single ones, and of the ariary whole ones alone, which is counted in hundredths here.
CREATE FUNCTION provider_unit(p_currency text) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = holdfast, pg_temp
RETURN CASE WHEN p_currency IN ('BHD', 'JOD', 'KWD', 'OMR', 'TND') THEN 10 WHEN p_currency = 'MGA' THEN 100 ELSE 1 END;

-- Refuses prices that nobody could pay: of an event as it is by now, by the fields that p_in has.
CREATE FUNCTION money_check(e events, p_in jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_unit integer := provider_unit(e.currency);
BEGIN
  IF e.payment = 'none' OR v_unit = 1 OR NOT p_in ?| '{payment,sections,layout,pricing}' THEN
    RETURN;
  ELSIF v_unit = 100 THEN
    PERFORM refuse_field('/payment', 'The payment provider cannot take this currency exactly.');
  ELSIF EXISTS (SELECT FROM sections c WHERE c.event_id = e.event_id
        AND (c.base_price % v_unit <> 0 OR c.price % v_unit <> 0))
      OR EXISTS (SELECT FROM seats s WHERE s.event_id = e.event_id AND s.price % v_unit <> 0
        AND NOT EXISTS (SELECT FROM seat_claims k
          WHERE k.event_id = s.event_id AND k.position = s.position AND k.state = 'x')) THEN
    PERFORM refuse_field(CASE WHEN p_in ? 'sections' THEN '/sections' WHEN p_in ? 'layout' THEN '/layout' ELSE '/payment' END,
      format('The payment provider takes multiples of %s of this currency: so all prices must be.', v_unit));
  ELSIF (e.pricing ->> 'enabled')::boolean AND (e.pricing ->> 'round_to')::integer % v_unit <> 0 THEN
    PERFORM refuse_field(CASE WHEN p_in -> 'pricing' ? 'round_to' THEN '/pricing/round_to' ELSE '/payment' END,
      format('The payment provider takes multiples of %s of this currency: so must prices be rounded.', v_unit));
  END IF;
END
$$;

CREATE FUNCTION venue_create(p_user uuid, p_key text, p_fingerprint text, p_wait boolean, p_in jsonb)
RETURNS edit_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  a answers;
  v venues;
  r edit_result;
BEGIN
  PERFORM staff_check(p_user, false);
  IF p_key IS NOT NULL THEN
    a := answer_find(0, p_user, 'venue_create', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      RETURN (true, a.body::json ->> 'venue_id', a.body)::edit_result;
    END IF;
  END IF;
  PERFORM timezone_check(p_in ->> 'timezone');
  PERFORM layout_check(l.v -> 'sections', format('/layouts/%s/sections', l.at - 1))
    FROM jsonb_array_elements(p_in -> 'layouts') WITH ORDINALITY AS l (v, at);
  INSERT INTO venues (owner_id, name, address, timezone, layouts)
    VALUES (p_user, p_in ->> 'name', coalesce(p_in ->> 'address', ''),
      coalesce(p_in ->> 'timezone', 'UTC'), coalesce(p_in -> 'layouts', '[]'))
    RETURNING * INTO v;
  r := (false, v.venue_id::text, venue_show(v))::edit_result;
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(0, p_user, 'venue_create', p_key, p_fingerprint, 201, NULL, r.body);
  END IF;
  RETURN r;
END
$$;

-- The caller's venues (p_all: everybody's) in the order of their making, after p_after.
CREATE FUNCTION venue_list(p_user uuid, p_all boolean, p_after integer, p_limit integer)
RETURNS TABLE (venue_id integer, body text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM staff_check(p_user, p_all);
  RETURN QUERY SELECT v.venue_id, venue_show(v) FROM venues v
    WHERE (p_all OR v.owner_id = p_user) AND v.venue_id > p_after
    ORDER BY v.venue_id LIMIT p_limit;
END
$$;

CREATE FUNCTION event_create(p_user uuid, p_all boolean, p_key text, p_fingerprint text,
  p_wait boolean, p_in jsonb, p_default_seconds integer, p_default_per_booking integer,
  p_default_per_user integer, p_room jsonb DEFAULT '{}') RETURNS edit_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  a          answers;
  v          venues;
  e          events;
  r          edit_result;
  v_zone     text;
  v_date     timestamptz;
  v_start    timestamptz;
  v_end      timestamptz;
  v_sections jsonb := p_in -> 'sections';
BEGIN
  PERFORM staff_check(p_user, p_all);
  IF p_key IS NOT NULL THEN
    a := answer_find(0, p_user, 'event_create', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      RETURN (true, a.body::json ->> 'event_id', a.body)::edit_result;
    END IF;
  END IF;
  IF p_in ? 'venue_id' THEN
    v := venue_for((p_in ->> 'venue_id')::integer, p_user, p_all);
  END IF;
  IF p_in ? 'layout' THEN
    SELECT l -> 'sections' INTO v_sections FROM jsonb_array_elements(v.layouts) AS l
      WHERE l ->> 'name' = p_in ->> 'layout';
    IF NOT FOUND THEN
      PERFORM refuse_field('/layout', 'The venue has no layout of this name.');
    END IF;
  END IF;
  PERFORM timezone_check(p_in ->> 'timezone');
  v_zone := coalesce(p_in ->> 'timezone', v.timezone, 'UTC');
  v_date := time_read(p_in ->> 'event_date', v_zone, '/event_date');
  v_end := coalesce(time_read(p_in ->> 'sales_end', v_zone, '/sales_end'), v_date);
  -- Where nothing is said sales begin now, but never after their end.
  v_start := coalesce(time_read(p_in ->> 'sales_start', v_zone, '/sales_start'), least(now(), v_end));
  IF v_start > v_end THEN
    PERFORM refuse_field('/sales_start', 'Sales would begin after their end.');
  END IF;
  PERFORM layout_check(v_sections, '/sections');

  INSERT INTO events (organizer_id, venue_id, title, description, event_date, timezone, sales_start,
      sales_end, status, currency, hold_seconds, max_seats_per_booking, max_seats_per_user, payment,
      queue, waiting_room, refund_policy, pricing)
    VALUES (p_user, v.venue_id, p_in ->> 'title', coalesce(p_in ->> 'description', ''), v_date, v_zone,
      v_start, v_end, coalesce(p_in ->> 'status', 'on_sale'), p_in ->> 'currency',
      (p_in ->> 'hold_seconds')::integer, (p_in ->> 'max_seats_per_booking')::integer,
      (p_in ->> 'max_seats_per_user')::integer, coalesce(p_in ->> 'payment', 'none'),
      coalesce(p_in ->> 'queue', 'off'), room_read(p_in -> 'waiting_room', v_zone, v_end),
      coalesce(p_in -> 'refund_policy', '[]'),
      coalesce(p_in -> 'pricing', '{"enabled": false}'))
    RETURNING * INTO e;
  INSERT INTO sections (event_id, section_no, section_id, name, kind, capacity, base_price, price)
    SELECT e.event_id, s.at - 1, s.v ->> 'section_id', s.v ->> 'name', s.v ->> 'kind',
        (s.v ->> 'capacity')::integer, (s.v ->> 'base_price')::bigint, (s.v ->> 'base_price')::bigint
      FROM jsonb_array_elements(v_sections) WITH ORDINALITY AS s (v, at);
  INSERT INTO ga_counts (event_id, section_no, capacity)
    SELECT c.event_id, c.section_no, c.capacity FROM sections c
      WHERE c.event_id = e.event_id AND c.kind = 'ga';
  -- A row of the map below the one before it, and a gap between sections.
  INSERT INTO seats (event_id, position, seat_id, section_no, row_label, label, adjacency, x, y, price)
    SELECT e.event_id, row_number() OVER w - 1, l.seat_id, l.section_at - 1, l.row_label, l.label,
        l.seat_at, l.seat_at, dense_rank() OVER (ORDER BY l.section_at, l.row_at) + l.section_at - 1,
        l.price
      FROM layout_seats(v_sections) AS l
      WINDOW w AS (ORDER BY l.section_at, l.row_at, l.seat_at);
  UPDATE events SET seats_count = (SELECT count(*) FROM seats s WHERE s.event_id = e.event_id)
    WHERE event_id = e.event_id RETURNING * INTO e;
  PERFORM money_check(e, p_in);
  PERFORM notice_write(e.event_id, NULL, 'event.created',
    jsonb_build_object('title', e.title, 'status', e.status, 'event_date', time_show(e.event_date)));

  r := (false, e.event_id::text,
    event_show(e, p_default_seconds, p_default_per_booking, p_default_per_user, p_room))::edit_result;
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(0, p_user, 'event_create', p_key, p_fingerprint, 201, NULL, r.body);
  END IF;
  RETURN r;
END
$$;

-- What is there already: for programs that make the same accounts, venues and events once.
CREATE FUNCTION account_named(p_email text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT u.user_id FROM holdfast.users u WHERE u.email OPERATOR(public.=) p_email::public.citext
$$;

CREATE FUNCTION venue_find(p_user uuid, p_name text) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT v.venue_id FROM holdfast.venues v WHERE v.owner_id = p_user AND v.name = p_name
    ORDER BY v.venue_id LIMIT 1
$$;

CREATE FUNCTION event_find(p_user uuid, p_title text) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT e.event_id FROM holdfast.events e WHERE e.organizer_id = p_user AND e.title = p_title
    ORDER BY e.event_id LIMIT 1
$$;

-- A hundred thousand seats take a moment; a worker waits 4 s.
ALTER ROLE holdfast_admin SET statement_timeout = '3500ms';

GRANT EXECUTE ON FUNCTION venue_create, venue_list, event_create TO holdfast_admin, holdfast_demo;
GRANT EXECUTE ON FUNCTION account_named, venue_find, event_find TO holdfast_demo;

COMMIT;
