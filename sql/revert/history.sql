BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION history_strangers, history_tickets, history_answers, history_bookings, history_seats, history_sections, history_us;
COMMIT;
