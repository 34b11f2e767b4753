-- pricing/next: the sections of the next event whose prices move; only: of this event alone.
-- in: after int, only int?, defaults jsonb
-- out: event_id int, version int, section_no int, section_id text, base_price bigint, price bigint,
-- out: capacity int, sold bigint, sales_start bigint, sales_end bigint, at bigint, changed bigint,
-- out: floor_percent bigint, ceiling_percent bigint, step_percent bigint, round_to bigint
-- by: pricing
select event_id, version, section_no, section_id, base_price, price, capacity, sold, sales_start,
    sales_end, at, changed, floor_percent, ceiling_percent, step_percent, round_to
  from holdfast.pricing_next($1, $2, $3)
