-- filter/counts: places by section, out of the claims.
-- in: event int
-- out: section_id text, capacity int, held bigint, sold bigint, clock_ms bigint
-- by: booking catalog admin
select section_id, capacity, held, sold,
    floor(extract(epoch from clock_timestamp()) * 1000)::bigint as clock_ms
  from holdfast.section_counts($1)
