-- pricing/apply: writes new prices of an event, if it is still at this version.
-- in: event int, version int, changes jsonb
-- out:
-- by: pricing
select holdfast.pricing_apply($1, $2, $3)
