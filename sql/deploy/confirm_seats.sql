-- Seats confirmed by their ids, as existing clients do it.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Confirms the caller's live holds that together are exactly these seats, all or none. One row a
-- booking; the body is the whole answer, the same in each.
CREATE FUNCTION confirm_seats(p_event integer, p_user uuid, p_key text, p_fingerprint text,
  p_wait boolean, p_seats text[])
RETURNS TABLE (outcome text, body text, booking_id uuid, positions integer[], sections text, pass bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
#variable_conflict use_column
DECLARE
  a           answers;
  b           bookings;
  v_positions integer[];
  v_seats     text[];
  v_bookings  uuid[];
  v_mine      integer;
BEGIN
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_user, 'confirm', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      RETURN QUERY SELECT 'replay', a.body, NULL::uuid, '{}'::integer[], '', NULL::bigint;
      RETURN;
    END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM events e WHERE e.event_id = p_event AND e.status <> 'draft') THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  END IF;
  SELECT array_agg(s.position ORDER BY s.position), array_agg(s.seat_id ORDER BY s.position)
    INTO v_positions, v_seats
    FROM seats s WHERE s.event_id = p_event AND s.seat_id = ANY (p_seats);
  IF coalesce(cardinality(v_positions), 0) < cardinality(p_seats) THEN
    RAISE EXCEPTION 'unknown seats' USING ERRCODE = 'HF122',
      DETAIL = places_unknown(p_event, p_seats, '{}');
  END IF;
  -- These locks are written too: where all is confirmed already, by money whose flush is still under way,
  -- the commit makes that durable before it is told.
  PERFORM FROM seat_claims c WHERE c.event_id = p_event AND c.position = ANY (v_positions)
    ORDER BY c.position FOR UPDATE;

  -- Every seat must be the caller's, and every live hold must lie within these seats.
  SELECT count(*), array_agg(DISTINCT k.booking_id) INTO v_mine, v_bookings
    FROM seat_claims c JOIN bookings k ON k.event_id = c.event_id AND k.booking_id = c.booking_id
    WHERE c.event_id = p_event AND c.position = ANY (v_positions) AND k.user_id = p_user
      AND c.expires_at > now()
      AND (k.status = 'CONFIRMED' OR k.status IN ('HOLD', 'RESERVED') AND k.expires_at > now()
        AND k.positions <@ v_positions AND k.section_nos = '{}');
  IF v_mine < cardinality(v_positions) THEN
    IF v_mine = 0 AND seats_were_mine(p_event, p_user, v_positions) THEN
      RAISE EXCEPTION 'the hold has expired' USING ERRCODE = 'HF205';
    END IF;
    RAISE EXCEPTION 'some of these seats are not held by the caller' USING ERRCODE = 'HF201',
      DETAIL = json_build_object('seat_ids', ARRAY(SELECT s.seat_id FROM seats s
        LEFT JOIN seat_claims c ON c.event_id = s.event_id AND c.position = s.position
          AND c.expires_at > now() AND c.booking_id = ANY (v_bookings)
        WHERE s.event_id = p_event AND s.position = ANY (v_positions) AND c.position IS NULL
        ORDER BY s.position));
  END IF;
  FOR b IN SELECT * FROM bookings k WHERE k.event_id = p_event AND k.booking_id = ANY (v_bookings)
      ORDER BY k.booking_id FOR UPDATE LOOP
    IF b.status <> 'CONFIRMED' THEN
      b := booking_confirm(b, false);
    END IF;
  END LOOP;
  body := json_build_object('success', true, 'message', 'The seats are booked.',
    'booked_seats', v_seats, 'booking_id', v_bookings[1], 'booking_ids', v_bookings)::text;
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'confirm', p_key, p_fingerprint, 200, NULL, body);
  END IF;
  -- A booking confirmed before may have general admission beside these seats.
  RETURN QUERY SELECT 'moved', body, k.booking_id, booking_positions(k),
      (SELECT coalesce(string_agg(c.section_id || ':' || g.had - coalesce(g.gone, 0), ','), '')
        FROM unnest(k.section_nos, k.quantities, k.gone_quantities) AS g (section_no, had, gone)
          JOIN sections c ON c.event_id = p_event AND c.section_no = g.section_no
        WHERE g.had > coalesce(g.gone, 0)),
      k.pass
    FROM bookings k
    WHERE k.event_id = p_event AND k.booking_id = ANY (v_bookings) ORDER BY k.booking_id;
END
$$;

-- Whether the last hold of these seats was the caller's and has run out.
CREATE FUNCTION seats_were_mine(p_event integer, p_user uuid, p_positions integer[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT NOT EXISTS (
      SELECT FROM holdfast.seat_claims c LEFT JOIN holdfast.bookings k
          ON k.event_id = c.event_id AND k.booking_id = c.booking_id
        WHERE c.event_id = p_event AND c.position = ANY (p_positions)
          AND (c.expires_at > now() OR k.user_id IS DISTINCT FROM p_user))
    AND (SELECT p_positions <@ array_agg(p)
      FROM holdfast.bookings k, unnest(k.positions) AS p
      WHERE k.user_id = p_user AND k.event_id = p_event
        AND (k.status = 'EXPIRED' OR k.status IN ('HOLD', 'RESERVED') AND k.expires_at <= now()))
$$;

GRANT EXECUTE ON FUNCTION confirm_seats TO holdfast_booking;

COMMIT;
