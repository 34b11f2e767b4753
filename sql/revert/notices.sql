BEGIN;
DROP FUNCTION holdfast.log_list, holdfast.notice_show, holdfast.log_publish, holdfast.notice_changed,
  holdfast.notice_cancelled, holdfast.notice_write;
DROP TABLE holdfast.event_logs, holdfast.notices, holdfast.notices_new, holdfast.notice_kinds;
COMMIT;
