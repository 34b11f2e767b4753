-- queue/ticket: how a ticket ended; no row: it has not. booking: that it is served with. status: of its booking, as everybody sees it.
-- in: event int, line text, epoch int, number bigint, user uuid, booking uuid
-- out: outcome text, reason text, booking_id uuid, status text, expires_ms bigint
-- by: queue
select outcome, reason, booking_id, status, (extract(epoch from expires_at) * 1000)::bigint
  from holdfast.queue_ticket($1, $2, $3, $4, $5, $6)
