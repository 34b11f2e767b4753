BEGIN;
DROP VIEW holdfast.booking_items;
DROP TABLE holdfast.answers, holdfast.ga_counts, holdfast.ga_claims, holdfast.seat_claims,
  holdfast.passes_spent, holdfast.bookings, holdfast.booking_moves, holdfast.booking_states;
DROP TYPE holdfast.booking_view;
DROP FUNCTION holdfast.booking_begins(), holdfast.booking_changes(), holdfast.booking_items_guard(),
  holdfast.claim_is_sound("char", uuid, timestamptz), holdfast.ga_count_guard(),
  holdfast.ga_count_moves(), holdfast.ga_claim_added(), holdfast.ga_claim_changed(),
  holdfast.ga_claims_removed();
COMMIT;
