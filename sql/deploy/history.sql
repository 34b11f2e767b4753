-- What holdfast-history compares a history of calls with: all of one event, in pages.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE FUNCTION history_us(p_time timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN (extract(epoch FROM p_time) * 1000000)::bigint;

-- A row a section, and what of the event matters. epoch: how often its line was begun, the last time at
-- begun_us; null: nobody has stood in line for its places. paid: the event takes payment. room: it is
-- entered through a waiting room. wait_us: nobody gives up waiting for a lock before.
CREATE FUNCTION history_sections(p_event integer)
RETURNS TABLE (section_no integer, section_id text, is_ga boolean, capacity integer, epoch integer,
  begun_us bigint, max_per_user integer, now_us bigint, event_status text, sales_start_us bigint, sales_end_us bigint,
  paid boolean, room boolean, wait_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT s.section_no, s.section_id, s.kind = 'ga', s.capacity, l.epoch, holdfast.history_us(l.begun_at),
    e.max_seats_per_user, holdfast.history_us(now()), e.status,
    holdfast.history_us(e.sales_start), holdfast.history_us(e.sales_end),
    e.payment <> 'none', e.queue = 'on', 1000 * (SELECT least(setting::bigint, 500) FROM pg_settings
      WHERE name = 'deadlock_timeout') -- 500 ms is the lock_timeout of the pools' roles
    FROM holdfast.events e JOIN holdfast.sections s USING (event_id)
      LEFT JOIN holdfast.queue_lines l ON l.event_id = s.event_id AND l.line = s.section_id
    WHERE e.event_id = p_event ORDER BY s.section_no
$$;

-- killed: kept from sale.
CREATE FUNCTION history_seats(p_event integer, p_after integer, p_limit integer)
RETURNS TABLE ("position" integer, seat_id text, section_no integer, killed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT s.position, s.seat_id, s.section_no, EXISTS (SELECT FROM holdfast.seat_claims c
      WHERE c.event_id = s.event_id AND c.position = s.position AND c.state = 'x')
    FROM holdfast.seats s WHERE s.event_id = p_event AND s.position > p_after
    ORDER BY s.position LIMIT p_limit
$$;

-- Bookings by id, with their items as they were held, and what of them has gone. Times in microseconds
-- since 1970; cancelled_us: the first cancel, of all or of a part. served: to somebody in line. free: of
-- charge. lacks: a place that it should hold now and has no claim of.
CREATE FUNCTION history_bookings(p_event integer, p_after uuid, p_limit integer)
RETURNS TABLE (booking_id uuid, user_id uuid, status text, positions integer[], section_nos integer[],
  quantities integer[], parted boolean, created_us bigint, expires_us bigint, confirmed_us bigint,
  ended_us bigint, cancelled_us bigint, key text, late boolean, served boolean, free boolean, lacks text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT b.booking_id, b.user_id, b.status, b.positions, b.section_nos, b.quantities,
      b.gone_positions <> '{}' OR b.gone_quantities IS NOT NULL,
      holdfast.history_us(b.created_at), holdfast.history_us(b.expires_at),
      holdfast.history_us(b.confirmed_at), holdfast.history_us(b.ended_at),
      (SELECT holdfast.history_us(min(k.cancelled_at)) FROM holdfast.booking_cancels k
        WHERE k.event_id = b.event_id AND k.booking_id = b.booking_id),
      b.key, coalesce(b.late, false),
      EXISTS (SELECT FROM holdfast.queue_tickets t
        WHERE t.event_id = b.event_id AND t.booking_id = b.booking_id),
      b.total = 0,
      CASE WHEN b.status = 'CONFIRMED' OR b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now() THEN
        coalesce(
          (SELECT 'seat ' || s.seat_id FROM unnest(b.positions) AS p (at)
              JOIN holdfast.seats s ON s.event_id = b.event_id AND s.position = p.at
            WHERE p.at <> ALL (b.gone_positions) AND NOT EXISTS (SELECT FROM holdfast.seat_claims c
              WHERE c.event_id = b.event_id AND c.position = p.at AND c.booking_id = b.booking_id
                AND (c.state = 'b') = (b.status = 'CONFIRMED'))
            LIMIT 1),
          (SELECT 'section ' || s.section_id
            FROM unnest(b.section_nos, b.quantities, b.gone_quantities) AS g (section_no, had, gone)
              JOIN holdfast.sections s ON s.event_id = b.event_id AND s.section_no = g.section_no
            WHERE g.had > coalesce(g.gone, 0) AND NOT EXISTS (SELECT FROM holdfast.ga_claims c
              WHERE c.event_id = b.event_id AND c.booking_id = b.booking_id AND c.section_no = g.section_no
                AND c.quantity = g.had - coalesce(g.gone, 0) AND (c.state = 'b') = (b.status = 'CONFIRMED'))
            LIMIT 1)) END
    FROM holdfast.bookings b WHERE b.event_id = p_event AND b.booking_id > p_after
    ORDER BY b.booking_id LIMIT p_limit
$$;

-- The kept answers about bookings, by user, operation and key.
CREATE FUNCTION history_answers(p_event integer, p_user uuid, p_operation text, p_key text, p_limit integer)
RETURNS TABLE (user_id uuid, operation text, key text, booking_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT a.user_id, a.operation, a.key, (a.booking).booking_id FROM holdfast.answers a
    WHERE a.event_id = p_event AND (a.user_id, a.operation, a.key) > (p_user, p_operation, p_key)
    ORDER BY a.user_id, a.operation, a.key LIMIT p_limit
$$;

-- How the places in the lines of sections ended, behind one of them, by line, epoch and number.
CREATE FUNCTION history_tickets(p_event integer, p_line text, p_epoch integer, p_number bigint, p_limit integer)
RETURNS TABLE (section_id text, epoch integer, number bigint, user_id uuid, outcome text, booking_id uuid,
  ended_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT t.line, t.epoch, t.number, t.user_id, t.outcome, t.booking_id, holdfast.history_us(t.ended_at)
    FROM holdfast.queue_tickets t
    WHERE t.event_id = p_event AND t.line <> '' AND (t.line, t.epoch, t.number) > (p_line, p_epoch, p_number)
    ORDER BY t.line, t.epoch, t.number LIMIT p_limit
$$;

-- Those of these accounts that there are not.
CREATE FUNCTION history_strangers(p_users uuid[]) RETURNS TABLE (user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT w.id FROM unnest(p_users) AS w (id)
    WHERE NOT EXISTS (SELECT FROM holdfast.users u WHERE u.user_id = w.id)
$$;

GRANT EXECUTE ON FUNCTION history_sections, history_seats, history_bookings, history_answers, history_tickets,
    history_strangers
  TO holdfast_history;

COMMIT;
