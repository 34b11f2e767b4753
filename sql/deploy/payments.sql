-- Money: the payments of bookings, what goes back of them, and which notices of a provider were seen.
-- Only the functions of this and the following changes write here. Locks come after those of bookings:
-- payments first, then refunds.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- Whoever works on the money of one booking does it alone: a provider tells the same thing twice, and a
-- sweep asks about it in the same moment. Taken like the lock of a key, before all others.
CREATE FUNCTION payment_lock(p_booking uuid) RETURNS void
LANGUAGE sql SET search_path = holdfast, pg_temp AS $$
  SELECT pg_advisory_xact_lock(hashtextextended(p_booking::text, 4))
$$;

-- opening: not yet known to the provider, or its answer was lost; open: the buyer can pay. Money that
-- has arrived always counts, whatever was thought of the payment before.
CREATE TABLE payment_moves (
  from_status text NOT NULL,
  to_status   text NOT NULL,
  PRIMARY KEY (from_status, to_status)
);
INSERT INTO payment_moves VALUES
  ('opening', 'open'), ('opening', 'failed'), ('opening', 'cancelled'), ('opening', 'succeeded'),
  ('open', 'failed'), ('open', 'cancelled'), ('open', 'succeeded'),
  ('failed', 'succeeded'), ('cancelled', 'succeeded');

-- One row an attempt to pay a booking. A foreign key to bookings would make every move of every booking
-- ask here; bookings are never deleted, and holdfast-verify looks.
CREATE TABLE payments (
  event_id          integer NOT NULL,
  booking_id        uuid NOT NULL,
  attempt           smallint NOT NULL CHECK (attempt > 0),
  provider          text NOT NULL CHECK (provider IN ('stripe', 'elsewhere')), -- the word of staff
  provider_id       text CHECK (length(provider_id) BETWEEN 1 AND 255),
  reference         text CHECK (length(reference) <= 200),    -- what staff noted
  status            text NOT NULL CHECK (status IN ('opening', 'open', 'succeeded', 'failed', 'cancelled')),
  amount            bigint NOT NULL CHECK (amount > 0),       -- to be paid
  currency          text NOT NULL,
  captured          bigint NOT NULL DEFAULT 0 CHECK (captured >= 0),
  captured_currency text,                                     -- where it is another one
  refunding         bigint NOT NULL DEFAULT 0,                -- the sum of its refunds
  error             text CHECK (length(error) <= 500),
  declined          text CHECK (length(declined) <= 255),     -- the last try that was, as the provider names it
  created_at        timestamptz NOT NULL DEFAULT now(),
  asked_at          timestamptz NOT NULL DEFAULT now(),       -- the provider, about it; see payment_asked()
  ends_at           timestamptz NOT NULL DEFAULT 'infinity',  -- nobody waits for it from then on: is to be asked
  processing_since  timestamptz,                              -- the provider's last word was that it is under way
  settled_at        timestamptz,                              -- when its status became a last one
  PRIMARY KEY (event_id, booking_id, attempt),
  CHECK (refunding BETWEEN 0 AND captured),
  CHECK (captured = 0 OR status = 'succeeded'),
  CHECK ((status IN ('opening', 'open')) = (settled_at IS NULL))
);
CREATE UNIQUE INDEX payments_open ON payments (event_id, booking_id) WHERE status IN ('opening', 'open');
-- A provider's notice names the payment, and need not name the event.
CREATE UNIQUE INDEX payments_provider ON payments (provider, provider_id);
CREATE INDEX payments_asked ON payments (asked_at) WHERE status IN ('opening', 'open');
CREATE INDEX payments_ends ON payments (ends_at) WHERE status IN ('opening', 'open');
CREATE INDEX payments_opening ON payments (created_at) WHERE status = 'opening';

CREATE FUNCTION payment_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF TG_OP <> 'UPDATE' THEN
    RAISE EXCEPTION 'money is never forgotten' USING ERRCODE = '23514';
  ELSIF OLD.status <> NEW.status AND NOT EXISTS (SELECT FROM payment_moves m
      WHERE m.from_status = OLD.status AND m.to_status = NEW.status) THEN
    RAISE EXCEPTION 'a payment cannot go from % to %', OLD.status, NEW.status USING ERRCODE = '23514';
  ELSIF (NEW.event_id, NEW.booking_id, NEW.attempt, NEW.provider, NEW.amount, NEW.currency, NEW.created_at)
      <> (OLD.event_id, OLD.booking_id, OLD.attempt, OLD.provider, OLD.amount, OLD.currency, OLD.created_at)
      OR NEW.provider_id IS DISTINCT FROM OLD.provider_id AND OLD.provider_id IS NOT NULL
      OR OLD.status = 'succeeded' AND NEW.captured <> OLD.captured
      OR NEW.refunding < OLD.refunding THEN
    RAISE EXCEPTION 'what is known of a payment does not change' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER payment_changes BEFORE UPDATE OR DELETE ON payments
  FOR EACH ROW EXECUTE FUNCTION payment_changes();
CREATE TRIGGER payments_kept BEFORE TRUNCATE ON payments
  FOR EACH STATEMENT EXECUTE FUNCTION payment_changes();

-- Money that goes back. It is owed from the moment the row is there, and stays owed when it has failed.
-- sent: the provider has it, and has not yet said that it is done. outside: made at the provider, not here.
CREATE TABLE refunds (
  event_id    integer NOT NULL,
  refund_id   uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(), -- the provider's idempotency key too
  booking_id  uuid NOT NULL,
  attempt     smallint NOT NULL,
  amount      bigint NOT NULL CHECK (amount > 0),
  currency    text NOT NULL,
  reason      text NOT NULL
    CHECK (reason IN ('cancel', 'late', 'duplicate', 'event-cancelled', 'mismatch', 'outside')),
  status      text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'sent', 'done', 'failed')),
  tries       smallint NOT NULL DEFAULT 0,
  next_at     timestamptz NOT NULL,        -- infinity: whoever took the money gives it back
  provider_id text CHECK (length(provider_id) <= 255),
  error       text CHECK (length(error) <= 500),
  created_at  timestamptz NOT NULL DEFAULT now(),
  done_at     timestamptz,                 -- stays when the money comes back after all
  previous_ids uuid[] NOT NULL DEFAULT '{}', -- its ids of before it was sent again
  failed_ids  text[] NOT NULL DEFAULT '{}', -- the provider's ids of what has failed for good
  PRIMARY KEY (event_id, refund_id),
  FOREIGN KEY (event_id, booking_id, attempt) REFERENCES payments,
  CHECK (status <> 'done' OR done_at IS NOT NULL)
);
CREATE INDEX refunds_due ON refunds (next_at) WHERE status IN ('requested', 'sent');
CREATE INDEX refunds_previous ON refunds USING gin (previous_ids) WHERE previous_ids <> '{}';
CREATE INDEX refunds_booking ON refunds (event_id, booking_id);

CREATE FUNCTION refund_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.event_id, NEW.booking_id, NEW.attempt, NEW.amount, NEW.currency,
        NEW.reason, NEW.created_at)
      = (OLD.event_id, OLD.booking_id, OLD.attempt, OLD.amount, OLD.currency, OLD.reason, OLD.created_at)
      AND (NEW.refund_id = OLD.refund_id OR OLD.status = 'failed' AND OLD.refund_id = ANY (NEW.previous_ids))
      AND NEW.previous_ids @> OLD.previous_ids AND NEW.failed_ids @> OLD.failed_ids
      AND (NEW.done_at IS NOT NULL OR OLD.done_at IS NULL) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'money is never forgotten' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER refund_changes BEFORE UPDATE OR DELETE ON refunds
  FOR EACH ROW EXECUTE FUNCTION refund_changes();
CREATE TRIGGER refunds_kept BEFORE TRUNCATE ON refunds
  FOR EACH STATEMENT EXECUTE FUNCTION refund_changes();

-- Each notice of a provider acts once: it is noted by the transaction that acts on it.
CREATE TABLE payment_notices (
  provider  text NOT NULL,
  notice_id text NOT NULL CHECK (length(notice_id) BETWEEN 1 AND 255),
  seen_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (provider, notice_id)
);
CREATE INDEX payment_notices_age ON payment_notices (seen_at);

-- The money of a booking, as its answers tell it: of the last attempt, with the sums of all. JSON, which
-- is written here so that a hold, which has none, has one column more and not eight.
CREATE FUNCTION payment_show(b bookings) RETURNS text
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT format('{"payment_id":%s,"provider":"%s","status":"%s","amount":%s,"currency":"%s","captured":%s,'
      '"refunded":%s,"refund_owed":%s}', coalesce(to_json(p.provider_id)::text, 'null'), p.provider,
      p.status, p.amount, p.currency, coalesce(m.captured, 0), coalesce(r.done, 0), coalesce(r.owed, 0))
    FROM holdfast.payments p,
      (SELECT sum(a.captured) FILTER (WHERE a.captured_currency IS NULL) AS captured
        FROM holdfast.payments a WHERE a.event_id = b.event_id AND a.booking_id = b.booking_id) AS m,
      (SELECT sum(f.amount) FILTER (WHERE f.status = 'done') AS done,
          sum(f.amount) FILTER (WHERE f.status <> 'done') AS owed
        FROM holdfast.refunds f WHERE f.event_id = b.event_id AND f.booking_id = b.booking_id
          AND f.currency = b.currency) AS r
    WHERE p.event_id = b.event_id AND p.booking_id = b.booking_id
    ORDER BY p.attempt DESC LIMIT 1
$$;

-- A payment of a booking that somebody else has locked: its next attempt.
CREATE FUNCTION payment_begin(b bookings, p_provider text, p_provider_id text, p_status text,
  p_reference text) RETURNS payments
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  p payments;
BEGIN
  UPDATE bookings SET attempts = coalesce(attempts, 0) + 1
    WHERE event_id = b.event_id AND booking_id = b.booking_id RETURNING attempts INTO b.attempts;
  INSERT INTO payments (event_id, booking_id, attempt, provider, provider_id, status, reference, amount,
      currency, captured, settled_at, ends_at)
    VALUES (b.event_id, b.booking_id, b.attempts, p_provider, p_provider_id, p_status, p_reference,
      b.total, b.currency, CASE WHEN p_status = 'succeeded' THEN b.total ELSE 0 END,
      CASE WHEN p_status NOT IN ('opening', 'open') THEN now() END,
      CASE WHEN p_status IN ('opening', 'open') THEN b.expires_at ELSE 'infinity' END)
    RETURNING * INTO p;
  RETURN p;
END
$$;

-- Some money of a payment is to go back.
CREATE FUNCTION refund_ask(p payments, p_amount bigint, p_reason text) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  r refunds;
BEGIN
  UPDATE payments SET refunding = refunding + p_amount
    WHERE event_id = p.event_id AND booking_id = p.booking_id AND attempt = p.attempt;
  INSERT INTO refunds (event_id, booking_id, attempt, amount, currency, reason, next_at)
    VALUES (p.event_id, p.booking_id, p.attempt, p_amount, coalesce(p.captured_currency, p.currency),
      p_reason, CASE WHEN p.provider = 'elsewhere' THEN 'infinity'::timestamptz ELSE now() END)
    RETURNING * INTO r;
  PERFORM notice_write(r.event_id, r.booking_id, 'refund.requested', refund_notice(r));
END
$$;

CREATE FUNCTION refund_notice(r refunds) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = holdfast, pg_temp AS $$
  SELECT jsonb_build_object('refund_id', r.refund_id, 'amount', r.amount, 'currency', r.currency,
    'reason', r.reason)
$$;

-- What of an amount goes back when it is cancelled now: by the first rule of the event that has not run
-- out a part of it, rounded half up, less a fee; nothing after the last one. Everything where there is no
-- rule, or no event any more. Rounded down to a multiple of p_unit.
CREATE FUNCTION refund_part(p_event integer, p_amount bigint, p_unit integer) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  e      record;
  v_part bigint;
BEGIN
  SELECT status, refund_policy, timezone INTO e FROM events WHERE event_id = p_event;
  IF e.status = 'cancelled' OR e.refund_policy = '[]' THEN
    RETURN div(p_amount, p_unit) * p_unit;
  END IF;
  SELECT greatest(0, div(p_amount * r.percent + 50, 100) - coalesce(r.fee, 0)) INTO v_part
    FROM (SELECT CASE WHEN length(t.until) = 10 THEN t.until::timestamp AT TIME ZONE e.timezone
          ELSE t.until::timestamptz END AS until, t.percent, t.fee, t.at
        FROM (SELECT q.rule ->> 'until' AS until, (q.rule ->> 'percent')::numeric AS percent,
            (q.rule ->> 'fee')::bigint AS fee, q.at
          FROM jsonb_array_elements(e.refund_policy) WITH ORDINALITY AS q (rule, at)) AS t) AS r
    WHERE now() <= r.until ORDER BY r.until, r.at LIMIT 1;
  RETURN div(coalesce(v_part, 0), p_unit) * p_unit;
END
$$;

-- What goes back of a locked booking's items that are cancelled for p_amount: what the policy says, of
-- what was paid here and has not gone back. Money of another currency went back as a whole when it came.
-- In units of the provider where one has some of it, however the event is paid for by now.
CREATE FUNCTION refund_possible(b bookings, p_amount bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_left bigint;
  v_unit integer;
BEGIN
  IF b.attempts IS NULL THEN
    RETURN 0;
  END IF;
  SELECT coalesce(sum(q.captured - q.refunding), 0),
      CASE WHEN bool_or(q.provider <> 'elsewhere' AND q.captured > q.refunding) THEN provider_unit(b.currency) ELSE 1 END
    INTO v_left, v_unit
    FROM payments q WHERE q.event_id = b.event_id AND q.booking_id = b.booking_id;
  RETURN least(refund_part(b.event_id, p_amount, v_unit), v_left);
END
$$;

-- Asks it of the payments that have it.
CREATE FUNCTION refund_cancelled(b bookings, p_amount bigint) RETURNS void
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
DECLARE
  p        payments;
  v_part   bigint;
  v_reason text;
BEGIN
  IF p_amount = 0 THEN
    RETURN;
  END IF;
  SELECT CASE WHEN e.status = 'cancelled' THEN 'event-cancelled' ELSE 'cancel' END INTO v_reason
    FROM events e WHERE e.event_id = b.event_id;
  FOR p IN SELECT * FROM payments q
      WHERE q.event_id = b.event_id AND q.booking_id = b.booking_id AND q.captured > q.refunding
      ORDER BY q.attempt FOR UPDATE LOOP
    v_part := least(p_amount, p.captured - p.refunding);
    IF v_part > 0 THEN
      PERFORM refund_ask(p, v_part, v_reason);
      p_amount := p_amount - v_part;
    END IF;
  END LOOP;
  IF p_amount > 0 THEN
    RAISE EXCEPTION 'booking % lacks % to give back', b.booking_id, p_amount USING ERRCODE = 'XX001';
  END IF;
END
$$;

COMMIT;
