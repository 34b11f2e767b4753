-- The waiting room of an event whose queue is on: what of it must not be lost. The room itself is kept in
-- Redis; a place in it is a ticket of the line without a name, and what ends it here is that its holder
-- left, or confirmed a booking with the pass that came of it (passes_spent).
BEGIN;
SET LOCAL search_path = holdfast, public;

-- The event as its waiting room needs it where Redis cannot say; times in ms since 1970. until_ms: as
-- open_until() says it; one who joins (p_join) is refused while it is not on sale.
CREATE FUNCTION queue_room(p_event integer, p_join boolean, OUT clock_ms bigint, OUT until_ms bigint,
  OUT room text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  e events;
BEGIN
  SELECT * INTO e FROM events WHERE event_id = p_event;
  IF NOT FOUND OR e.status = 'draft' THEN
    RAISE EXCEPTION 'no such event' USING ERRCODE = 'HF104';
  ELSIF p_join AND (e.status <> 'on_sale' OR now() >= e.sales_end) THEN
    RAISE EXCEPTION 'the event is not on sale' USING ERRCODE = 'HF203',
      DETAIL = sales_window(e.status, e.sales_start, e.sales_end);
  END IF;
  clock_ms := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
  until_ms := open_until(e);
  room := room_brief(e);
END
$$;

-- How a place ended: left, confirmed, or null where nothing of that is known. p_score: the whole place,
-- which names its pass.
CREATE FUNCTION queue_room_end(p_event integer, p_epoch integer, p_number bigint, p_user uuid,
  p_score bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT coalesce((SELECT t.outcome FROM holdfast.queue_tickets t
      WHERE t.event_id = p_event AND t.line = '' AND t.epoch = p_epoch AND t.number = p_number
        AND t.user_id = p_user),
    (SELECT 'confirmed' FROM holdfast.passes_spent s
      WHERE s.event_id = p_event AND s.user_id = p_user AND s.pass = p_score))
$$;

-- Gives a place up, and with it the pass that may have come of it. What a booking was confirmed with stays so,
-- also where that commits meanwhile: the pass is spent once. Answers left or confirmed.
CREATE FUNCTION queue_room_leave(p_event integer, p_epoch integer, p_number bigint, p_user uuid,
  p_score bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF NOT queue_line_found(p_event, '', p_epoch) THEN
    RAISE EXCEPTION 'no such line' USING ERRCODE = 'HF104';
  END IF;
  INSERT INTO passes_spent (event_id, user_id, pass) VALUES (p_event, p_user, p_score)
    ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN queue_room_end(p_event, p_epoch, p_number, p_user, p_score);
  END IF;
  INSERT INTO queue_tickets (event_id, line, epoch, number, user_id, outcome)
    VALUES (p_event, '', p_epoch, p_number, p_user, 'left')
    ON CONFLICT DO NOTHING;
  RETURN 'left';
END
$$;

GRANT EXECUTE ON FUNCTION queue_room TO holdfast_queue, holdfast_queue_advance;
GRANT EXECUTE ON FUNCTION queue_room_end, queue_room_leave TO holdfast_queue;

COMMIT;
