-- What the pools and tools read of bookings and places.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE FUNCTION booking_get(p_event integer, p_booking uuid, p_user uuid) RETURNS SETOF booking_view
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  b bookings;
BEGIN
  SELECT * INTO b FROM bookings
    WHERE event_id = p_event AND booking_id = p_booking AND user_id = p_user;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such booking' USING ERRCODE = 'HF104';
  END IF;
  RETURN NEXT booking_show(b, false);
END
$$;

-- A page of the caller's history, newest first, after (p_before, p_before_id) where given; times in
-- microseconds since 1970. p_status is the status shown: a hold past its deadline is EXPIRED.
CREATE FUNCTION booking_list(p_user uuid, p_status text, p_event integer, p_before bigint,
  p_before_id uuid, p_limit integer)
RETURNS TABLE (at bigint, booking booking_view)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT (extract(epoch FROM b.created_at) * 1000000)::bigint, holdfast.booking_show(b, false)
    FROM holdfast.bookings b
    WHERE b.user_id = p_user
      AND (p_event IS NULL OR b.event_id = p_event)
      AND (p_before IS NULL OR (b.created_at, b.booking_id)
        < (to_timestamp(0) + p_before * interval '1 microsecond', p_before_id))
      AND (p_status IS NULL OR p_status = CASE
        WHEN b.status IN ('HOLD', 'RESERVED') AND b.expires_at <= now() THEN 'EXPIRED'
        ELSE b.status END)
    ORDER BY b.created_at DESC, b.booking_id DESC LIMIT p_limit
$$;

-- At most two of an event's sections; none of a draft's, which does not exist for buyers.
CREATE FUNCTION event_sections(p_event integer) RETURNS TABLE (section_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT s.section_id FROM holdfast.sections s JOIN holdfast.events e USING (event_id)
    WHERE s.event_id = p_event AND e.status <> 'draft' ORDER BY s.section_no LIMIT 2
$$;

-- When a booking was confirmed by money that came after it had ended, in milliseconds since 1970; 0: it was not.
-- The filter marks what has ended: an older mark than this is no more true.
CREATE FUNCTION booking_revived(b bookings) RETURNS bigint
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN b.late THEN floor(extract(epoch FROM b.confirmed_at) * 1000)::bigint ELSE 0 END
$$;

-- What the filter keeps of a booking that holds places. state: h, r, b; deadline in milliseconds
-- since 1970, -1 for none; revived: as booking_revived() says.
CREATE TYPE filter_entry AS (
  booking_id uuid,
  user_id    uuid,
  state      text,
  deadline   bigint,
  positions  integer[],
  section_ids text[],
  quantities integer[],
  revived    bigint
);

-- A view, not a function of a row: thousands are read at a time. What is live is asked by a CASE, which
-- the planner does not see through: as long as little is known of the tables, any other form would lead
-- it to the index of live bookings, and through all of the event for one booking.
CREATE VIEW filter_held AS
  SELECT b.event_id, b.booking_id, b.user_id,
      CASE b.status WHEN 'HOLD' THEN 'h' WHEN 'RESERVED' THEN 'r' ELSE 'b' END AS state,
      CASE WHEN b.status = 'CONFIRMED' THEN -1
        ELSE floor(extract(epoch FROM b.expires_at) * 1000)::bigint END AS deadline,
      CASE WHEN b.gone_positions = '{}' THEN b.positions ELSE booking_positions(b) END AS positions,
      g.section_ids, g.quantities, booking_revived(b) AS revived
    FROM bookings b CROSS JOIN LATERAL (
      SELECT array_agg(c.section_id ORDER BY c.section_no) AS section_ids,
          array_agg(q.had - coalesce(q.gone, 0) ORDER BY c.section_no) AS quantities
        FROM unnest(b.section_nos, b.quantities, b.gone_quantities) AS q (section_no, had, gone)
          JOIN sections c ON c.event_id = b.event_id AND c.section_no = q.section_no
        WHERE q.had > coalesce(q.gone, 0)) AS g
    WHERE CASE b.status WHEN 'CONFIRMED' THEN true WHEN 'HOLD' THEN b.expires_at > now()
      WHEN 'RESERVED' THEN b.expires_at > now() ELSE false END;

-- Of these events those that there are. over: nothing of them is sold, held or looked at any more, and Redis
-- keeps nothing of them.
CREATE FUNCTION filter_known(p_events integer[]) RETURNS TABLE (event_id integer, over boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT e.event_id, greatest(e.sales_end, e.event_date) < now() - interval '1 day'
    FROM holdfast.events e WHERE e.event_id = ANY (p_events)
$$;

-- The live owners of these seats: what repairs a filter that took them for free.
CREATE FUNCTION seat_owners(p_event integer, p_seats text[]) RETURNS SETOF filter_entry
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT h.booking_id, h.user_id, h.state, h.deadline, h.positions, h.section_ids, h.quantities, h.revived
    FROM holdfast.filter_held h
    WHERE h.event_id = p_event AND h.booking_id IN (
      SELECT c.booking_id FROM holdfast.seats s
        JOIN holdfast.seat_claims c USING (event_id, position)
      WHERE s.event_id = p_event AND s.seat_id = ANY (p_seats) AND c.expires_at > now())
$$;

-- Until when an event is on sale, in ms since 1970. While it is not, minus that: it may be opened again before
-- then; 0: it is a draft, or cancelled.
CREATE FUNCTION open_until(e events) RETURNS bigint
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT CASE e.status WHEN 'on_sale' THEN 1 WHEN 'closed' THEN -1 ELSE 0 END
    * floor(extract(epoch FROM e.sales_end) * 1000)::bigint
$$;

-- The waiting room of an event: opens (ms)|admitted a minute|inside at once|stale after|grace|life of a
-- pass (seconds); empty where the configuration says it, and altogether where the queue is off.
CREATE FUNCTION room_brief(e events) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT CASE WHEN e.queue = 'on' THEN concat_ws('|',
    floor(extract(epoch FROM coalesce((e.waiting_room ->> 'opens_at')::timestamptz, e.sales_start))
      * 1000)::bigint,
    coalesce(e.waiting_room ->> 'admit_per_minute', ''), coalesce(e.waiting_room ->> 'inside_max', ''),
    coalesce(e.waiting_room ->> 'stale_after_seconds', ''),
    coalesce(e.waiting_room ->> 'grace_seconds', ''), coalesce(e.waiting_room ->> 'pass_seconds', ''))
    ELSE '' END
$$;

-- Lines of the event in which somebody waits, "FLOOR,VIP", and until when at most what comes free is kept for
-- them, in ms since 1970; 0: nobody does. In plpgsql, since the lines come later than this.
CREATE FUNCTION queue_kept(p_event integer, OUT kept_until bigint, OUT kept_lines text)
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
BEGIN
  SELECT coalesce(floor(extract(epoch FROM max(waits_until)) * 1000)::bigint, 0), coalesce(string_agg(line, ',' ORDER BY line), '')
    INTO kept_until, kept_lines
    FROM queue_lines WHERE event_id = p_event AND waits_until > now();
END
$$;

-- The event as the filter needs it. Times in milliseconds since 1970. sections: one a line,
-- id|kind|capacity|ranges of positions ("0-99,500-519", general admission none).
CREATE FUNCTION filter_event(p_event integer)
RETURNS TABLE (open_from bigint, open_until bigint, hold_ms bigint, places_max integer,
  layout_version integer, seats integer, sections text, clock_ms bigint, room text, kept_until bigint,
  kept_lines text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT floor(extract(epoch FROM e.sales_start) * 1000)::bigint,
    holdfast.open_until(e),
    coalesce(e.hold_seconds, 0)::bigint * 1000, coalesce(e.max_seats_per_booking, 0),
    e.layout_version, e.seats_count,
    (SELECT coalesce(string_agg(concat_ws('|', s.section_id, s.kind, s.capacity,
          coalesce(i.ranges, '')), E'\n' ORDER BY s.section_no), '')
      FROM holdfast.sections s LEFT JOIN (
        SELECT r.section_no, string_agg(r.first || '-' || r.last, ',' ORDER BY r.first) AS ranges
          FROM (SELECT q.section_no, min(q.position) AS first, max(q.position) AS last
            FROM (SELECT t.section_no, t.position, t.position
                - row_number() OVER (PARTITION BY t.section_no ORDER BY t.position) AS island
              FROM holdfast.seats t WHERE t.event_id = p_event) AS q
            GROUP BY q.section_no, q.island) AS r
          GROUP BY r.section_no) AS i USING (section_no)
      WHERE s.event_id = e.event_id),
    floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, holdfast.room_brief(e),
    k.kept_until, k.kept_lines
  FROM holdfast.events e CROSS JOIN holdfast.queue_kept(p_event) AS k WHERE e.event_id = p_event
$$;

-- Every booking that holds places, in the order of their ids, after p_after.
CREATE FUNCTION filter_entries(p_event integer, p_after uuid, p_limit integer)
RETURNS SETOF filter_entry
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT h.booking_id, h.user_id, h.state, h.deadline, h.positions, h.section_ids, h.quantities, h.revived
    FROM holdfast.filter_held h
    WHERE h.event_id = p_event AND h.booking_id > p_after ORDER BY h.booking_id LIMIT p_limit
$$;

-- The same for bookings by their ids.
CREATE FUNCTION filter_some(p_event integer, p_bookings uuid[]) RETURNS SETOF filter_entry
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT h.booking_id, h.user_id, h.state, h.deadline, h.positions, h.section_ids, h.quantities, h.revived
    FROM holdfast.filter_held h
    WHERE h.event_id = p_event AND h.booking_id = ANY (p_bookings)
$$;

-- Positions not for sale.
CREATE FUNCTION filter_killed(p_event integer) RETURNS integer[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT coalesce(array_agg(c.position ORDER BY c.position), '{}') FROM holdfast.seat_claims c
    WHERE c.event_id = p_event AND c.state = 'x'
$$;

-- Keyed bookings of the last day that hold nothing: their ids are used.
CREATE FUNCTION filter_used(p_event integer, p_limit integer)
RETURNS TABLE (booking_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT k.booking_id
    FROM holdfast.bookings k
    WHERE k.event_id = p_event AND k.key IS NOT NULL AND k.created_at > now() - interval '24 hours'
      AND NOT (k.status = 'CONFIRMED' OR k.status IN ('HOLD', 'RESERVED') AND k.expires_at > now())
    LIMIT p_limit
$$;

-- The static layout: seat ids by position, and the positions not for sale.
CREATE FUNCTION filter_seats(p_event integer, p_from integer, p_until integer)
RETURNS TABLE (seat_id text, killed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT s.seat_id, c.position IS NOT NULL FROM holdfast.seats s
      LEFT JOIN holdfast.seat_claims c
        ON c.event_id = s.event_id AND c.position = s.position AND c.state = 'x'
          AND c.position >= p_from AND c.position < p_until -- not left to the planner to see
    WHERE s.event_id = p_event AND s.position >= p_from AND s.position < p_until
    ORDER BY s.position
$$;

-- The live state of every seat in layout order, a character each, where the filter cannot say.
CREATE FUNCTION seat_states(p_event integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT coalesce(string_agg(CASE WHEN c.expires_at > now() THEN c.state::text ELSE 'a' END, ''
      ORDER BY s.position), '')
    FROM holdfast.seats s LEFT JOIN holdfast.seat_claims c USING (event_id, position)
    WHERE s.event_id = p_event
$$;

-- Places by section: what is live counts, what is due is available.
CREATE FUNCTION section_counts(p_event integer)
RETURNS TABLE (section_id text, capacity integer, held bigint, sold bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT c.section_id, c.capacity, coalesce(t.held, 0), coalesce(t.sold, 0)
    FROM holdfast.sections c LEFT JOIN (
      SELECT section_no, sum(quantity) FILTER (WHERE state IN ('h', 'r')) AS held,
          sum(quantity) FILTER (WHERE state = 'b') AS sold
        FROM (
          SELECT s.section_no, 1 AS quantity, k.state
            FROM holdfast.seat_claims k JOIN holdfast.seats s USING (event_id, position)
            WHERE k.event_id = p_event AND k.expires_at > now()
          UNION ALL
          SELECT k.section_no, k.quantity, k.state FROM holdfast.ga_claims k
            WHERE k.event_id = p_event AND k.expires_at > now()) AS live
        GROUP BY section_no) AS t USING (section_no)
    WHERE c.event_id = p_event ORDER BY c.section_no
$$;

GRANT EXECUTE ON FUNCTION booking_get, booking_list, event_sections TO holdfast_booking;
GRANT EXECUTE ON FUNCTION seat_owners TO holdfast_booking;
GRANT EXECUTE ON FUNCTION filter_known TO holdfast_booking, holdfast_catalog, holdfast_reconcile;
GRANT EXECUTE ON FUNCTION filter_event, filter_entries, filter_some, filter_killed, filter_used,
    filter_seats
  TO holdfast_booking, holdfast_catalog, holdfast_reconcile, holdfast_verify;
GRANT EXECUTE ON FUNCTION seat_states, section_counts
  TO holdfast_booking, holdfast_catalog, holdfast_admin, holdfast_verify;

COMMIT;
