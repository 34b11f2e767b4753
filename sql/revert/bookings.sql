BEGIN;
DROP VIEW holdfast.booking_items;
DROP TABLE holdfast.answers, holdfast.ga_counts, holdfast.ga_claims, holdfast.seat_claims,
  holdfast.bookings, holdfast.booking_moves, holdfast.booking_states;
DROP TYPE holdfast.booking_view;
DROP FUNCTION holdfast.booking_guard(), holdfast.booking_items_guard(), holdfast.ga_count_guard(),
  holdfast.ga_claim_added(), holdfast.ga_claims_changed();
COMMIT;
