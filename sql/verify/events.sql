BEGIN;
SELECT venue_id, owner_id, name, address, timezone, layouts FROM holdfast.venues WHERE false;
SELECT event_id, status, pricing, version, layout_version, seats_count FROM holdfast.events WHERE false;
SELECT from_status, to_status FROM holdfast.event_moves WHERE false;
SELECT event_id, section_no, section_id, capacity, price FROM holdfast.sections WHERE false;
SELECT event_id, change_no, old_price, new_price, inputs FROM holdfast.price_changes WHERE false;
SELECT event_id, position, seat_id, section_no, price FROM holdfast.seats WHERE false;
ROLLBACK;
