-- Changes of an event by staff: its own fields, its sections, its layout. The event's row is locked
-- first, so that those who edit an event queue up; then claims by position, claims of general
-- admission, counters and bookings, as in every other move.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Adds the sections of p_sections that are not there yet, and says whether there were any.
CREATE FUNCTION event_sections_add(p_event integer, p_sections jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  s      record;
  v_kind text;
  v_no   integer;
  v_new  boolean := false;
BEGIN
  SELECT coalesce(max(section_no), -1) INTO v_no FROM sections WHERE event_id = p_event;
  FOR s IN SELECT q.v, '/sections/' || q.at - 1 AS pointer
      FROM jsonb_array_elements(p_sections) WITH ORDINALITY AS q (v, at)
      WHERE NOT EXISTS (SELECT FROM sections c
        WHERE c.event_id = p_event AND c.section_id = q.v ->> 'section_id')
      ORDER BY q.at LOOP
    v_kind := coalesce(s.v ->> 'kind', 'ga');
    IF NOT s.v ? 'name' THEN
      PERFORM refuse_field(s.pointer || '/name', 'A new section needs a name.');
    ELSIF v_kind = 'ga' AND NOT s.v ? 'capacity' THEN
      PERFORM refuse_field(s.pointer || '/capacity', 'A new section needs a capacity or rows.');
    ELSIF v_kind = 'seated' AND NOT s.v ? 'rows' THEN
      PERFORM refuse_field(s.pointer || '/rows', 'A new seated section needs rows.');
    END IF;
    v_no := v_no + 1;
    IF v_no >= 200 THEN
      PERFORM refuse_field('/sections', 'An event has at most 200 sections.');
    END IF;
    INSERT INTO sections (event_id, section_no, section_id, name, kind, capacity, base_price, price)
      VALUES (p_event, v_no, s.v ->> 'section_id', s.v ->> 'name', v_kind,
        (s.v ->> 'capacity')::integer, coalesce((s.v ->> 'base_price')::bigint, 0),
        coalesce((s.v ->> 'price')::bigint, (s.v ->> 'base_price')::bigint, 0));
    IF v_kind = 'ga' THEN
      INSERT INTO ga_counts (event_id, section_no, capacity)
        VALUES (p_event, v_no, (s.v ->> 'capacity')::integer);
    END IF;
    v_new := true;
  END LOOP;
  RETURN v_new;
END
$$;

-- What a section is does not change, and the capacity of a seated one is the number of its seats.
CREATE FUNCTION event_sections_check(p_event integer, p_sections jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  s record;
BEGIN
  FOR s IN SELECT q.v, '/sections/' || q.at - 1 AS pointer, c.kind, c.capacity
      FROM jsonb_array_elements(p_sections) WITH ORDINALITY AS q (v, at)
        JOIN sections c ON c.event_id = p_event AND c.section_id = q.v ->> 'section_id'
      ORDER BY q.at LOOP
    IF s.v ? 'rows' AND s.kind = 'ga' THEN
      PERFORM refuse_field(s.pointer || '/rows', 'A section of general admission has no rows.');
    ELSIF s.v ->> 'kind' <> s.kind THEN
      PERFORM refuse_field(s.pointer || '/kind', 'The kind of a section cannot change.');
    ELSIF s.kind = 'seated' AND NOT s.v ? 'rows' AND (s.v ->> 'capacity')::integer <> s.capacity THEN
      PERFORM refuse_field(s.pointer || '/capacity',
        'The capacity of a seated section is the number of its seats.');
    END IF;
  END LOOP;
  PERFORM layout_check(p_sections, '/sections');
  SELECT l.seat_id, format('/sections/%s/rows/%s/seats', l.section_at - 1, l.row_at - 1) AS pointer
    INTO s
    FROM layout_seats(p_sections) AS l
      JOIN seats t ON t.event_id = p_event AND t.seat_id = l.seat_id
      JOIN sections c ON c.event_id = t.event_id AND c.section_no = t.section_no
    WHERE c.section_id <> l.section_id ORDER BY l.section_at, l.row_at, l.seat_at LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_field(s.pointer, format('Another section has a seat with the id %s.', s.seat_id));
  END IF;
END
$$;

-- Takes seats out of sale (p_kill) and brings others back (p_revive). Says whose due claims were
-- taken over.
CREATE FUNCTION seats_kill(p_event integer, p_kill integer[], p_revive integer[]) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_got  integer;
  v_from uuid[];
BEGIN
  -- One pass in the order of positions locks both: a killed seat that is brought back conflicts with
  -- its own claim, and nothing else is done to it here.
  WITH killed AS (
    INSERT INTO seat_claims AS c (event_id, position, booking_id, state, expires_at)
      SELECT p_event, p.position, NULL, 'x', 'infinity'
        FROM unnest(p_kill || p_revive) AS p (position) ORDER BY p.position
      ON CONFLICT (event_id, position) DO UPDATE
        SET taken_from = c.booking_id, booking_id = NULL, state = 'x', expires_at = 'infinity'
        WHERE c.expires_at <= now()
      RETURNING c.taken_from
  )
  SELECT count(*), array_agg(DISTINCT taken_from) FILTER (WHERE taken_from IS NOT NULL)
    INTO v_got, v_from FROM killed;
  IF v_got < cardinality(p_kill) THEN
    RAISE EXCEPTION 'some of these seats are taken' USING ERRCODE = 'HF220',
      DETAIL = json_build_object('seat_ids', (SELECT json_agg(q.seat_id ORDER BY q.position)
        FROM (SELECT s.seat_id, s.position FROM seat_claims c JOIN seats s USING (event_id, position)
          WHERE c.event_id = p_event AND c.position = ANY (p_kill) AND c.state <> 'x'
          ORDER BY s.position LIMIT 100) AS q));
  END IF;
  DELETE FROM seat_claims
    WHERE event_id = p_event AND position = ANY (p_revive) AND state = 'x';
  RETURN coalesce(v_from, '{}');
END
$$;

-- New capacities of general admission, by ascending section. Due claims are given back where places
-- go; says whose they were.
CREATE FUNCTION ga_resize(p_event integer, p_nos smallint[], p_capacities integer[]) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_less smallint[];
  v_due  uuid[];
  v_full record;
BEGIN
  SELECT array_agg(w.no) INTO v_less FROM unnest(p_nos, p_capacities) AS w (no, capacity)
    JOIN ga_counts n ON n.event_id = p_event AND n.section_no = w.no AND n.capacity > w.capacity;
  SELECT array_agg(q.booking_id) INTO v_due FROM (
    SELECT booking_id FROM ga_claims
      WHERE event_id = p_event AND section_no = ANY (v_less) AND state IN ('h', 'r')
        AND expires_at <= now()
      ORDER BY section_no, booking_id FOR UPDATE) AS q;
  PERFORM FROM ga_counts
    WHERE event_id = p_event AND section_no = ANY (p_nos) ORDER BY section_no FOR UPDATE;
  DELETE FROM ga_claims
    WHERE event_id = p_event AND section_no = ANY (v_less) AND booking_id = ANY (v_due)
      AND state IN ('h', 'r') AND expires_at <= now();
  SELECT c.section_id, n.taken, w.capacity INTO v_full
    FROM unnest(p_nos, p_capacities) AS w (no, capacity)
      JOIN ga_counts n ON n.event_id = p_event AND n.section_no = w.no AND n.taken > w.capacity
      JOIN sections c ON c.event_id = p_event AND c.section_no = w.no
    ORDER BY w.no LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'more places are taken than would be left' USING ERRCODE = 'HF220', DETAIL =
      json_build_object('section_id', v_full.section_id, 'taken', v_full.taken,
        'requested', v_full.capacity);
  END IF;
  UPDATE ga_counts n SET capacity = w.capacity FROM unnest(p_nos, p_capacities) AS w (no, capacity)
    WHERE n.event_id = p_event AND n.section_no = w.no;
  RETURN coalesce(v_due, '{}');
END
$$;

-- Writes the wanted layout over the seats that are there, the new ones at the end of the positions;
-- returns the next free position, and whether anything that a map shows has changed.
CREATE FUNCTION event_seats_write(p_event integer, p_next integer, p_sections jsonb,
  OUT next_position integer, OUT changed boolean)
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_added   integer;
  v_altered integer;
  v_base    real;
BEGIN
  -- A row keeps its height on the map; new rows come below all others.
  SELECT coalesce(max(y), 0) INTO v_base FROM seats WHERE event_id = p_event;
  UPDATE seats s SET row_label = l.row_label, label = l.label, adjacency = l.seat_at, x = l.seat_at,
      price = l.price
    FROM layout_seats(p_sections) AS l
    WHERE s.event_id = p_event AND s.seat_id = l.seat_id
      AND (s.row_label, s.label, s.adjacency, s.x, s.price) IS DISTINCT FROM
        (l.row_label, l.label, l.seat_at::integer, l.seat_at::real, l.price);
  GET DIAGNOSTICS v_altered = ROW_COUNT;
  INSERT INTO seats (event_id, position, seat_id, section_no, row_label, label, adjacency, x, y, price)
    SELECT p_event, p_next + row_number() OVER w - 1, l.seat_id, c.section_no, l.row_label, l.label,
        l.seat_at, l.seat_at,
        coalesce((SELECT min(o.y) FROM seats o WHERE o.event_id = p_event
            AND o.section_no = c.section_no AND o.row_label = l.row_label),
          v_base + dense_rank() OVER (ORDER BY l.section_at, l.row_at)),
        l.price
      FROM layout_seats(p_sections) AS l
        JOIN sections c ON c.event_id = p_event AND c.section_id = l.section_id
      WHERE NOT EXISTS (SELECT FROM seats s WHERE s.event_id = p_event AND s.seat_id = l.seat_id)
      WINDOW w AS (ORDER BY l.section_at, l.row_at, l.seat_at);
  GET DIAGNOSTICS v_added = ROW_COUNT;
  next_position := p_next + v_added;
  changed := v_added + v_altered > 0;
  IF next_position > 200000 THEN
    PERFORM refuse_field('/sections', 'An event has at most 200000 seats over all its layouts.');
  END IF;
END
$$;

-- Brings the sections of a locked event to what p_sections says; those not named stay as they are.
CREATE FUNCTION event_sections_change(p_event integer, p_next integer, p_sections jsonb,
  OUT next_position integer, OUT changed boolean)
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_kill   integer[];
  v_revive integer[];
  v_nos    smallint[];
  v_sizes  integer[];
  v_from   uuid[] := '{}';
  v_named  integer;
  v_moving boolean := (SELECT (pricing -> 'enabled')::boolean FROM events WHERE event_id = p_event);
  v_new    boolean;
  v_killed boolean := false;
BEGIN
  PERFORM event_sections_check(p_event, p_sections);
  v_new := event_sections_add(p_event, p_sections);

  SELECT array_agg(q.position) FILTER (WHERE NOT q.wanted AND NOT q.killed),
      array_agg(q.position) FILTER (WHERE q.wanted AND q.killed)
    INTO v_kill, v_revive
    FROM (SELECT s.position, l.seat_id IS NOT NULL AS wanted, k.position IS NOT NULL AS killed
        FROM jsonb_array_elements(p_sections) AS w (v)
          JOIN sections c ON c.event_id = p_event AND c.section_id = w.v ->> 'section_id'
          JOIN seats s ON s.event_id = p_event AND s.section_no = c.section_no
          LEFT JOIN layout_seats(p_sections) AS l ON l.seat_id = s.seat_id
          LEFT JOIN seat_claims k
            ON k.event_id = p_event AND k.position = s.position AND k.state = 'x'
        WHERE w.v ? 'rows') AS q;
  IF v_kill IS NOT NULL OR v_revive IS NOT NULL THEN
    v_from := seats_kill(p_event, coalesce(v_kill, '{}'), coalesce(v_revive, '{}'));
    v_killed := true;
  END IF;

  SELECT array_agg(c.section_no ORDER BY c.section_no),
      array_agg((w.v ->> 'capacity')::integer ORDER BY c.section_no) INTO v_nos, v_sizes
    FROM jsonb_array_elements(p_sections) AS w (v)
      JOIN sections c ON c.event_id = p_event AND c.section_id = w.v ->> 'section_id'
    WHERE c.kind = 'ga' AND (w.v ->> 'capacity')::integer <> c.capacity;
  IF v_nos IS NOT NULL THEN
    v_from := v_from || ga_resize(p_event, v_nos, v_sizes);
  END IF;
  IF v_from <> '{}' THEN
    PERFORM bookings_close_due(p_event, v_from);
  END IF;

  SELECT count(*) INTO v_named FROM jsonb_array_elements(p_sections) AS w (v)
    JOIN sections c ON c.event_id = p_event AND c.section_id = w.v ->> 'section_id'
    WHERE w.v ->> 'name' <> c.name;
  -- The price follows the base price as long as nothing has moved it away from there; one that moves
  -- by itself starts anew from a new base price.
  WITH changed_to AS (
    UPDATE sections c SET name = coalesce(w.v ->> 'name', c.name),
        capacity = coalesce((w.v ->> 'capacity')::integer, c.capacity),
        base_price = coalesce((w.v ->> 'base_price')::bigint, c.base_price),
        price = coalesce((w.v ->> 'price')::bigint, CASE WHEN c.price = c.base_price
          OR v_moving AND (w.v ->> 'base_price')::bigint <> c.base_price
          THEN (w.v ->> 'base_price')::bigint END, c.price),
        version = c.version + 1
      FROM jsonb_array_elements(p_sections) AS w (v)
        JOIN sections o ON o.event_id = p_event AND o.section_id = w.v ->> 'section_id'
      WHERE c.event_id = p_event AND c.section_no = o.section_no
      RETURNING c.section_no, o.price AS old_price, c.price AS new_price
  )
  INSERT INTO price_changes (event_id, section_no, old_price, new_price, reason)
    SELECT p_event, section_no, old_price, new_price, 'set_by_hand' FROM changed_to
      WHERE old_price <> new_price ORDER BY section_no;
  SELECT n.next_position, v_new OR v_killed OR v_named > 0 OR n.changed INTO next_position, changed
    FROM event_seats_write(p_event, p_next, p_sections) AS n;
END
$$;

-- Changes the fields that p_in has; a null there takes a value back to its default. p_versions: the
-- event must be at one of these; null: no matter. Commits asynchronously, for the sake of the counters;
-- the caller makes it durable before anything is told.
CREATE FUNCTION event_update(p_event integer, p_user uuid, p_all boolean, p_versions integer[],
  p_in jsonb, p_default_seconds integer, p_default_per_booking integer, p_default_per_user integer,
  p_room jsonb DEFAULT '{}')
RETURNS edit_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  e         events;
  v_was     events;
  v_changed jsonb;
  v_layout  boolean := false;
  v_follows boolean;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM staff_check(p_user, p_all);
  SELECT * INTO e FROM events WHERE event_id = p_event AND (p_all OR organizer_id = p_user)
    FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  ELSIF e.version <> ALL (p_versions) THEN
    RAISE EXCEPTION 'the event has changed' USING ERRCODE = 'HF221',
      DETAIL = json_build_object('version', e.version);
  END IF;
  v_was := e;

  IF p_in ? 'venue_id' THEN
    e.venue_id := CASE WHEN p_in ->> 'venue_id' IS NOT NULL
      THEN (venue_for((p_in ->> 'venue_id')::integer, p_user, p_all)).venue_id END;
  END IF;
  IF p_in ->> 'currency' <> e.currency THEN
    PERFORM refuse_field('/currency', 'The currency of an event cannot change.');
  END IF;
  PERFORM timezone_check(p_in ->> 'timezone');
  e.timezone := coalesce(p_in ->> 'timezone', e.timezone);
  -- Sales that end with the event go on doing so.
  v_follows := e.sales_end = e.event_date;
  e.event_date := coalesce(time_read(p_in ->> 'event_date', e.timezone, '/event_date'), e.event_date);
  e.sales_end := coalesce(time_read(p_in ->> 'sales_end', e.timezone, '/sales_end'),
    CASE WHEN v_follows THEN e.event_date END, e.sales_end);
  e.sales_start := coalesce(time_read(p_in ->> 'sales_start', e.timezone, '/sales_start'), e.sales_start);
  IF e.sales_start > e.sales_end THEN
    PERFORM refuse_field(CASE WHEN p_in ? 'sales_start' THEN '/sales_start'
      WHEN p_in ? 'sales_end' THEN '/sales_end' ELSE '/event_date' END,
      'Sales would begin after their end.');
  END IF;
  -- Judged anew as it stands, since the end of sales may have moved.
  e.waiting_room := room_read(CASE WHEN p_in ? 'waiting_room' THEN p_in -> 'waiting_room'
    ELSE e.waiting_room END, e.timezone, e.sales_end);
  IF p_in ? 'sections' THEN
    SELECT next_position, changed INTO e.seats_count, v_layout
      FROM event_sections_change(p_event, e.seats_count, p_in -> 'sections');
  END IF;

  UPDATE events SET venue_id = e.venue_id, timezone = e.timezone, event_date = e.event_date,
      sales_start = e.sales_start, sales_end = e.sales_end, seats_count = e.seats_count,
      title = coalesce(p_in ->> 'title', title),
      description = coalesce(p_in ->> 'description', description),
      status = coalesce(p_in ->> 'status', status),
      hold_seconds = CASE WHEN p_in ? 'hold_seconds'
        THEN (p_in ->> 'hold_seconds')::integer ELSE hold_seconds END,
      max_seats_per_booking = CASE WHEN p_in ? 'max_seats_per_booking'
        THEN (p_in ->> 'max_seats_per_booking')::integer ELSE max_seats_per_booking END,
      max_seats_per_user = CASE WHEN p_in ? 'max_seats_per_user'
        THEN (p_in ->> 'max_seats_per_user')::integer ELSE max_seats_per_user END,
      payment = coalesce(p_in ->> 'payment', payment), queue = coalesce(p_in ->> 'queue', queue),
      waiting_room = e.waiting_room,
      refund_policy = coalesce(p_in -> 'refund_policy', refund_policy),
      pricing = CASE WHEN p_in ? 'pricing'
        THEN coalesce(nullif(p_in -> 'pricing', 'null'), '{"enabled": false}') ELSE pricing END,
      version = version + 1, layout_version = layout_version + v_layout::integer
    WHERE event_id = p_event RETURNING * INTO e;
  PERFORM money_check(e, p_in);
  v_changed := notice_changed(v_was, e, p_in ? 'sections');
  IF v_changed IS NOT NULL THEN
    PERFORM notice_write(p_event, NULL, CASE WHEN v_was.status <> 'cancelled' AND e.status = 'cancelled'
      THEN 'event.cancelled' ELSE 'event.changed' END, v_changed);
  END IF;
  RETURN (false, e.event_id::text,
    event_show(e, p_default_seconds, p_default_per_booking, p_default_per_user, p_room))::edit_result;
END
$$;

GRANT EXECUTE ON FUNCTION event_update TO holdfast_admin;

COMMIT;
