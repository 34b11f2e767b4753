-- I9, the invariant of the lines, as a query, and what of the lines is compared with Redis.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- I9: every ticket has come to one end at most (its key sees to that); each that was served has its
-- booking, under its account and within its event, and no other ticket has it; no account has two
-- places of one line that are open.
CREATE FUNCTION audit_i9() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_nestloop = off AS $$
  SELECT format('event %s: ticket %s.%s of line %s was served with booking %s, which is %s', t.event_id,
      t.epoch, t.number, t.line, t.booking_id,
      CASE WHEN b.booking_id IS NULL THEN 'not there' ELSE 'another user''s' END)
    FROM holdfast.queue_tickets t LEFT JOIN holdfast.bookings b USING (event_id, booking_id)
    WHERE t.outcome = 'reserved' AND b.user_id IS DISTINCT FROM t.user_id
  UNION ALL
  SELECT format('event %s: ticket %s.%s of line %s comes from an epoch that has not begun', t.event_id,
      t.epoch, t.number, t.line)
    FROM holdfast.queue_tickets t JOIN holdfast.queue_lines l USING (event_id, line)
    WHERE t.epoch > l.epoch
  UNION ALL
  SELECT format('event %s: line %s is none of its sections', l.event_id, l.line)
    FROM holdfast.queue_lines l LEFT JOIN holdfast.sections s
      ON s.event_id = l.event_id AND s.section_id = l.line
    WHERE l.line <> '' AND s.section_id IS NULL
  UNION ALL
  SELECT format('event %s: user %s has %s open places of line %s', t.event_id, t.user_id, count(*), t.line)
    FROM holdfast.queue_tickets t JOIN holdfast.bookings b USING (event_id, booking_id)
    WHERE t.outcome = 'reserved' AND b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now()
    GROUP BY t.event_id, t.user_id, t.line HAVING count(*) > 1
$$;

-- The same, as a line of holdfast-verify.
CREATE FUNCTION audit_queue()
RETURNS TABLE (invariant text, failures bigint, first text, checked text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT 'I9', count(t), min(t), (SELECT format('%s tickets that have come to their end', count(*))
      FROM holdfast.queue_tickets)
    FROM holdfast.audit_i9() AS t
$$;

-- Lines that were begun, a page after one of them.
CREATE FUNCTION audit_lines(p_after_event integer, p_after_line text, p_limit integer)
RETURNS TABLE (event_id integer, line text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT l.event_id, l.line FROM holdfast.queue_lines l
    WHERE (l.event_id, l.line) > (p_after_event, p_after_line)
    ORDER BY l.event_id, l.line LIMIT p_limit
$$;

-- Of these bookings those that there are: whose, and whether they hold a place for a while.
CREATE FUNCTION audit_bookings(p_event integer, p_bookings uuid[])
RETURNS TABLE (booking_id uuid, user_id uuid, is_open boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT b.booking_id, b.user_id, b.status IN ('HOLD', 'RESERVED') AND b.expires_at > now()
    FROM holdfast.bookings b
    WHERE b.event_id = p_event AND b.booking_id = ANY (p_bookings)
$$;

GRANT EXECUTE ON FUNCTION audit_i9, audit_queue, audit_lines, audit_bookings TO holdfast_verify;

COMMIT;
