-- The invariants as queries, for holdfast-verify: each function gives what breaks one of them, a line
-- of text each, and nothing where it holds. Called together in one statement they see one snapshot.
-- They read whole tables and lock nothing.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- What every booking must have: its standing items as claims. seat: position; ga: section and quantity.
CREATE VIEW audit_expected AS
  SELECT b.event_id, b.booking_id, b.status, b.expires_at, s.live, 'seat' AS kind, p AS place,
      1 AS quantity
    FROM bookings b JOIN booking_states s USING (status), unnest(b.positions) AS p
    WHERE p <> ALL (b.gone_positions)
  UNION ALL
  SELECT b.event_id, b.booking_id, b.status, b.expires_at, s.live, 'ga', g.section_no,
      g.had - coalesce(g.gone, 0)
    FROM bookings b JOIN booking_states s USING (status),
      unnest(b.section_nos, b.quantities, b.gone_quantities) AS g (section_no, had, gone)
    WHERE g.had > coalesce(g.gone, 0);

CREATE VIEW audit_claims AS
  SELECT event_id, booking_id, 'seat' AS kind, position AS place, 1 AS quantity, state, expires_at
    FROM seat_claims WHERE state <> 'x'
  UNION ALL
  SELECT event_id, booking_id, 'ga', section_no, quantity, state, expires_at FROM ga_claims;

-- Each audit looks at all that there is, once: a planner that knows little of the tables would look through
-- all bookings for each claim.

-- I1: a seat has at most one live claim (its key sees to that); claims and bookings agree. A claim that
-- is due may stand under a booking that has ended, until somebody gives it back.
CREATE FUNCTION audit_i1() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_nestloop = off AS $$
  SELECT format('event %s: booking %s is %s and lacks its claim of %s %s', e.event_id, e.booking_id,
      e.status, e.kind, e.place)
    FROM holdfast.audit_expected e LEFT JOIN holdfast.audit_claims c
      USING (event_id, booking_id, kind, place)
    WHERE e.live AND c.place IS NULL
  UNION ALL
  SELECT format('event %s: booking %s is %s and its claim of %s %s has state %s, quantity %s',
      e.event_id, e.booking_id, e.status, e.kind, e.place, c.state, c.quantity)
    FROM holdfast.audit_expected e JOIN holdfast.audit_claims c
      USING (event_id, booking_id, kind, place)
    WHERE e.live AND (c.quantity <> e.quantity
      OR c.state <> CASE e.status WHEN 'HOLD' THEN 'h' WHEN 'RESERVED' THEN 'r' ELSE 'b' END)
  UNION ALL
  SELECT format('event %s: %s %s is claimed for booking %s, which is %s', c.event_id, c.kind, c.place,
      c.booking_id, coalesce(b.status, 'nowhere'))
    FROM holdfast.audit_claims c LEFT JOIN holdfast.bookings b USING (event_id, booking_id)
      LEFT JOIN holdfast.booking_states s USING (status)
    WHERE b.booking_id IS NULL
      OR NOT s.live AND (c.state = 'b' OR c.expires_at > now())
  UNION ALL
  SELECT format('event %s: %s %s is claimed for booking %s, which has no such item standing',
      c.event_id, c.kind, c.place, c.booking_id)
    FROM holdfast.audit_claims c JOIN holdfast.bookings b USING (event_id, booking_id)
      LEFT JOIN holdfast.audit_expected e USING (event_id, booking_id, kind, place)
    WHERE e.place IS NULL
  UNION ALL
  SELECT format('event %s: position %s is claimed and is no seat', c.event_id, c.position)
    FROM holdfast.seat_claims c LEFT JOIN holdfast.seats s USING (event_id, position)
    WHERE s.position IS NULL
  UNION ALL
  SELECT format('event %s: seat %s stands in %s live bookings', e.event_id, e.place, count(*))
    FROM holdfast.audit_expected e
    WHERE e.kind = 'seat' AND e.live AND (e.status = 'CONFIRMED' OR e.expires_at > now())
    GROUP BY e.event_id, e.place HAVING count(*) > 1
  UNION ALL
  SELECT format('event %s: the items of booking %s do not add up', b.event_id, b.booking_id)
    FROM holdfast.bookings b LEFT JOIN (
        SELECT event_id, booking_id, sum(quantity) AS places FROM holdfast.audit_expected
          GROUP BY 1, 2) AS e USING (event_id, booking_id)
    WHERE b.places <> CASE WHEN b.status IN ('CANCELLED', 'REFUNDED') THEN 0
        ELSE coalesce(e.places, 0) END
      OR b.total <> coalesce((SELECT sum(p) FROM unnest(b.seat_prices) AS p), 0) + coalesce((
        SELECT sum(q * p) FROM unnest(b.quantities, b.section_prices) AS g (q, p)), 0)
      OR NOT b.gone_positions <@ b.positions
      OR EXISTS (SELECT FROM unnest(b.quantities, b.gone_quantities) AS g (had, gone)
        WHERE coalesce(g.gone, 0) NOT BETWEEN 0 AND g.had)
      OR cardinality(b.positions) <> (SELECT count(DISTINCT p) FROM unnest(b.positions) AS p)
      OR cardinality(b.section_nos) <> (SELECT count(DISTINCT p) FROM unnest(b.section_nos) AS p)
  UNION ALL
  SELECT format('event %s: booking %s has a %s that the event has not: %s', i.event_id, i.booking_id,
      CASE WHEN i.position IS NULL THEN 'section' ELSE 'seat' END,
      coalesce(i.position, i.section_no))
    FROM holdfast.booking_items i
      LEFT JOIN holdfast.seats s ON s.event_id = i.event_id AND s.position = i.position
      LEFT JOIN holdfast.sections c ON c.event_id = i.event_id AND c.section_no = i.section_no
        AND c.kind = 'ga'
    WHERE s.position IS NULL AND c.section_no IS NULL
  UNION ALL
  SELECT format('booking %s is of event %s and user %s, one of which is not there', b.booking_id,
      b.event_id, b.user_id)
    FROM holdfast.bookings b LEFT JOIN holdfast.events e USING (event_id)
      LEFT JOIN holdfast.users u USING (user_id)
    WHERE e.event_id IS NULL OR u.user_id IS NULL
$$;

-- I2: capacity = available + held + reserved + sold in each section, none negative, each what the claims
-- add up to; the one stored number, taken, is the sum of its claims.
CREATE FUNCTION audit_i2() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_nestloop = off AS $$
  SELECT format('event %s: section %s says %s taken, its claims are %s', n.event_id, n.section_no,
      n.taken, coalesce(c.quantity, 0))
    FROM holdfast.ga_counts n LEFT JOIN (
        SELECT event_id, section_no, sum(quantity) AS quantity FROM holdfast.ga_claims
          GROUP BY 1, 2) AS c USING (event_id, section_no)
    WHERE n.taken <> coalesce(c.quantity, 0)
  UNION ALL
  SELECT format('event %s: section %s has %s of %s places taken', n.event_id, n.section_no, n.taken,
      n.capacity)
    FROM holdfast.ga_counts n WHERE n.taken NOT BETWEEN 0 AND n.capacity
  UNION ALL
  SELECT format('event %s: section %s has capacity %s, counted as %s', c.event_id, c.section_id,
      c.capacity, coalesce(n.capacity::text, 'nothing'))
    FROM holdfast.sections c LEFT JOIN holdfast.ga_counts n USING (event_id, section_no)
    WHERE c.kind = 'ga' AND c.capacity IS DISTINCT FROM n.capacity
  UNION ALL
  SELECT format('event %s: section %s has numbered seats and a count', c.event_id, c.section_id)
    FROM holdfast.sections c JOIN holdfast.ga_counts n USING (event_id, section_no)
    WHERE c.kind <> 'ga'
  UNION ALL
  SELECT format('event %s: section %s has capacity %s and %s seats for sale', c.event_id,
      c.section_id, c.capacity, coalesce(s.seats, 0))
    FROM holdfast.sections c LEFT JOIN (
        SELECT s.event_id, s.section_no, count(*) AS seats FROM holdfast.seats s
            LEFT JOIN holdfast.seat_claims k
              ON k.event_id = s.event_id AND k.position = s.position AND k.state = 'x'
          WHERE k.position IS NULL GROUP BY 1, 2) AS s USING (event_id, section_no)
    WHERE c.kind = 'seated' AND c.capacity <> coalesce(s.seats, 0)
  UNION ALL
  SELECT format('event %s: its %s seats do not lie at the positions below %s', e.event_id,
      count(s.position), e.seats_count)
    FROM holdfast.events e LEFT JOIN holdfast.seats s USING (event_id)
    GROUP BY e.event_id
    HAVING count(s.position) <> e.seats_count OR coalesce(max(s.position), -1) <> e.seats_count - 1
$$;

-- I3, as far as it is visible: an answer that was kept tells of what is in the database.
CREATE FUNCTION audit_i3() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_nestloop = off AS $$
  SELECT format('event %s: the kept answer to %s of booking %s tells of what is not there: %s',
      a.event_id, a.operation, (a.booking).booking_id, coalesce(b.status, 'no such booking'))
    FROM holdfast.answers a LEFT JOIN holdfast.bookings b
      ON b.event_id = a.event_id AND (b.user_id = a.user_id OR a.operation IN ('paid', 'refunds')) -- by staff
        AND b.booking_id = (a.booking).booking_id
    WHERE a.booking IS DISTINCT FROM NULL
      AND (b.booking_id IS NULL OR b.version < (a.booking).version
        OR a.operation = 'release' AND b.ended_at IS NULL AND b.late IS NULL -- money may revive it
        OR a.operation = 'cancel' AND b.status NOT IN ('CANCELLED', 'REFUNDED')
          AND b.gone_positions = '{}' AND b.gone_quantities IS NULL)
$$;

-- I4, as far as it is visible: one key, one booking; and every kept answer has its one row by its key. Of two
-- bookings the later must be of the last day: another id_secret makes such a pair, and nothing takes it away.
CREATE FUNCTION audit_i4() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_nestloop = off AS $$
  SELECT format('event %s: user %s has %s bookings under one key, %s and %s among them', b.event_id,
      b.user_id, count(*), min(b.booking_id::text), max(b.booking_id::text))
    FROM holdfast.bookings b WHERE b.key IS NOT NULL
    GROUP BY b.event_id, b.user_id, b.key
    HAVING count(*) > 1 AND max(b.created_at) > now() - interval '25 hours'
$$;

-- I5: a hold past its deadline confirms never (a confirm is judged by the moment at which it came,
-- which is what it writes), but by money that came late (I7 looks for it); and blocks nobody: its claims
-- have its deadline. And none has expired before it.
CREATE FUNCTION audit_i5() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_nestloop = off AS $$
  SELECT format('event %s: booking %s was confirmed at %s, its deadline was %s', b.event_id,
      b.booking_id, b.confirmed_at, b.expires_at)
    FROM holdfast.bookings b WHERE b.confirmed_at >= b.expires_at AND b.late IS NULL
  UNION ALL
  SELECT format('event %s: booking %s is %s until %s, its claim of %s %s until %s', e.event_id,
      e.booking_id, e.status, e.expires_at, e.kind, e.place, c.expires_at)
    FROM holdfast.audit_expected e JOIN holdfast.audit_claims c
      USING (event_id, booking_id, kind, place)
    WHERE e.status IN ('HOLD', 'RESERVED') AND c.expires_at <> e.expires_at
  UNION ALL
  SELECT format('event %s: booking %s expired at %s, its deadline was %s', b.event_id, b.booking_id,
      b.ended_at, b.expires_at)
    FROM holdfast.bookings b WHERE b.status = 'EXPIRED' AND b.ended_at < b.expires_at
$$;

-- I6, as far as it is visible: what was answered as CONFIRMED has been confirmed, and what is CONFIRMED
-- has its places for good.
CREATE FUNCTION audit_i6() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp
SET enable_nestloop = off AS $$
  SELECT format('event %s: booking %s was answered as CONFIRMED and is %s', a.event_id,
      (a.booking).booking_id, coalesce(b.status, 'nowhere'))
    FROM holdfast.answers a LEFT JOIN holdfast.bookings b
      ON b.event_id = a.event_id AND b.booking_id = (a.booking).booking_id
    WHERE (a.booking).status = 'CONFIRMED'
      AND (b.confirmed_at IS NULL OR b.status NOT IN ('CONFIRMED', 'CANCELLED', 'REFUNDED'))
  UNION ALL
  SELECT format('event %s: booking %s is CONFIRMED and has not %s %s for good', e.event_id,
      e.booking_id, e.kind, e.place)
    FROM holdfast.audit_expected e LEFT JOIN holdfast.audit_claims c
      USING (event_id, booking_id, kind, place)
    WHERE e.status = 'CONFIRMED' AND c.expires_at IS DISTINCT FROM 'infinity'
$$;

-- All of them: how many lines each has, the first, and what was looked at.
CREATE FUNCTION audit()
RETURNS TABLE (invariant text, failures bigint, first text, checked text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  WITH size AS (
    SELECT (SELECT count(*) FROM holdfast.bookings) AS bookings,
      (SELECT count(*) FROM holdfast.audit_claims) AS claims,
      (SELECT count(*) FROM holdfast.sections) AS sections,
      (SELECT count(*) FROM holdfast.answers) AS answers,
      (SELECT count(*) FROM holdfast.bookings WHERE key IS NOT NULL) AS keys,
      (SELECT count(*) FROM holdfast.bookings WHERE status = 'CONFIRMED') AS confirmed
  )
  SELECT 'I1', count(t), min(t), (SELECT format('%s bookings, %s claims', bookings, claims) FROM size)
    FROM holdfast.audit_i1() AS t
  UNION ALL
  SELECT 'I2', count(t), min(t), (SELECT format('%s sections', sections) FROM size)
    FROM holdfast.audit_i2() AS t
  UNION ALL
  SELECT 'I3', count(t), min(t), (SELECT format('%s kept answers', answers) FROM size)
    FROM holdfast.audit_i3() AS t
  UNION ALL
  SELECT 'I4', count(t), min(t), (SELECT format('%s keys of bookings', keys) FROM size)
    FROM holdfast.audit_i4() AS t
  UNION ALL
  SELECT 'I5', count(t), min(t), (SELECT format('%s bookings, %s claims', bookings, claims) FROM size)
    FROM holdfast.audit_i5() AS t
  UNION ALL
  SELECT 'I6', count(t), min(t), (SELECT format('%s confirmed bookings', confirmed) FROM size)
    FROM holdfast.audit_i6() AS t
$$;

-- The events there are, a page after p_after.
CREATE FUNCTION audit_events(p_after integer, p_limit integer) RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT e.event_id FROM holdfast.events e WHERE e.event_id > p_after ORDER BY 1 LIMIT p_limit
$$;

GRANT EXECUTE ON FUNCTION audit, audit_i1, audit_i2, audit_i3, audit_i4, audit_i5, audit_i6,
  audit_events TO holdfast_verify;

COMMIT;
