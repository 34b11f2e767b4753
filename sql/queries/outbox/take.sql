-- outbox/take: deliveries that are due, each noted as tried; slow: of receivers that are slow, or of all others; body: a webhook's, or what a mail tells.
-- in: channel text, limit int, slow bool
-- out: delivery_id uuid, template text, tries int, sent_at bigint, address text, secret text, body text
-- by: outbox
select delivery_id, template, tries, sent_at, address, secret, body from holdfast.outbox_take($1, $2, $3)
