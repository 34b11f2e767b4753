-- The queue: what of it must not be lost or done twice. The lines themselves are kept in Redis.
--
-- A ticket is one place in the line of a section, named by the epoch of the line and its number there.
-- Its row is written when it comes to an end in the line: served (with its booking, whose id is derived from the
-- ticket), refused, or left.
-- line: the section_id, or '' for the waiting room of the whole event.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Lines that were ever begun. epoch: how often. A line that Redis has lost begins a new one, so that no
-- number is given twice, and old tickets stay in front of new ones. waits_until: somebody waits in it who
-- could not be served, as far as that was told lately; what comes free is theirs.
CREATE TABLE queue_lines (
  event_id   integer NOT NULL REFERENCES events (event_id),
  line       text NOT NULL CHECK (line ~ '^[A-Za-z0-9_-]{0,64}$'),
  epoch      integer NOT NULL DEFAULT 1 CHECK (epoch BETWEEN 1 AND 1023),
  begun_at   timestamptz NOT NULL DEFAULT now(),
  waits_until timestamptz,
  PRIMARY KEY (event_id, line)
);

CREATE TABLE queue_tickets (
  event_id   integer NOT NULL,
  line       text NOT NULL,
  epoch      integer NOT NULL CHECK (epoch BETWEEN 1 AND 1023),
  number     bigint NOT NULL CHECK (number > 0),
  user_id    uuid NOT NULL,
  outcome    text NOT NULL CHECK (outcome IN ('reserved', 'refused', 'left')),
  reason     text,
  booking_id uuid,
  ended_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, line, epoch, number),
  FOREIGN KEY (event_id, line) REFERENCES queue_lines (event_id, line),
  CHECK ((outcome = 'reserved') = (booking_id IS NOT NULL)),
  CHECK ((outcome = 'refused') = (reason IS NOT NULL))
);
-- One open place an account.
CREATE INDEX queue_tickets_user ON queue_tickets (event_id, user_id, line) WHERE outcome = 'reserved';
-- A booking was served to one ticket.
CREATE UNIQUE INDEX queue_tickets_booking ON queue_tickets (event_id, booking_id)
  WHERE booking_id IS NOT NULL;

-- Sales of an event ended so long ago that nobody asks for tickets of its lines any more.
CREATE FUNCTION queue_is_old(p_event integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT sales_end < now() - interval '30 days' FROM holdfast.events WHERE event_id = p_event
$$;

CREATE FUNCTION queue_ticket_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' AND queue_is_old(OLD.event_id) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'a ticket that has come to its end stays as it is' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER queue_ticket_stays BEFORE UPDATE OR DELETE ON queue_tickets
  FOR EACH ROW EXECUTE FUNCTION queue_ticket_guard();
CREATE TRIGGER queue_tickets_kept BEFORE TRUNCATE ON queue_tickets
  FOR EACH STATEMENT EXECUTE FUNCTION queue_ticket_guard();

-- What a joiner is judged by where the filter cannot say. Raises what a hold would. capacity: more than
-- the section has can never be served. spent: the pass of the waiting room that was shown. booking_id and
-- what follows: the place of the account that was served and is open still.
CREATE FUNCTION queue_section(p_event integer, p_line text, p_default_per_booking integer, p_user uuid,
  p_pass bigint, OUT most integer, OUT capacity integer, OUT queue text, OUT spent boolean,
  OUT booking_id uuid, OUT epoch integer, OUT number bigint, OUT quantity integer, OUT expires_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  e events;
BEGIN
  SELECT * INTO e FROM events WHERE event_id = p_event;
  IF NOT FOUND OR e.status = 'draft' THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
  SELECT s.capacity INTO capacity FROM sections s WHERE s.event_id = p_event AND s.section_id = p_line;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unknown section' USING ERRCODE = 'HF122',
      DETAIL = places_unknown(p_event, '{}', ARRAY[p_line]);
  ELSIF e.status <> 'on_sale' OR now() >= e.sales_end OR now() < e.sales_start THEN
    RAISE EXCEPTION 'the event is not on sale' USING ERRCODE = 'HF203',
      DETAIL = sales_window(e.status, e.sales_start, e.sales_end);
  END IF;
  most := coalesce(e.max_seats_per_booking, p_default_per_booking);
  queue := e.queue;
  spent := e.queue = 'on' AND EXISTS (SELECT FROM passes_spent
    WHERE event_id = p_event AND user_id = p_user AND pass = p_pass);
  SELECT t.booking_id, t.epoch, t.number, b.places, b.expires_at
    INTO booking_id, epoch, number, quantity, expires_at
    FROM queue_tickets t JOIN bookings b USING (event_id, booking_id)
    WHERE t.event_id = p_event AND t.user_id = p_user AND t.line = p_line AND t.outcome = 'reserved'
      AND b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now() LIMIT 1;
END
$$;

-- Whether nobody of a line is served any more: its event is a draft, cancelled or gone, its section is, or its
-- sales have ended, and what was begun in time has come to its end. sales: when they are, as sales_window() says it.
CREATE FUNCTION queue_over(p_event integer, p_line text, OUT over boolean, OUT sales text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT e.event_id IS NULL OR e.status IN ('draft', 'cancelled') OR e.sales_end <= now() - interval '5 seconds'
      OR NOT EXISTS (SELECT FROM holdfast.sections s WHERE s.event_id = p_event AND s.section_id = p_line),
    holdfast.sales_window(e.status, e.sales_start, e.sales_end)
  FROM (VALUES (p_event)) AS q (event_id) LEFT JOIN holdfast.events e USING (event_id)
$$;

-- The epoch of a line that begins now: above every one that has been heard of (p_above: by the caller).
CREATE FUNCTION queue_epoch(p_event integer, p_line text, p_above integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_epoch integer := greatest(p_above, (SELECT epoch FROM queue_lines WHERE event_id = p_event AND line = p_line)) + 1;
BEGIN
  IF v_epoch > 1023 THEN
    RAISE EXCEPTION 'line % of event % has begun as often as a ticket can tell', p_line, p_event USING ERRCODE = '53400';
  END IF;
  INSERT INTO queue_lines AS l (event_id, line, epoch) VALUES (p_event, p_line, v_epoch)
    ON CONFLICT (event_id, line)
      DO UPDATE SET epoch = greatest(l.epoch + 1, v_epoch), begun_at = now()
    RETURNING epoch INTO v_epoch;
  RETURN v_epoch;
END
$$;

-- Whether there is such a line; whoever has a ticket of it says so. One of which this database, recovered to a moment
-- before it began, knows nothing (or of no such epoch) is known again by that.
CREATE FUNCTION queue_line_found(p_event integer, p_line text, p_epoch integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM queue_lines WHERE event_id = p_event AND line = p_line AND epoch >= p_epoch) THEN
    RETURN true;
  END IF;
  INSERT INTO queue_lines AS l (event_id, line, epoch)
    SELECT event_id, p_line, p_epoch FROM events
      WHERE event_id = p_event
        AND (p_line = '' OR EXISTS (SELECT FROM sections WHERE event_id = p_event AND section_id = p_line))
    ON CONFLICT (event_id, line) DO UPDATE SET epoch = greatest(l.epoch, excluded.epoch);
  RETURN FOUND;
END
$$;

-- Somebody waits in a line who could not be served, or nobody does any more: for holds that are judged
-- without the line itself.
CREATE FUNCTION queue_mark(p_event integer, p_line text, p_waits boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE queue_lines SET waits_until = CASE WHEN p_waits THEN now() + interval '1 minute' END
    WHERE event_id = p_event AND line = p_line;
END
$$;

-- How a ticket ended, if it has, with its booking as it stands.
CREATE TYPE queue_end AS (
  outcome    text,
  reason     text,
  booking_id uuid,
  status     text,    -- of the booking; one past its deadline is EXPIRED
  expires_at timestamptz
);

-- The booking of this id (p_booking: derived from a ticket), where there is one: then the ticket has been served,
-- also where its row is gone (queue_trim).
CREATE FUNCTION queue_booking(p_event integer, p_booking uuid, p_user uuid) RETURNS uuid
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT booking_id FROM holdfast.bookings WHERE event_id = p_event AND booking_id = p_booking AND user_id = p_user
$$;

CREATE FUNCTION queue_ticket(p_event integer, p_line text, p_epoch integer, p_number bigint, p_user uuid, p_booking uuid)
RETURNS SETOF queue_end
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  WITH ticket AS (
    SELECT outcome, reason, booking_id FROM holdfast.queue_tickets
      WHERE event_id = p_event AND line = p_line AND epoch = p_epoch AND number = p_number AND user_id = p_user
  ), ended AS (
    SELECT * FROM ticket
    UNION ALL
    SELECT 'reserved', NULL, q.booking_id FROM holdfast.queue_booking(p_event, p_booking, p_user) AS q (booking_id)
      WHERE q.booking_id IS NOT NULL AND NOT EXISTS (SELECT FROM ticket)
  )
  SELECT t.outcome, t.reason, t.booking_id,
      CASE WHEN b.status IN ('HOLD', 'RESERVED') AND b.expires_at <= now() THEN 'EXPIRED'
        ELSE b.status END,
      b.expires_at
    FROM ended t LEFT JOIN holdfast.bookings b ON b.event_id = p_event AND b.booking_id = t.booking_id
$$;

-- Gives a place up. What it has been served with by then is told, for the caller to release.
CREATE FUNCTION queue_leave(p_event integer, p_line text, p_epoch integer, p_number bigint, p_user uuid, p_booking uuid)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF NOT queue_line_found(p_event, p_line, p_epoch) THEN
    RAISE EXCEPTION 'no such line' USING ERRCODE = 'HF104';
  ELSIF queue_booking(p_event, p_booking, p_user) IS NOT NULL THEN
    RETURN p_booking;
  END IF;
  -- The conflict waits for a batch that is serving it.
  INSERT INTO queue_tickets (event_id, line, epoch, number, user_id, outcome)
    VALUES (p_event, p_line, p_epoch, p_number, p_user, 'left')
    ON CONFLICT DO NOTHING;
  RETURN (SELECT booking_id FROM queue_tickets
    WHERE event_id = p_event AND line = p_line AND epoch = p_epoch AND number = p_number AND user_id = p_user);
END
$$;

-- Lines that somebody may stand in: those that were begun, of events on sale, after one of them.
CREATE FUNCTION queue_open_lines(p_after_event integer, p_after_line text, p_limit integer)
RETURNS TABLE (event_id integer, line text, epoch integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT l.event_id, l.line, l.epoch
    FROM holdfast.queue_lines l JOIN holdfast.events e USING (event_id)
    WHERE (l.event_id, l.line) > (p_after_event, p_after_line)
      AND e.status = 'on_sale' AND e.sales_end > now()
    ORDER BY l.event_id, l.line LIMIT p_limit
$$;

INSERT INTO job_schedule (name, every) VALUES ('queue-advance', '1 minute');

-- Takes away what lines of events leave behind whose sales ended long ago.
CREATE FUNCTION queue_trim(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_event   integer;
  v_tickets bigint;
  v_passes  bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT e.event_id INTO v_event FROM events e
    WHERE e.sales_end < now() - interval '30 days'
      AND (EXISTS (SELECT FROM queue_tickets t WHERE t.event_id = e.event_id)
        OR EXISTS (SELECT FROM passes_spent s WHERE s.event_id = e.event_id))
    LIMIT 1;
  DELETE FROM queue_tickets WHERE (event_id, line, epoch, number) IN (
    SELECT event_id, line, epoch, number FROM queue_tickets WHERE event_id = v_event LIMIT p_limit);
  GET DIAGNOSTICS v_tickets = ROW_COUNT;
  DELETE FROM passes_spent WHERE (event_id, user_id, pass) IN (
    SELECT event_id, user_id, pass FROM passes_spent WHERE event_id = v_event LIMIT p_limit);
  GET DIAGNOSTICS v_passes = ROW_COUNT;
  RETURN v_tickets + v_passes;
END
$$;

GRANT EXECUTE ON FUNCTION queue_trim TO holdfast_janitor;
GRANT EXECUTE ON FUNCTION queue_section, queue_over, queue_ticket, queue_leave, confirm, release TO holdfast_queue;
GRANT EXECUTE ON FUNCTION queue_epoch, queue_mark, event_shown, filter_known, filter_event, filter_entries, filter_some,
    filter_used, filter_seats
  TO holdfast_queue, holdfast_queue_advance;
GRANT EXECUTE ON FUNCTION queue_open_lines, job_begin, job_beat, job_end TO holdfast_queue_advance;

COMMIT;
