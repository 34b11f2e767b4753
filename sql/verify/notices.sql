SELECT event_id, notice_no, booking_id, kind, data, written_at FROM holdfast.notices_new WHERE false;
SELECT event_id, position, booking_id, kind, data, written_at, published_at FROM holdfast.notices WHERE false;
SELECT event_id, last, spread, spread_user FROM holdfast.event_logs WHERE false;
SELECT 1 / count(*) FROM holdfast.notice_kinds;
SELECT has_function_privilege('holdfast.notice_write(integer, uuid, text, jsonb)', 'execute');
SELECT has_function_privilege('holdfast.log_list(integer, uuid, boolean, bigint, integer)', 'execute');
