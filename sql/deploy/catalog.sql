-- What everybody may read: events, their seats and maps. Live numbers come from the filter where it
-- can say; what is here is what stands still, and the counts of a whole page of events.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- The event, if the caller may see it: a draft is seen by its organizer and by admins alone, as long as
-- they are staff.
CREATE FUNCTION event_seen(p_event integer, p_user uuid, p_all boolean) RETURNS events
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  e events;
BEGIN
  SELECT * INTO e FROM events WHERE event_id = p_event;
  IF NOT FOUND OR e.status = 'draft' AND (e.organizer_id = p_user AND staff_is(p_user, false)
      OR p_all AND staff_is(p_user, true)) IS NOT TRUE THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
  RETURN e;
END
$$;

-- head: the event but for its sections; sections: each open for its number of available places.
-- shared: everybody sees the same, so that it may be cached.
CREATE TYPE event_view AS (
  event_id       integer,
  shared         boolean,
  version        integer,
  layout_version integer,
  at_us          bigint,   -- its date, in microseconds since 1970
  head           text,
  section_ids    text[],
  prices         bigint[],
  sections       text[]
);

CREATE FUNCTION event_view_of(e events, p_default_seconds integer, p_default_per_booking integer,
  p_default_per_user integer, p_room jsonb DEFAULT '{}') RETURNS event_view
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT e.event_id, e.status <> 'draft', e.version, e.layout_version,
    (extract(epoch FROM e.event_date) * 1000000)::bigint,
    holdfast.event_head(e, false, p_default_seconds, p_default_per_booking, p_default_per_user,
      p_room),
    array_agg(o.section_id ORDER BY o.ordinality), array_agg(o.price ORDER BY o.ordinality),
    array_agg(o.open_json ORDER BY o.ordinality)
  FROM ROWS FROM (holdfast.event_sections_open(e.event_id)) WITH ORDINALITY AS o
$$;

CREATE FUNCTION event_get(p_event integer, p_user uuid, p_all boolean, p_default_seconds integer,
  p_default_per_booking integer, p_default_per_user integer, p_room jsonb DEFAULT '{}') RETURNS event_view
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  RETURN event_view_of(event_seen(p_event, p_user, p_all), p_default_seconds,
    p_default_per_booking, p_default_per_user, p_room);
END
$$;

-- What the live answers need beside the live numbers: no texts.
CREATE FUNCTION event_brief(p_event integer, p_user uuid, p_all boolean) RETURNS event_view
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  e events := event_seen(p_event, p_user, p_all);
  v event_view;
BEGIN
  v.event_id := e.event_id;
  v.shared := e.status <> 'draft';
  v.version := e.version;
  v.layout_version := e.layout_version;
  SELECT array_agg(section_id ORDER BY section_no), array_agg(price ORDER BY section_no)
    INTO v.section_ids, v.prices FROM sections WHERE event_id = p_event;
  RETURN v;
END
$$;

-- The available places by section of a page of events, for the time when the filter cannot say.
CREATE FUNCTION event_available(p_events integer[])
RETURNS TABLE (event_id integer, section_id text, available bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT w.event_id, n.section_id, n.capacity - n.held - n.sold
    FROM unnest(p_events) AS w (event_id) CROSS JOIN LATERAL holdfast.section_counts(w.event_id) AS n
$$;

-- A page of seats in layout order after a position. p_states: a byte a position, as the live picture
-- has them; p_state: only seats in this state (its byte), null: all.
CREATE FUNCTION event_seats(p_event integer, p_section text, p_after integer, p_states bytea,
  p_state integer, p_limit integer)
RETURNS TABLE (seat_position integer, seat_id text, section_id text, row_label text, label text,
  price bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT s.position, s.seat_id, c.section_id, s.row_label, s.label, coalesce(s.price, c.price)
    FROM holdfast.seats s JOIN holdfast.sections c USING (event_id, section_no)
    WHERE s.event_id = p_event AND s.position > p_after AND s.position < length(p_states)
      AND (p_section IS NULL OR c.section_id = p_section)
      AND (p_state IS NULL OR get_byte(p_states, s.position) = p_state)
    ORDER BY s.position LIMIT p_limit
$$;

-- What a map shows is told by this: its version, and the capacities, which change without it.
CREATE FUNCTION layout_tag(p_event integer, p_version integer) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT p_version || '-' || left(md5(string_agg(c.capacity::text, ',' ORDER BY c.section_no)), 12)
    FROM sections c WHERE c.event_id = p_event
$$;

-- The tag alone, for those who may have the map.
CREATE FUNCTION event_layout(p_event integer, p_user uuid, p_all boolean, OUT shared boolean, OUT tag text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  e events := event_seen(p_event, p_user, p_all);
BEGIN
  shared := e.status <> 'draft';
  tag := layout_tag(e.event_id, e.layout_version);
END
$$;

-- The static layout in pieces, a row of seats each, in the order of sections and of the rows in them; a
-- section without seats is one piece without a row. In pieces, so that no program needs memory for the
-- whole of it twice. section: an object that is left open for its rows.
CREATE FUNCTION event_seatmap(p_event integer, p_user uuid, p_all boolean)
RETURNS TABLE (shared boolean, layout_version integer, tag text, seats integer,
  section_no smallint, section text, seat_row text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  e     events := event_seen(p_event, p_user, p_all);
  v_tag text := layout_tag(e.event_id, e.layout_version);
BEGIN
  RETURN QUERY
    SELECT e.status <> 'draft', e.layout_version, v_tag, e.seats_count, c.section_no,
        left((SELECT row_to_json(q)::text FROM (
          SELECT c.section_id, c.name, c.kind, c.capacity) AS q), -1) || ',"rows":[',
        r.seat_row
      FROM sections c LEFT JOIN (
        SELECT s.section_no, min(s.position) AS at, format('{"row":%s,"seats":[%s]}',
            to_json(s.row_label), string_agg(concat('{"seat_id":', to_json(s.seat_id), ',"number":',
              to_json(s.label), ',"position":', s.position, ',"x":', s.x, ',"y":', s.y, '}'), ','
              ORDER BY s.adjacency, s.position)) AS seat_row
          FROM seats s WHERE s.event_id = p_event GROUP BY s.section_no, s.row_label) AS r
        USING (section_no)
      WHERE c.event_id = p_event ORDER BY c.section_no, r.at;
END
$$;

GRANT EXECUTE ON FUNCTION event_get, event_brief, event_available, event_seats, event_layout, event_seatmap
  TO holdfast_catalog;

COMMIT;
