-- Venues, events, sections, and the static layout of seats: what a sale reads and never changes.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE TABLE venues (
  venue_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner_id   uuid NOT NULL REFERENCES users (user_id),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  address    text NOT NULL DEFAULT '' CHECK (length(address) <= 500),
  timezone   text NOT NULL DEFAULT 'UTC',
  -- [{"name": …, "sections": [as in an event]}], checked when it is written
  layouts    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(layouts) = 'array'),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE events (
  event_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY CHECK (event_id > 0),
  organizer_id   uuid NOT NULL REFERENCES users (user_id),
  venue_id       integer REFERENCES venues (venue_id),
  title          text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  description    text NOT NULL DEFAULT '' CHECK (length(description) <= 10000),
  event_date     timestamptz NOT NULL,
  timezone       text NOT NULL DEFAULT 'UTC',
  sales_start    timestamptz NOT NULL DEFAULT now(),
  sales_end      timestamptz NOT NULL,
  status         text NOT NULL DEFAULT 'on_sale'
    CHECK (status IN ('draft', 'on_sale', 'closed', 'cancelled')),
  currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  -- null: the configuration's value at the moment of the hold
  hold_seconds          integer CHECK (hold_seconds BETWEEN 1 AND 86400),
  max_seats_per_booking integer CHECK (max_seats_per_booking BETWEEN 1 AND 500),
  max_seats_per_user    integer CHECK (max_seats_per_user BETWEEN 1 AND 100000),
  payment        text NOT NULL DEFAULT 'none' CHECK (payment IN ('none', 'stripe')),
  payment_since  timestamptz NOT NULL DEFAULT now(), -- so
  queue          text NOT NULL DEFAULT 'off' CHECK (queue IN ('off', 'on')),
  refund_policy  jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(refund_policy) = 'array'),
  -- whether prices move by themselves, and what of their rule is not as configured
  pricing        jsonb NOT NULL DEFAULT '{"enabled": false}' CHECK ((
    jsonb_typeof(pricing -> 'enabled') = 'boolean'
    AND pricing - '{enabled,floor_percent,ceiling_percent,step_percent,round_to}'::text[] = '{}'
    AND coalesce((pricing ->> 'floor_percent')::bigint, 1) BETWEEN 1 AND 100
    AND coalesce((pricing ->> 'ceiling_percent')::bigint, 100) BETWEEN 100 AND 1000
    AND coalesce((pricing ->> 'step_percent')::bigint, 1) BETWEEN 1 AND 1000
    AND coalesce((pricing ->> 'round_to')::bigint, 1) BETWEEN 1 AND 100000000) IS TRUE),
  -- of an event whose queue is on: when its waiting room opens, and whom it lets in; what is left out is
  -- as configured (opens_at: when sales start)
  waiting_room   jsonb NOT NULL DEFAULT '{}' CHECK ((
    jsonb_typeof(waiting_room) = 'object'
    AND waiting_room - '{opens_at,admit_per_minute,inside_max,stale_after_seconds,grace_seconds,pass_seconds}'::text[]
      = '{}'
    AND coalesce(waiting_room ->> 'opens_at', '2000-01-01T00:00:00Z')
      ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'
    AND coalesce((waiting_room ->> 'admit_per_minute')::bigint, 1) BETWEEN 1 AND 1000000
    AND coalesce((waiting_room ->> 'inside_max')::bigint, 1) BETWEEN 1 AND 1000000
    AND coalesce((waiting_room ->> 'stale_after_seconds')::bigint, 5) BETWEEN 5 AND 3600
    AND coalesce((waiting_room ->> 'grace_seconds')::bigint, 0) BETWEEN 0 AND 86400
    AND coalesce((waiting_room ->> 'pass_seconds')::bigint, 10) BETWEEN 10 AND 86400) IS TRUE),
  version        integer NOT NULL DEFAULT 1 CHECK (version > 0),
  layout_version integer NOT NULL DEFAULT 1 CHECK (layout_version > 0),
  seats_count    integer NOT NULL DEFAULT 0 CHECK (seats_count >= 0), -- the next free position
  created_at     timestamptz NOT NULL DEFAULT now(),
  CHECK (sales_start <= sales_end)
);

-- GET /events: upcoming, soonest first, keyset (event_date, event_id).
CREATE INDEX events_upcoming ON events (event_date, event_id) WHERE status IN ('on_sale', 'closed');
CREATE INDEX events_organizer ON events (organizer_id, event_date);
-- Those whose prices move, in the order in which the job goes through them.
CREATE INDEX events_pricing ON events (event_id)
  WHERE status = 'on_sale' AND (pricing -> 'enabled')::boolean;

CREATE TABLE event_moves (
  from_status text NOT NULL,
  to_status   text NOT NULL,
  PRIMARY KEY (from_status, to_status)
);
INSERT INTO event_moves VALUES
  ('draft', 'on_sale'), ('on_sale', 'closed'), ('closed', 'on_sale'),
  ('draft', 'cancelled'), ('on_sale', 'cancelled'), ('closed', 'cancelled');

CREATE FUNCTION event_move_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM event_moves m
      WHERE m.from_status = OLD.status AND m.to_status = NEW.status) THEN
    RAISE EXCEPTION 'an event cannot go from % to %', OLD.status, NEW.status
      USING ERRCODE = 'HF206', DETAIL = json_build_object('status', OLD.status);
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER event_move_guard BEFORE UPDATE OF status ON events
  FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION event_move_guard();

CREATE FUNCTION event_payment_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  NEW.payment_since := now();
  RETURN NEW;
END
$$;
CREATE TRIGGER event_payment_changes BEFORE UPDATE OF payment ON events
  FOR EACH ROW WHEN (OLD.payment <> NEW.payment) EXECUTE FUNCTION event_payment_changes();

CREATE TABLE sections (
  event_id   integer NOT NULL REFERENCES events (event_id),
  section_no smallint NOT NULL CHECK (section_no >= 0),
  section_id text NOT NULL CHECK (section_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  kind       text NOT NULL CHECK (kind IN ('ga', 'seated')),
  -- seated: the number of its seats that are not killed
  capacity   integer NOT NULL CHECK (capacity BETWEEN 0 AND 1000000),
  version    integer NOT NULL DEFAULT 1 CHECK (version > 0),
  base_price bigint NOT NULL DEFAULT 0 CHECK (base_price BETWEEN 0 AND 100000000000),
  price      bigint NOT NULL DEFAULT 0 CHECK (price BETWEEN 0 AND 100000000000),
  PRIMARY KEY (event_id, section_no),
  UNIQUE (event_id, section_id)
);

-- Every change of a section's price. inputs: what the rule was given and made of it; null where
-- somebody set the price.
CREATE TABLE price_changes (
  event_id   integer NOT NULL,
  change_no  bigint GENERATED ALWAYS AS IDENTITY,
  section_no smallint NOT NULL,
  old_price  bigint NOT NULL CHECK (old_price BETWEEN 0 AND 100000000000),
  new_price  bigint NOT NULL CHECK (new_price BETWEEN 0 AND 100000000000),
  reason     text NOT NULL CHECK (reason ~ '^[a-z_]+$'),
  inputs     jsonb CHECK (jsonb_typeof(inputs) = 'object'),
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, change_no),
  FOREIGN KEY (event_id, section_no) REFERENCES sections (event_id, section_no),
  CHECK (old_price <> new_price)
);
-- The last change by the rule.
CREATE INDEX price_changes_last ON price_changes (event_id, section_no, changed_at DESC)
  WHERE inputs IS NOT NULL;

-- position is dense from 0 in its event, never reused or renumbered.
CREATE TABLE seats (
  event_id   integer NOT NULL,
  position   integer NOT NULL CHECK (position >= 0),
  seat_id    text NOT NULL CHECK (length(seat_id) BETWEEN 1 AND 100),
  section_no smallint NOT NULL,
  row_label  text NOT NULL,
  label      text NOT NULL,          -- the number as printed
  adjacency  integer NOT NULL,       -- neighbours in a row differ by 1; a gap is an aisle
  x          real NOT NULL DEFAULT 0,
  y          real NOT NULL DEFAULT 0,
  price      bigint CHECK (price BETWEEN 0 AND 100000000000), -- null: the section's
  PRIMARY KEY (event_id, position),
  UNIQUE (event_id, seat_id),
  FOREIGN KEY (event_id, section_no) REFERENCES sections (event_id, section_no)
);

CREATE FUNCTION seat_layout_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'a seat keeps its position, id and section for good' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER seat_layout_guard BEFORE UPDATE OF event_id, position, seat_id, section_no ON seats
  FOR EACH ROW EXECUTE FUNCTION seat_layout_guard();

COMMIT;
