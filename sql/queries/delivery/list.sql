-- delivery/list: deliveries of a status (null: any), newest first.
-- in: status text?, limit int
-- out: delivery_id uuid, status text, channel text, target_id uuid, event_id int, place bigint,
-- out: template text, tries int, created_at text, next_at text, error text
-- by: notices
select delivery_id, status, channel, target_id, event_id, place, template, tries, created_at, next_at, error
  from holdfast.delivery_list($1, $2)
