-- filter/event: an event as the filter needs it; no row: there is none. Times in ms since 1970.
-- in: event int
-- out: open_from bigint, open_until bigint, hold_ms bigint, places_max int, layout_version int, seats int, sections text, clock_ms bigint, room text, kept_until bigint, kept_lines text, shown text
-- by: booking catalog reconcile verify queue queue-advance payment payment-sweep webhooks admin
select open_from, open_until, hold_ms, places_max, layout_version, seats, sections, clock_ms, room, kept_until, kept_lines,
    holdfast.event_shown($1) as shown
  from holdfast.filter_event($1)
