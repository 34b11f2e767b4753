BEGIN;
SET LOCAL search_path = holdfast, public;
DROP FUNCTION hold, hold_same, sales_window, places_unknown, section_left, ga_give_back,
  bookings_close_due, booking_show, key_lock, key_in_flight;
DROP TYPE hold_result;
COMMIT;
