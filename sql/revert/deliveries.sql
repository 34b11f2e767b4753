BEGIN;
SET LOCAL search_path = holdfast, public;
DELETE FROM job_schedule WHERE name = 'outbox';
REVOKE EXECUTE ON FUNCTION job_begin, job_beat, job_end FROM holdfast_outbox;
DROP FUNCTION webhook_delete, webhook_list, webhook_create, webhook_show, delivery_resend, delivery_list,
  outbox_state, outbox_trim, outbox_told, outbox_take, outbox_pause, webhook_body, mail_facts, booking_tell,
  money_tell, time_tell, outbox_spread, deliveries_write, notice_is_broad;
DROP TABLE deliveries, delivery_lanes, webhooks;
COMMIT;
