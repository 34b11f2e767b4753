BEGIN;
SET LOCAL search_path = holdfast, public;
DELETE FROM job_schedule WHERE name = 'outbox';
REVOKE EXECUTE ON FUNCTION job_begin, job_beat, job_end FROM holdfast_outbox;
DROP FUNCTION outbox_state, outbox_trim, outbox_bury, outbox_told, lane_told,
  outbox_take, outbox_pause, webhook_body,
  mail_facts, mail_name, booking_tell, money_tell, time_tell, outbox_spread, outbox_step, deliveries_write_broad,
  deliveries_write, mail_late, webhook_is_alive, notice_is_broad;
DROP TABLE deliveries, delivery_lanes, webhooks;
COMMIT;
