-- What the tests of the database start from: buyers, events, and calls with their usual arguments.
-- Loaded once by tests/sql/run, together with pgTAP and dblink, into a schema of its own.
CREATE SCHEMA tap;
CREATE EXTENSION pgtap SCHEMA tap;
CREATE EXTENSION dblink SCHEMA tap;
CREATE SCHEMA given;
SET search_path = holdfast, given, tap, public;

-- A buyer's id, made of a name. Holds need no row in users.
CREATE FUNCTION given.buyer(p_name text) RETURNS uuid
LANGUAGE sql IMMUTABLE RETURN md5('buyer ' || p_name)::uuid;

-- An event on sale: section VIP with p_seats numbered seats (VIP-A-1 …, 1000 each, the third 5000),
-- and two general-admission sections, FLOOR (300) and BALCONY (200).
CREATE FUNCTION given.event(p_seats integer DEFAULT 10, p_floor integer DEFAULT 5,
  p_balcony integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_event integer;
BEGIN
  INSERT INTO holdfast.users (user_id, email, password_hash, role)
    VALUES (given.buyer('organizer'), 'organizer@example.test',
      '$y$j9T$not.a.hash.of.any.password', 'organizer') ON CONFLICT DO NOTHING;
  INSERT INTO holdfast.events (organizer_id, title, event_date, sales_start, sales_end, currency,
      seats_count)
    VALUES (given.buyer('organizer'), 'An event', now() + interval '30 days',
      now() - interval '1 day', now() + interval '29 days', 'EUR', p_seats)
    RETURNING event_id INTO v_event;
  INSERT INTO holdfast.sections (event_id, section_no, section_id, name, kind, capacity,
      base_price, price)
    VALUES (v_event, 0, 'VIP', 'VIP', 'seated', p_seats, 1000, 1000),
      (v_event, 1, 'FLOOR', 'Floor', 'ga', p_floor, 300, 300),
      (v_event, 2, 'BALCONY', 'Balcony', 'ga', p_balcony, 200, 200);
  INSERT INTO holdfast.seats (event_id, position, seat_id, section_no, row_label, label, adjacency,
      price)
    SELECT v_event, i, 'VIP-A-' || i + 1, 0, 'A', i + 1, i, CASE WHEN i = 2 THEN 5000 END
      FROM generate_series(0, p_seats - 1) AS i;
  INSERT INTO holdfast.ga_counts (event_id, section_no, capacity)
    VALUES (v_event, 1, p_floor), (v_event, 2, p_balcony);
  RETURN v_event;
END
$$;

-- The seat ids of the given numbers.
CREATE FUNCTION given.seats(VARIADIC p_numbers integer[]) RETURNS text[]
LANGUAGE sql IMMUTABLE RETURN ARRAY(SELECT 'VIP-A-' || n FROM unnest(p_numbers) AS n);

-- The booking id that a key stands for.
CREATE FUNCTION given.id(p_key text) RETURNS uuid
LANGUAGE sql IMMUTABLE RETURN md5('key ' || p_key)::uuid;

CREATE FUNCTION given.hold(p_event integer, p_buyer text, p_seats text[] DEFAULT '{}',
  p_sections text[] DEFAULT '{}', p_quantities integer[] DEFAULT '{}', p_key text DEFAULT NULL,
  p_print text DEFAULT NULL, p_wait boolean DEFAULT false, p_give_back boolean DEFAULT false,
  p_booking uuid DEFAULT NULL, p_per_user integer DEFAULT 0, p_pass bigint DEFAULT NULL)
RETURNS holdfast.hold_result
LANGUAGE sql AS $$
  SELECT holdfast.hold(p_event, given.buyer(p_buyer),
    coalesce(p_booking, given.id(p_key), gen_random_uuid()), p_key,
    coalesce(p_print, CASE WHEN p_key IS NOT NULL THEN 'print' END), p_wait, p_give_back, p_seats,
    p_sections, p_quantities, 600, 10, p_per_user, p_pass)
$$;

-- A new hold; its id.
CREATE FUNCTION given.held(p_event integer, p_buyer text, p_seats text[] DEFAULT '{}',
  p_sections text[] DEFAULT '{}', p_quantities integer[] DEFAULT '{}') RETURNS uuid
LANGUAGE sql AS $$
  SELECT ((given.hold(p_event, p_buyer, p_seats, p_sections, p_quantities)).booking).booking_id
$$;

CREATE FUNCTION given.confirm(p_event integer, p_booking uuid, p_buyer text,
  p_key text DEFAULT NULL, p_wait boolean DEFAULT false) RETURNS holdfast.move_result
LANGUAGE sql AS $$
  SELECT holdfast.confirm(p_event, p_booking, given.buyer(p_buyer), p_key,
    CASE WHEN p_key IS NOT NULL THEN 'print' END, p_wait)
$$;

-- A new hold, confirmed; its id.
CREATE FUNCTION given.confirmed(p_event integer, p_buyer text, p_seats text[] DEFAULT '{}',
  p_sections text[] DEFAULT '{}', p_quantities integer[] DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
  v_booking uuid := given.held(p_event, p_buyer, p_seats, p_sections, p_quantities);
BEGIN
  PERFORM given.confirm(p_event, v_booking, p_buyer);
  RETURN v_booking;
END
$$;

CREATE FUNCTION given.reserve(p_event integer, p_booking uuid, p_buyer text,
  p_grace integer DEFAULT 900, p_life integer DEFAULT 3600) RETURNS holdfast.move_result
LANGUAGE sql AS $$
  SELECT holdfast.reserve(p_event, p_booking, given.buyer(p_buyer), p_grace, p_life)
$$;

CREATE FUNCTION given.release(p_event integer, p_booking uuid, p_buyer text,
  p_key text DEFAULT NULL) RETURNS holdfast.move_result
LANGUAGE sql AS $$
  SELECT holdfast.release(p_event, p_booking, given.buyer(p_buyer), p_key,
    CASE WHEN p_key IS NOT NULL THEN 'print' END, false)
$$;

CREATE FUNCTION given.cancel(p_event integer, p_booking uuid, p_buyer text,
  p_seats text[] DEFAULT NULL, p_sections text[] DEFAULT NULL, p_quantities integer[] DEFAULT NULL,
  p_key text DEFAULT NULL, p_reason text DEFAULT NULL) RETURNS holdfast.move_result
LANGUAGE sql AS $$
  SELECT holdfast.cancel(p_event, p_booking, given.buyer(p_buyer), p_key,
    CASE WHEN p_key IS NOT NULL THEN 'print' END, false, p_reason, p_seats, p_sections, p_quantities)
$$;

-- Moves a booking's deadline by hand, on claims and booking together; by default to this very
-- moment, which is the first at which it is due.
CREATE FUNCTION given.due(p_event integer, p_booking uuid, p_at timestamptz DEFAULT now())
RETURNS void
LANGUAGE sql AS $$
  UPDATE holdfast.seat_claims SET expires_at = p_at
    WHERE event_id = p_event AND booking_id = p_booking;
  UPDATE holdfast.ga_claims SET expires_at = p_at
    WHERE event_id = p_event AND booking_id = p_booking;
  UPDATE holdfast.bookings SET expires_at = p_at
    WHERE event_id = p_event AND booking_id = p_booking;
$$;

CREATE FUNCTION given.status(p_event integer, p_booking uuid) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT status FROM holdfast.bookings WHERE event_id = p_event AND booking_id = p_booking
$$;

-- Every claim of an event, as text: what must not have changed, or how it should look.
CREATE FUNCTION given.claims(p_event integer) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT coalesce(string_agg(line, ' ' ORDER BY line), '') FROM (
    SELECT position || ':' || state::text || ':' || coalesce(left(booking_id::text, 8), '-') AS line
      FROM holdfast.seat_claims WHERE event_id = p_event
    UNION ALL
    SELECT section_no || 'x' || quantity || ':' || state::text || ':' || left(booking_id::text, 8)
      FROM holdfast.ga_claims WHERE event_id = p_event) AS c
$$;

CREATE FUNCTION given.taken(p_event integer, p_section_no integer) RETURNS integer
LANGUAGE sql STABLE AS $$
  SELECT taken FROM holdfast.ga_counts WHERE event_id = p_event AND section_no = p_section_no
$$;

-- How a statement fails: its SQLSTATE, and its DETAIL where that is JSON. 'none' if it does not.
-- What it did is undone either way.
CREATE FUNCTION given.failure(p_sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_state  text;
  v_detail text;
BEGIN
  BEGIN
    EXECUTE p_sql;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_detail = PG_EXCEPTION_DETAIL;
  END;
  RETURN CASE WHEN v_state = 'ZZ000' THEN 'none' ELSE v_state END
    || CASE WHEN v_state LIKE 'HF%' AND v_detail <> '' THEN ' ' || v_detail::jsonb::text ELSE '' END;
END
$$;

-- ---- several sessions at once ----------------------------------------------------------------

-- A session of its own, as one of the programs (or as the owner).
CREATE FUNCTION given.session(p_name text, p_role text DEFAULT 'holdfast_booking') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tap.dblink_connect(p_name, format('host=%s dbname=%s user=%s application_name=%s',
    split_part(current_setting('unix_socket_directories'), ',', 1), current_database(), p_role,
    p_name));
END
$$;

-- Runs a statement there and waits; its first column of the first row, or how it failed.
CREATE FUNCTION given.run(p_session text, p_sql text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tap.dblink_send_query(p_session, p_sql);
  RETURN given.finish(p_session);
END
$$;

CREATE FUNCTION given.start(p_session text, p_sql text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tap.dblink_send_query(p_session, p_sql);
END
$$;

-- The answer to what was started there. Every statement asked of a session gives one text column.
CREATE FUNCTION given.finish(p_session text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_answer text;
  v_state  text;
  v_detail text;
BEGIN
  BEGIN
    SELECT q.answer INTO v_answer FROM tap.dblink_get_result(p_session) AS q (answer text);
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_detail = PG_EXCEPTION_DETAIL;
    v_answer := v_state || CASE WHEN v_state LIKE 'HF%' AND v_detail <> '' THEN ' ' || v_detail::jsonb::text ELSE '' END;
  END;
  -- The connection is free again once its results have been read to the end.
  PERFORM FROM tap.dblink_get_result(p_session) AS q (answer text);
  RETURN v_answer;
END
$$;

-- Waits until the session waits for a lock that another one holds.
CREATE FUNCTION given.until_waiting(p_session text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. 2000 LOOP
    PERFORM pg_stat_clear_snapshot();
    PERFORM FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = p_session
        AND wait_event_type = 'Lock' AND cardinality(pg_blocking_pids(pid)) > 0;
    IF FOUND THEN
      RETURN true;
    ELSIF tap.dblink_is_busy(p_session) = 0 THEN
      RETURN false; -- it did not wait at all
    END IF;
    PERFORM pg_sleep(0.002);
  END LOOP;
  RETURN false;
END
$$;

-- Calls as the programs make them, as text for a session; they answer with the outcome.
CREATE FUNCTION given.sql_hold(p_event integer, p_buyer text, p_seats text[] DEFAULT '{}',
  p_sections text[] DEFAULT '{}', p_quantities integer[] DEFAULT '{}', p_key text DEFAULT NULL,
  p_wait boolean DEFAULT false, p_give_back boolean DEFAULT false) RETURNS text
LANGUAGE sql AS $$
  SELECT format('SELECT outcome FROM holdfast.hold(%s, %L, %L, %L, %L, %L, %L, %L, %L, %L, 600, 10, 0)',
    p_event, given.buyer(p_buyer), coalesce(given.id(p_key), gen_random_uuid()), p_key,
    CASE WHEN p_key IS NOT NULL THEN 'print' END, p_wait, p_give_back, p_seats, p_sections,
    p_quantities)
$$;

CREATE FUNCTION given.sql_move(p_move text, p_event integer, p_booking uuid, p_buyer text,
  p_key text DEFAULT NULL, p_wait boolean DEFAULT false) RETURNS text
LANGUAGE sql AS $$
  SELECT format('SELECT outcome FROM holdfast.%s(%s, %L, %L, %L, %L, %L%s)', p_move, p_event,
    p_booking, given.buyer(p_buyer), p_key, CASE WHEN p_key IS NOT NULL THEN 'print' END, p_wait,
    CASE p_move WHEN 'cancel' THEN ', NULL, NULL, NULL, NULL' ELSE '' END)
$$;

-- Buyers are users too, where the books are audited.
CREATE FUNCTION given.users(VARIADIC p_names text[]) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO holdfast.users (user_id, email, password_hash)
    SELECT given.buyer(n), n || '@example.test', '$y$j9T$not.a.hash.of.any.password'
      FROM unnest(p_names) AS n ON CONFLICT DO NOTHING
$$;

-- The first thing that an audit of all the books finds wrong, or 'sound'.
CREATE FUNCTION given.sound() RETURNS text
LANGUAGE sql AS $$
  SELECT coalesce((SELECT invariant || ' ' || first FROM holdfast.audit()
    WHERE failures > 0 ORDER BY 1 LIMIT 1), 'sound')
$$;

-- ---- money -----------------------------------------------------------------------------------

CREATE FUNCTION given.checkout(p_event integer, p_booking uuid, p_buyer text, p_key text DEFAULT NULL,
  p_print text DEFAULT 'print') RETURNS holdfast.checkout_result
LANGUAGE sql AS $$
  SELECT holdfast.checkout(p_event, p_booking, given.buyer(p_buyer), p_key,
    CASE WHEN p_key IS NOT NULL THEN p_print END, false, 'stripe', 900, 3600)
$$;

-- A hold that is reserved for a payment, open at the provider under this id.
CREATE FUNCTION given.open_payment(p_event integer, p_buyer text, p_seats text[], p_sections text[],
  p_quantities integer[], p_provider_id text) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
  v_booking uuid := given.held(p_event, p_buyer, p_seats, p_sections, p_quantities);
BEGIN
  PERFORM given.checkout(p_event, v_booking, p_buyer);
  PERFORM holdfast.payment_opened(p_event, v_booking, 1, p_provider_id, NULL);
  RETURN v_booking;
END
$$;

-- What the provider says of a payment.
CREATE FUNCTION given.told(p_provider_id text, p_status text, p_captured bigint, p_event integer DEFAULT NULL,
  p_booking uuid DEFAULT NULL, p_attempt integer DEFAULT NULL, p_notice text DEFAULT NULL,
  p_currency text DEFAULT 'eur', p_error text DEFAULT NULL, p_decline text DEFAULT NULL)
RETURNS holdfast.payment_result
LANGUAGE sql AS $$
  SELECT holdfast.payment_told('stripe', p_provider_id, p_event, p_booking, p_attempt, p_notice, p_status,
    p_captured, p_currency, p_error, p_decline)
$$;

-- A hold, paid; its id. The provider knows the payment under the name p_provider_id.
CREATE FUNCTION given.paid(p_event integer, p_buyer text, p_seats text[], p_sections text[],
  p_quantities integer[], p_provider_id text) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
  v_booking uuid := given.open_payment(p_event, p_buyer, p_seats, p_sections, p_quantities, p_provider_id);
BEGIN
  PERFORM given.told(p_provider_id, 'succeeded', (SELECT total FROM holdfast.bookings
    WHERE event_id = p_event AND booking_id = v_booking));
  RETURN v_booking;
END
$$;

