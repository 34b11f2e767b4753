-- A hold is given more time, so often and so long as the configuration allows.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE TYPE extend_result AS (
  outcome         text, -- moved; replay: the first answer again
  positions       integer[],
  booking         booking_view,
  extensions_left integer
);

-- HOLD -> HOLD with a later deadline: the life of a hold from now on, and never beyond p_life_seconds from
-- its beginning. What sells an event decides here too: nothing is extended once its sales are over.
CREATE FUNCTION extend(p_event integer, p_booking uuid, p_user uuid, p_key text, p_fingerprint text,
  p_wait boolean, p_default_seconds integer, p_life_seconds integer, p_most integer) RETURNS extend_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r      extend_result;
  a      answers;
  b      bookings;
  e      record;
  v_off  text;
  v_end  timestamptz;
  v_rows integer;
BEGIN
  v_off := set_config('synchronous_commit', 'off', true);
  IF p_key IS NOT NULL THEN
    a := answer_find(p_event, p_user, 'extend', p_key, p_fingerprint, p_wait);
    IF a.key IS NOT NULL THEN
      r.outcome := 'replay';
      r.booking := a.booking;
      r.extensions_left := a.extensions_left;
      RETURN r;
    END IF;
  END IF;
  b := booking_lock(p_event, p_booking, p_user, false);
  IF b.status <> 'HOLD' OR b.expires_at <= now() THEN
    PERFORM booking_refuse(b);
  END IF;
  SELECT status, sales_start, sales_end, now() >= sales_start AND now() < sales_end AS open, hold_seconds
    INTO e FROM events WHERE event_id = p_event;
  v_end := date_trunc('milliseconds', b.created_at + make_interval(secs => p_life_seconds));
  IF e.status <> 'on_sale' OR NOT e.open THEN
    RAISE EXCEPTION 'the event is not on sale' USING ERRCODE = 'HF203',
      DETAIL = sales_window(e.status, e.sales_start, e.sales_end);
  ELSIF coalesce(b.extensions, 0) >= p_most THEN
    RAISE EXCEPTION 'the hold has been extended as often as is allowed' USING ERRCODE = 'HF204',
      DETAIL = json_build_object('limit', p_most, 'current', coalesce(b.extensions, 0), 'requested', 1);
  ELSIF b.expires_at >= v_end THEN
    RAISE EXCEPTION 'the hold has the longest life that is allowed, in seconds' USING ERRCODE = 'HF204',
      DETAIL = json_build_object('limit', p_life_seconds, 'requested', p_life_seconds,
        'current', ceil(extract(epoch FROM b.expires_at - b.created_at))::integer);
  END IF;
  b.expires_at := greatest(b.expires_at, least(v_end, date_trunc('milliseconds', now())
    + make_interval(secs => coalesce(e.hold_seconds, p_default_seconds))));
  v_rows := claims_set(b, 'h', b.expires_at);
  UPDATE bookings SET expires_at = b.expires_at, extensions = coalesce(extensions, 0) + 1,
      version = version + 1
    WHERE event_id = p_event AND booking_id = p_booking AND status = b.status RETURNING * INTO b;
  IF NOT claims_were_all(b, v_rows) THEN
    RAISE EXCEPTION 'a locked booking has changed' USING ERRCODE = 'XX001';
  END IF;
  r.outcome := 'moved';
  r.positions := booking_positions(b);
  r.booking := booking_show(b, false);
  r.extensions_left := p_most - b.extensions;
  IF p_key IS NOT NULL THEN
    PERFORM answer_keep(p_event, p_user, 'extend', p_key, p_fingerprint, 200, r.booking, NULL);
    UPDATE answers SET extensions_left = r.extensions_left
      WHERE event_id = p_event AND user_id = p_user AND operation = 'extend' AND key = p_key;
  END IF;
  RETURN r;
END
$$;

GRANT EXECUTE ON FUNCTION extend TO holdfast_booking;

COMMIT;
