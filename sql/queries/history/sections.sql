-- history/sections: the sections of an event. No row: there is no such event.
-- in: event int
-- out: section_no int, section_id text, is_ga bool, capacity int, epoch int, begun_us bigint, max_per_user int, now_us bigint, event_status text, sales_start_us bigint, sales_end_us bigint, paid bool, room bool, wait_us bigint
-- by: history
select section_no, section_id, is_ga, capacity, epoch, begun_us, max_per_user, now_us, event_status,
  sales_start_us, sales_end_us, paid, room, wait_us from holdfast.history_sections($1)
