-- What the live picture of an event is shown with.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- shared|layout version|prices in the order of the sections. shared: 1, everybody may see the event.
CREATE FUNCTION event_shown(p_event integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT concat_ws('|', (e.status <> 'draft')::integer, e.layout_version,
      (SELECT coalesce(string_agg(s.price::text, ',' ORDER BY s.section_no), '')
        FROM holdfast.sections s WHERE s.event_id = e.event_id))
    FROM holdfast.events e WHERE e.event_id = p_event
$$;

GRANT EXECUTE ON FUNCTION event_shown
  TO holdfast_booking, holdfast_catalog, holdfast_reconcile, holdfast_verify;

COMMIT;
