BEGIN;
SELECT event_id, booking_id, positions, section_nos, expires_at, pass FROM holdfast.bookings WHERE false;
SELECT event_id, user_id, pass, spent_at FROM holdfast.passes_spent WHERE false;
SELECT event_id, position, booking_id, state, expires_at FROM holdfast.seat_claims WHERE false;
SELECT event_id, section_no, booking_id, quantity, state FROM holdfast.ga_claims WHERE false;
SELECT event_id, section_no, capacity, taken FROM holdfast.ga_counts WHERE false;
SELECT event_id, user_id, operation, key, body FROM holdfast.answers WHERE false;
SELECT event_id, booking_id, position, gone FROM holdfast.booking_items WHERE false;
ROLLBACK;
