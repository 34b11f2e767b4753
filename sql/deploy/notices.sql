-- What others are told of: notices, each written by the transaction that makes it true, and the log of an
-- event, in which they get their positions.
--
-- A position is given by the publisher, one at a time in an event, to notices that are committed. If the
-- writing transactions numbered them, one that commits late would put a lower number behind the back of a
-- reader who has already asked for what comes after a higher one.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE TABLE notice_kinds (
  kind text PRIMARY KEY CHECK (kind ~ '^[a-z]+\.[a-z]+$')
);
INSERT INTO notice_kinds VALUES
  ('booking.confirmed'), ('booking.cancelled'), ('booking.unfulfilled'),
  ('payment.succeeded'), ('payment.failed'), ('payment.disputed'),
  ('refund.requested'), ('refund.done'), ('refund.failed'),
  ('event.created'), ('event.changed'), ('event.cancelled');

-- Written and not yet published. Confirm pays for this table, so that it has one index and no CHECK.
-- notice_no keeps those of one booking in order: whoever writes one has the booking locked.
CREATE TABLE notices_new (
  event_id   integer NOT NULL,
  notice_no  bigint GENERATED ALWAYS AS IDENTITY,
  booking_id uuid,                 -- null: about the event itself
  kind       text NOT NULL,
  data       jsonb NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, notice_no)
);

-- The log. data holds ids, and amounts in the smallest unit of money; never anything of a person.
CREATE TABLE notices (
  event_id     integer NOT NULL,
  position     bigint NOT NULL CHECK (position > 0),
  booking_id   uuid,
  kind         text NOT NULL REFERENCES notice_kinds,
  data         jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
  written_at   timestamptz NOT NULL,
  published_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, position)
);
CREATE INDEX notices_age ON notices (published_at);

-- How far the log of an event goes, also once its beginning has been trimmed; and up to where the
-- deliveries of its notices have been written (to buyers: up to which of them, in the next one).
CREATE TABLE event_logs (
  event_id    integer PRIMARY KEY,
  last        bigint NOT NULL DEFAULT 0,
  spread      bigint NOT NULL DEFAULT 0,
  spread_user uuid,
  CHECK (0 <= spread AND spread <= last)
);
CREATE INDEX event_logs_behind ON event_logs (event_id) WHERE spread < last;

-- For the functions that move bookings, payments and events, within their transactions.
CREATE FUNCTION notice_write(p_event integer, p_booking uuid, p_kind text, p_data jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM holdfast.notice_kinds WHERE kind = p_kind;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no kind of notice called %', p_kind USING ERRCODE = '23503';
  END IF;
  INSERT INTO holdfast.notices_new (event_id, booking_id, kind, data)
    VALUES (p_event, p_booking, p_kind, p_data);
END
$$;

-- Some or all items of a booking have gone: p_old as it was before, p_new as it is. In loops: a
-- function in plain SQL would be planned anew at every call, and cost a cancel more than all the rest.
CREATE FUNCTION notice_cancelled(p_old bookings, p_new bookings, p_amount bigint, p_refund bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_whole    boolean := p_new.status <> 'CONFIRMED';
  v_seat     text;
  v_seats    text[] := '{}';
  v_gone     integer;
  v_section  text;
  v_sections jsonb := '[]';
BEGIN
  FOR i IN 1 .. cardinality(p_old.positions) LOOP
    IF p_old.positions[i] <> ALL (p_old.gone_positions)
        AND (v_whole OR p_old.positions[i] = ANY (p_new.gone_positions)) THEN
      SELECT s.seat_id INTO v_seat FROM holdfast.seats s
        WHERE s.event_id = p_old.event_id AND s.position = p_old.positions[i];
      v_seats := v_seats || v_seat;
    END IF;
  END LOOP;
  FOR i IN 1 .. cardinality(p_old.section_nos) LOOP
    v_gone := CASE WHEN v_whole THEN p_old.quantities[i] ELSE coalesce(p_new.gone_quantities[i], 0) END
      - coalesce(p_old.gone_quantities[i], 0);
    IF v_gone > 0 THEN
      SELECT c.section_id INTO v_section FROM holdfast.sections c
        WHERE c.event_id = p_old.event_id AND c.section_no = p_old.section_nos[i];
      v_sections := v_sections || jsonb_build_object('section_id', v_section, 'quantity', v_gone);
    END IF;
  END LOOP;
  RETURN jsonb_build_object('whole', v_whole, 'amount', p_amount, 'currency', p_new.currency,
    'seat_ids', v_seats, 'sections', v_sections, 'refund', p_refund);
END
$$;

-- What of an event has changed: the names of the fields, and of those that buyers plan by what they
-- were and are. Null: nothing that anybody would see.
CREATE FUNCTION notice_changed(p_old events, p_new events, p_sections boolean) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT jsonb_build_object('fields', array_agg(f.name ORDER BY f.name))
      || CASE WHEN p_old.event_date <> p_new.event_date THEN jsonb_build_object('event_date',
        jsonb_build_object('old', holdfast.time_show(p_old.event_date),
          'new', holdfast.time_show(p_new.event_date))) ELSE '{}' END
      || CASE WHEN p_old.status <> p_new.status THEN jsonb_build_object('status',
        jsonb_build_object('old', p_old.status, 'new', p_new.status)) ELSE '{}' END
    FROM (SELECT o.key AS name FROM jsonb_each(to_jsonb(p_old)) AS o
          JOIN jsonb_each(to_jsonb(p_new)) AS n USING (key)
        WHERE o.value <> n.value AND o.key NOT IN ('version', 'layout_version', 'seats_count',
          'payment_since')
      UNION ALL SELECT 'sections' WHERE p_sections) AS f
    HAVING count(*) > 0
$$;

-- Publishes at most so many notices of an event, and says how many it did. Whoever finds another
-- publisher at it waits for the end of that one, and goes on from there.
CREATE FUNCTION log_publish(p_event integer, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_last bigint;
  v_rows bigint;
BEGIN
  PERFORM FROM notices_new WHERE event_id = p_event LIMIT 1;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('log/' || p_event, 5));
  INSERT INTO event_logs (event_id) VALUES (p_event) ON CONFLICT DO NOTHING;
  SELECT l.last INTO v_last FROM event_logs l WHERE l.event_id = p_event;
  WITH taken AS (
    DELETE FROM notices_new n
      WHERE n.event_id = p_event AND n.notice_no = ANY (ARRAY(SELECT o.notice_no FROM notices_new o
        WHERE o.event_id = p_event ORDER BY o.notice_no LIMIT p_limit))
      RETURNING n.*
  )
  INSERT INTO notices (event_id, position, booking_id, kind, data, written_at)
    SELECT t.event_id, v_last + row_number() OVER (ORDER BY t.notice_no), t.booking_id, t.kind,
        -- What a confirm would only copy from columns that never change is added here, at no cost to it.
        CASE WHEN t.kind = 'booking.confirmed' THEN t.data || coalesce((SELECT jsonb_build_object(
            'places', cardinality(b.positions) + (SELECT coalesce(sum(q), 0) FROM unnest(b.quantities) AS q),
            'total', b.total, 'currency', b.currency) FROM bookings b
          WHERE b.event_id = t.event_id AND b.booking_id = t.booking_id), '{}')
        -- So is what stood in a booking that went as a whole: all of it is still written there.
          WHEN t.kind = 'booking.cancelled' AND NOT t.data ? 'whole' THEN coalesce((SELECT notice_cancelled(b, b,
              (t.data ->> 'amount')::bigint, (t.data ->> 'refund')::bigint) FROM bookings b
            WHERE b.event_id = t.event_id AND b.booking_id = t.booking_id), t.data)
          ELSE t.data END,
        t.written_at
      FROM taken t;
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  UPDATE event_logs SET last = v_last + v_rows WHERE event_id = p_event;
  RETURN v_rows;
END
$$;

-- A notice as staff read it in the log, and as a webhook's data.
CREATE FUNCTION notice_show(n notices) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT row_to_json(q)::text FROM (
    SELECT n.position, n.kind, n.event_id::text, n.booking_id, holdfast.time_show(n.written_at) AS at,
      n.data) AS q
$$;

-- A page of the log of an event, after a position, fresh: what is committed by now is in it.
CREATE FUNCTION log_list(p_event integer, p_user uuid, p_all boolean, p_after bigint, p_limit integer)
RETURNS TABLE (place bigint, body text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  PERFORM staff_check(p_user, p_all);
  PERFORM FROM events e WHERE e.event_id = p_event AND (p_all OR e.organizer_id = p_user);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
  PERFORM log_publish(p_event, 2000);
  RETURN QUERY SELECT n.position, notice_show(n) FROM notices n
    WHERE n.event_id = p_event AND n.position > p_after ORDER BY n.position LIMIT p_limit;
END
$$;

GRANT EXECUTE ON FUNCTION log_list TO holdfast_admin;

COMMIT;
