-- Bookings, claims, counters and kept answers. Only the functions of the following changes write
-- here: no role has rights on these tables.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE TABLE booking_states (
  status text PRIMARY KEY,
  live   boolean NOT NULL -- holds places (until its deadline, where it has one)
);
INSERT INTO booking_states VALUES
  ('HOLD', true), ('RESERVED', true), ('CONFIRMED', true), ('EXPIRED', false), ('RELEASED', false),
  ('CANCELLED', false), ('REFUNDED', false), ('PAID_UNFULFILLED', false);

CREATE TABLE booking_moves (
  from_status text NOT NULL REFERENCES booking_states,
  to_status   text NOT NULL REFERENCES booking_states,
  PRIMARY KEY (from_status, to_status)
);
INSERT INTO booking_moves VALUES
  ('HOLD', 'RESERVED'), ('HOLD', 'CONFIRMED'), ('HOLD', 'EXPIRED'), ('HOLD', 'RELEASED'),
  ('RESERVED', 'HOLD'), ('RESERVED', 'CONFIRMED'), ('RESERVED', 'EXPIRED'), ('RESERVED', 'RELEASED'),
  ('CONFIRMED', 'CANCELLED'), ('CANCELLED', 'REFUNDED'),
  ('EXPIRED', 'CONFIRMED'), ('RELEASED', 'CONFIRMED'),
  ('EXPIRED', 'PAID_UNFULFILLED'), ('RELEASED', 'PAID_UNFULFILLED'),
  ('PAID_UNFULFILLED', 'REFUNDED');

-- A booking carries its items as arrays that never change: numbered seats as positions, general
-- admission as sections with quantities, each with its unit price. What a partial cancel took away
-- stands in the gone_ columns. Foreign keys to events and users are left out: a hold would lock the
-- event's row with everybody else; the functions and holdfast-verify guard them.
CREATE TABLE bookings (
  event_id         integer NOT NULL,
  booking_id       uuid NOT NULL,
  user_id          uuid NOT NULL,
  status           text NOT NULL DEFAULT 'HOLD',
  version          integer NOT NULL DEFAULT 1,
  places           integer NOT NULL,                     -- those that still stand
  positions        integer[] NOT NULL,
  seat_prices      bigint[] NOT NULL,
  section_nos      smallint[] NOT NULL,
  quantities       integer[] NOT NULL,
  section_prices   bigint[] NOT NULL,
  gone_positions   integer[] NOT NULL DEFAULT '{}',
  gone_quantities  integer[],                            -- as section_nos; null: none
  total            bigint NOT NULL,                      -- of all items, as held
  currency         text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  first_expires_at timestamptz NOT NULL,
  expires_at       timestamptz NOT NULL,
  confirmed_at     timestamptz,
  ended_at         timestamptz,                          -- released, expired or cancelled
  release_asked_at timestamptz,                          -- a wish to release that waits for a payment
  cancel_reason    text,
  key              text,
  fingerprint      text,
  pass             bigint,                               -- of the waiting room, where one was shown
  extensions       smallint,                             -- of its hold; null: none
  attempts         smallint,                             -- to pay it; null: none
  late             boolean,                              -- confirmed by money that came when it had ended
  PRIMARY KEY (event_id, booking_id)
) WITH (fillfactor = 85);

-- The buyer's total in an event, and the caller's live holds. A move of one booking must not name its
-- status as a constant: as long as little is known of the tables, or what is known is old, that would
-- lead the planner to this index, and through every live booking of the event.
CREATE INDEX bookings_live ON bookings (event_id, user_id)
  WHERE status IN ('HOLD', 'RESERVED', 'CONFIRMED');
-- A buyer's history, newest first.
CREATE INDEX bookings_history ON bookings (user_id, created_at DESC, booking_id DESC);

-- Passes of waiting rooms that a booking was confirmed with: no hold is made with one again.
CREATE TABLE passes_spent (
  event_id integer NOT NULL,
  user_id  uuid NOT NULL,
  pass     bigint NOT NULL CHECK (pass > 0),
  spent_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, user_id, pass)
);

-- What may be written of a booking. These are triggers, and not CHECKs: the server reads the text of
-- every CHECK anew in each statement, which took a third of the time of a hold. As with a CHECK, what
-- is unknown passes. They run within functions that fix the search path, and name tables in full: to
-- set it once more at each row would cost as much as the rest of them.
CREATE FUNCTION booking_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.status = 'HOLD' AND NEW.version > 0 AND NEW.places >= 0 AND NEW.total >= 0
      AND cardinality(NEW.positions) + cardinality(NEW.section_nos) > 0
      AND cardinality(NEW.positions) = cardinality(NEW.seat_prices)
      AND cardinality(NEW.section_nos) = cardinality(NEW.quantities)
      AND cardinality(NEW.section_nos) = cardinality(NEW.section_prices)
      AND 0 < ALL (NEW.quantities) AND NEW.gone_positions = '{}' AND NEW.gone_quantities IS NULL
      AND (NEW.key IS NULL) = (NEW.fingerprint IS NULL)
      AND (NEW.key IS NULL OR length(NEW.key) BETWEEN 1 AND 255)) IS NOT FALSE THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a booking begins as HOLD, with items' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER booking_begins BEFORE INSERT ON bookings
  FOR EACH ROW EXECUTE FUNCTION booking_begins();

CREATE FUNCTION booking_changes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> NEW.status THEN
    PERFORM FROM holdfast.booking_moves m
      WHERE m.from_status = OLD.status AND m.to_status = NEW.status;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'a booking cannot go from % to %', OLD.status, NEW.status
        USING ERRCODE = 'HF206', DETAIL = json_build_object('status', OLD.status);
    END IF;
  END IF;
  IF (NEW.version > 0 AND NEW.places >= 0
      AND (NEW.status <> 'CONFIRMED' OR NEW.confirmed_at IS NOT NULL)
      AND (NEW.gone_quantities IS NULL
        OR cardinality(NEW.gone_quantities) = cardinality(NEW.section_nos))
      AND (NEW.cancel_reason IS NULL OR length(NEW.cancel_reason) <= 500)) IS NOT FALSE THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a booking would not be sound' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER booking_changes BEFORE UPDATE ON bookings
  FOR EACH ROW EXECUTE FUNCTION booking_changes();

CREATE FUNCTION booking_items_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the items of a booking never change' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER booking_items_guard BEFORE UPDATE OF event_id, booking_id, user_id, positions,
    seat_prices, section_nos, quantities, section_prices, total, currency, created_at,
    first_expires_at, key, fingerprint, pass ON bookings
  FOR EACH ROW EXECUTE FUNCTION booking_items_guard();
CREATE TRIGGER booking_kept BEFORE DELETE ON bookings
  FOR EACH ROW EXECUTE FUNCTION booking_items_guard();
CREATE TRIGGER bookings_kept BEFORE TRUNCATE ON bookings
  FOR EACH STATEMENT EXECUTE FUNCTION booking_items_guard();

-- What a claim may be: held until then, or for good; x: kept from sale, for nobody. One function for
-- what would be several CHECKs, since each is parsed anew in every statement.
CREATE FUNCTION claim_is_sound(p_state "char", p_booking uuid, p_expires timestamptz)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE WHEN p_state IN ('h', 'r') THEN p_booking IS NOT NULL AND p_expires < 'infinity'
    WHEN p_state = 'b' THEN p_booking IS NOT NULL AND p_expires = 'infinity'
    ELSE p_state = 'x' AND p_booking IS NULL AND p_expires = 'infinity' END;
END
$$;

-- The live truth of numbered seats. state: h held, r reserved, b booked, x not for sale.
-- A claim whose expires_at has passed counts as free; whoever takes it over leaves the ended
-- booking's id in taken_from, for the same statement to return.
CREATE TABLE seat_claims (
  event_id   integer NOT NULL,
  position   integer NOT NULL,
  booking_id uuid,
  state      "char" NOT NULL,
  expires_at timestamptz NOT NULL,
  taken_from uuid,
  PRIMARY KEY (event_id, position),
  CHECK (claim_is_sound(state, booking_id, expires_at))
) WITH (fillfactor = 85);
-- The due, for those who tidy.
CREATE INDEX seat_claims_due ON seat_claims (expires_at) WHERE state IN ('h', 'r');

-- General admission: one claim a section and booking.
CREATE TABLE ga_claims (
  event_id   integer NOT NULL,
  section_no smallint NOT NULL,
  booking_id uuid NOT NULL,
  quantity   integer NOT NULL CHECK (quantity > 0),
  state      "char" NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (event_id, booking_id, section_no),
  CHECK (claim_is_sound(state, booking_id, expires_at))
) WITH (fillfactor = 85);
CREATE INDEX ga_claims_due ON ga_claims (event_id, section_no, expires_at) WHERE state IN ('h', 'r');

-- taken is the sum of the section's claims, due ones included until they are given back.
CREATE TABLE ga_counts (
  event_id   integer NOT NULL,
  section_no smallint NOT NULL,
  capacity   integer NOT NULL,
  taken      integer NOT NULL DEFAULT 0,
  PRIMARY KEY (event_id, section_no),
  FOREIGN KEY (event_id, section_no) REFERENCES sections (event_id, section_no),
  CHECK (0 <= taken AND taken <= capacity)
) WITH (fillfactor = 50);

-- taken moves with the claims and in no other way.
CREATE FUNCTION ga_count_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = holdfast, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the count of a section is changed by its claims alone' USING ERRCODE = '23514';
END
$$;
-- Asked within: a WHEN is parsed anew in every statement, as a CHECK is.
CREATE FUNCTION ga_count_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() > 1 THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the count of a section is changed by its claims alone' USING ERRCODE = '23514';
END
$$;
CREATE TRIGGER ga_count_moves BEFORE UPDATE OF taken ON ga_counts
  FOR EACH ROW EXECUTE FUNCTION ga_count_moves();
CREATE TRIGGER ga_count_begins BEFORE INSERT ON ga_counts
  FOR EACH ROW WHEN (NEW.taken <> 0) EXECUTE FUNCTION ga_count_guard();
CREATE TRIGGER ga_count_stays BEFORE UPDATE OF event_id, section_no ON ga_counts
  FOR EACH ROW EXECUTE FUNCTION ga_count_guard();
CREATE TRIGGER ga_count_ends BEFORE DELETE ON ga_counts
  FOR EACH ROW WHEN (OLD.taken <> 0) EXECUTE FUNCTION ga_count_guard();
CREATE TRIGGER ga_counts_kept BEFORE TRUNCATE ON ga_counts
  FOR EACH STATEMENT EXECUTE FUNCTION ga_count_guard();
CREATE TRIGGER ga_claims_kept BEFORE TRUNCATE ON ga_claims
  FOR EACH STATEMENT EXECUTE FUNCTION ga_count_guard();

CREATE FUNCTION ga_claim_added() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE holdfast.ga_counts SET taken = taken + NEW.quantity
    WHERE event_id = NEW.event_id AND section_no = NEW.section_no
      AND taken + NEW.quantity <= capacity;
  IF NOT FOUND THEN
    -- The caller gives back what is due and tries once more, or says sold out.
    RAISE EXCEPTION 'the section is full' USING ERRCODE = 'HF290';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER ga_claim_added AFTER INSERT ON ga_claims
  FOR EACH ROW EXECUTE FUNCTION ga_claim_added();

-- The last of a claim's places, or some of them. Whoever changes claims of several sections in one
-- statement has locked their counters before.
CREATE FUNCTION ga_claim_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.event_id, NEW.section_no, NEW.booking_id) <> (OLD.event_id, OLD.section_no, OLD.booking_id) THEN
    RAISE EXCEPTION 'a claim stays where it is' USING ERRCODE = '23514';
  END IF;
  UPDATE holdfast.ga_counts SET taken = taken + NEW.quantity - OLD.quantity
    WHERE event_id = NEW.event_id AND section_no = NEW.section_no;
  RETURN NULL;
END
$$;
CREATE TRIGGER ga_claim_changed
  AFTER UPDATE OF quantity, event_id, section_no, booking_id ON ga_claims
  FOR EACH ROW EXECUTE FUNCTION ga_claim_changed();

-- One update a section, ascending, however many claims go. Summed up in a loop: an aggregate costs more
-- to set up than the one row that most statements take away.
CREATE FUNCTION ga_claims_removed() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  c         record;
  v_event   integer;
  v_section smallint;
  v_taken   integer := 0;
BEGIN
  FOR c IN SELECT o.event_id, o.section_no, o.quantity FROM removed o ORDER BY 1, 2 LOOP
    IF v_event <> c.event_id OR v_section <> c.section_no THEN
      UPDATE holdfast.ga_counts SET taken = taken - v_taken
        WHERE event_id = v_event AND section_no = v_section;
      v_taken := 0;
    END IF;
    v_event := c.event_id;
    v_section := c.section_no;
    v_taken := v_taken + c.quantity;
  END LOOP;
  UPDATE holdfast.ga_counts SET taken = taken - v_taken
    WHERE event_id = v_event AND section_no = v_section;
  RETURN NULL;
END
$$;
CREATE TRIGGER ga_claims_removed AFTER DELETE ON ga_claims
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION ga_claims_removed();

-- A booking as the world sees it: what a read shows, and what a kept answer keeps. Written as JSON
-- by one writer, outside (building JSON here costs a hold more than all the rest).
CREATE TYPE booking_view AS (
  booking_id       uuid,
  event_id         integer,
  status           text,
  seat_ids         text[],    -- with seat_section_ids and seat_prices, in layout order
  seat_section_ids text[],
  seat_prices      bigint[],
  section_ids      text[],    -- general admission, with quantities and section_prices
  quantities       integer[],
  section_prices   bigint[],
  total            bigint,
  currency         text,
  expires_at       timestamptz,
  created_at       timestamptz,
  confirmed_at     timestamptz,
  cancelled_at     timestamptz,
  version          integer,
  payment          text       -- JSON, as answers have it
);

-- Answers of keyed operations other than holds, whose answer is rebuilt from the booking itself.
-- event_id 0: an operation outside events. Kept for 24 hours at least.
CREATE TABLE answers (
  event_id    integer NOT NULL,
  user_id     uuid NOT NULL,
  operation   text NOT NULL,
  key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  fingerprint text NOT NULL,
  status      smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
  booking     booking_view,   -- the answer is this booking, or
  body        text,           -- this text
  extensions_left integer,    -- told beside the booking of an extension
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, user_id, operation, key),
  CHECK ((booking IS DISTINCT FROM NULL) <> (body IS NOT NULL))
);
CREATE INDEX answers_age ON answers (created_at);

CREATE VIEW booking_items AS
  SELECT b.event_id, b.booking_id, s.position, NULL::smallint AS section_no, 1 AS quantity,
      s.price AS unit_price, s.position = ANY (b.gone_positions) AS gone
    FROM bookings b, unnest(b.positions, b.seat_prices) AS s (position, price)
  UNION ALL
  SELECT b.event_id, b.booking_id, NULL, g.section_no,
      g.quantity - coalesce(g.gone, 0), g.price, g.quantity = coalesce(g.gone, 0)
    FROM bookings b,
      unnest(b.section_nos, b.quantities, b.section_prices, b.gone_quantities)
        AS g (section_no, quantity, price, gone);

COMMIT;
