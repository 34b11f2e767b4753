SELECT 1 / count(*) FROM holdfast.job_schedule WHERE name = 'queue-advance';
SELECT event_id, line, epoch, begun_at, waits_until FROM holdfast.queue_lines WHERE false;
SELECT event_id, line, epoch, number, user_id, outcome, reason, booking_id FROM holdfast.queue_tickets WHERE false;
