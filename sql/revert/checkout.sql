BEGIN;
SET LOCAL search_path = holdfast, public;
REVOKE EXECUTE ON FUNCTION job_begin, job_beat, job_end FROM holdfast_payment_sweep;
REVOKE EXECUTE ON FUNCTION event_shown, filter_known, filter_event, filter_entries, filter_some, filter_used,
  filter_seats FROM holdfast_payment, holdfast_payment_sweep, holdfast_webhooks;
DELETE FROM job_schedule WHERE name = 'payment-sweep';
DROP FUNCTION payments_due, payments_waiting, payments_give_up, payment_asked, payment_opened, checkout, booking_unpaid, payment_outcome;
DROP TYPE checkout_result, payment_result;
COMMIT;
