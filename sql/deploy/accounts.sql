-- Users, and the refresh tokens with which they stay logged in.
--
-- No program has rights on these tables: it calls the functions that are granted to it. A login
-- begins a family of refresh tokens; each refresh spends one token and adds the next; a spent token
-- that comes again has been copied, and ends the family. The family's row is the lock: whoever
-- judges or adds a token of a family holds it, so that no token is added behind the back of a
-- revocation. All tokens of a family begin with the same secret prefix. Of those that are spent only
-- the newest hundred are kept; one that is not known itself, but by its prefix, is an older one.
--
-- citext lives in the schema public, which these functions do not search: its operator is named in
-- full, since the one of text would be taken otherwise, and that tells upper case from lower case.
BEGIN;
SET LOCAL search_path = holdfast, public;

CREATE TABLE users (
  user_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email         citext NOT NULL UNIQUE
    CHECK (octet_length(email::text) <= 254 AND email::text ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
  name          text CHECK (length(name) BETWEEN 1 AND 200),
  password_hash text NOT NULL CHECK (password_hash ~ '^\$[0-9a-z]+\$.{20,}$'),
  role          text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'organizer', 'admin')),
  disabled_at   timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE refresh_families (
  family_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  -- SHA-256 of what its tokens begin with
  prefix_hash bytea NOT NULL UNIQUE CHECK (octet_length(prefix_hash) = 32),
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL, -- that of its newest token
  revoked_at  timestamptz
);
CREATE INDEX refresh_families_user ON refresh_families (user_id, created_at);

CREATE TABLE refresh_tokens (
  -- SHA-256: the token itself is nowhere
  token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
  family_id  uuid NOT NULL REFERENCES refresh_families ON DELETE CASCADE,
  expires_at timestamptz NOT NULL,
  -- the token that this one was exchanged for: null as long as it is good
  next_hash  bytea CHECK (octet_length(next_hash) = 32),
  number     integer NOT NULL DEFAULT 1 -- of it in its family, from 1 on
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);

CREATE TYPE account AS (
  user_id    uuid,
  email      text,
  name       text,
  role       text,
  created_at timestamptz
);

-- A new account with any role. A repeat with the same hash (salted, thus unique) is the same call
-- again, after an answer that was lost.
CREATE FUNCTION account_add(p_email text, p_name text, p_password_hash text, p_role text)
RETURNS account
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  r account;
BEGIN
  INSERT INTO users (email, name, password_hash, role)
    VALUES (p_email, p_name, p_password_hash, p_role)
    ON CONFLICT (email) DO NOTHING
    RETURNING users.user_id, users.email, users.name, users.role, users.created_at INTO r;
  IF NOT FOUND THEN
    SELECT u.user_id, u.email, u.name, u.role, u.created_at INTO r FROM users u
      WHERE u.email OPERATOR(public.=) p_email::public.citext
        AND u.password_hash = p_password_hash;
    IF NOT FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'HF222',
        MESSAGE = 'An account with this address exists already.';
    END IF;
  END IF;
  RETURN r;
END
$$;

-- What a visitor may do: the role is always user.
CREATE FUNCTION account_register(p_email text, p_name text, p_password_hash text)
RETURNS account
LANGUAGE sql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT account_add(p_email, p_name, p_password_hash, 'user')
$$;

-- What a login needs to judge a password. No row: no such account.
CREATE FUNCTION account_find(p_email text)
RETURNS TABLE (user_id uuid, password_hash text, disabled boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT u.user_id, u.password_hash, u.disabled_at IS NOT NULL FROM users u
    WHERE u.email OPERATOR(public.=) p_email::public.citext
$$;

-- The account of a token's bearer. No row: gone or disabled.
CREATE FUNCTION account_get(p_user uuid)
RETURNS SETOF account
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT u.user_id, u.email::text, u.name, u.role, u.created_at FROM users u
    WHERE u.user_id = p_user AND u.disabled_at IS NULL
$$;

-- Begins a family with its first token, if the password is still the one that was judged
-- (p_seen_hash) and the account may log in; p_new_hash, where given, replaces the stored hash. What
-- the user has of old families, beyond their time or beyond the newest fifty, goes. Answers the role
-- that the account has at this moment.
CREATE FUNCTION session_start(
  p_user uuid, p_seen_hash text, p_new_hash text, p_prefix_hash bytea, p_token_hash bytea,
  p_seconds bigint
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_role    text;
  v_again   boolean := EXISTS (SELECT FROM refresh_tokens t WHERE t.token_hash = p_token_hash);
  v_family  uuid;
  v_expires timestamptz := now() + make_interval(secs => p_seconds);
BEGIN
  IF v_again THEN -- the same call, after an answer that was lost
    SELECT u.role INTO v_role
      FROM refresh_tokens t JOIN refresh_families f USING (family_id) JOIN users u USING (user_id)
      WHERE t.token_hash = p_token_hash AND f.revoked_at IS NULL AND u.disabled_at IS NULL;
  ELSE
    SELECT u.role INTO v_role FROM users u
      WHERE u.user_id = p_user AND u.password_hash = p_seen_hash AND u.disabled_at IS NULL
      FOR NO KEY UPDATE;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'HF101', MESSAGE = 'The account has just been changed.';
  ELSIF v_again THEN
    RETURN v_role;
  END IF;
  IF p_new_hash IS NOT NULL THEN
    UPDATE users u SET password_hash = p_new_hash WHERE u.user_id = p_user;
  END IF;
  DELETE FROM refresh_families f
    WHERE f.user_id = p_user
      AND (f.expires_at <= now() OR f.family_id IN (
        SELECT o.family_id FROM refresh_families o
          WHERE o.user_id = p_user ORDER BY o.created_at DESC OFFSET 49));
  INSERT INTO refresh_families (user_id, prefix_hash, expires_at)
    VALUES (p_user, p_prefix_hash, v_expires)
    RETURNING family_id INTO v_family;
  INSERT INTO refresh_tokens (token_hash, family_id, expires_at)
    VALUES (p_token_hash, v_family, v_expires);
  RETURN v_role;
END
$$;

-- Exchanges a token for the next, which begins as it does. outcome `refused` is no error, since what
-- a reuse revokes must be committed.
CREATE FUNCTION session_refresh(
  p_prefix_hash bytea, p_token_hash bytea, p_next_hash bytea, p_seconds bigint,
  OUT outcome text, OUT user_id uuid, OUT role text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_family  uuid;
  v_expires timestamptz := now() + make_interval(secs => p_seconds);
  t         refresh_tokens;
BEGIN
  outcome := 'refused';
  SELECT f.family_id, u.user_id, u.role INTO v_family, user_id, role
    FROM refresh_families f JOIN users u USING (user_id)
    WHERE f.prefix_hash = p_prefix_hash AND f.revoked_at IS NULL AND u.disabled_at IS NULL
    FOR NO KEY UPDATE OF f;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT * INTO t FROM refresh_tokens o
    WHERE o.token_hash = p_token_hash AND o.family_id = v_family;
  IF NOT FOUND OR t.next_hash <> p_next_hash THEN
    UPDATE refresh_families f SET revoked_at = now() WHERE f.family_id = v_family;
    RETURN;
  END IF;
  IF t.expires_at <= now() THEN
    RETURN;
  END IF;
  IF t.next_hash IS NULL THEN
    UPDATE refresh_tokens o SET next_hash = p_next_hash WHERE o.token_hash = p_token_hash;
    INSERT INTO refresh_tokens (token_hash, family_id, expires_at, number)
      VALUES (p_next_hash, v_family, v_expires, t.number + 1);
    UPDATE refresh_families f SET expires_at = greatest(f.expires_at, v_expires)
      WHERE f.family_id = v_family;
    DELETE FROM refresh_tokens o
      WHERE o.family_id = v_family AND (o.expires_at <= now() OR o.number <= t.number - 100);
  END IF;
  outcome := 'refreshed';
END
$$;

-- Ends the family of a token, whatever state they are in.
CREATE FUNCTION session_end(p_prefix_hash bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  UPDATE refresh_families f SET revoked_at = now()
    WHERE f.prefix_hash = p_prefix_hash AND f.revoked_at IS NULL
$$;

-- For the operator: accounts in the order of their addresses, after p_after.
CREATE FUNCTION account_list(p_after text, p_limit bigint)
RETURNS TABLE (user_id uuid, email text, name text, role text, disabled boolean,
  created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT u.user_id, u.email::text, u.name, u.role, u.disabled_at IS NOT NULL, u.created_at
    FROM users u
    WHERE p_after IS NULL OR u.email OPERATOR(public.>) p_after::public.citext
    ORDER BY u.email USING OPERATOR(public.<)
    LIMIT p_limit
$$;

-- For the operator: changes what is given of an account, and ends its sessions, since they were
-- begun under what has changed.
CREATE FUNCTION account_change(
  p_email text, p_role text, p_disabled boolean, p_password_hash text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_user uuid;
BEGIN
  UPDATE users u SET
      role = coalesce(p_role, u.role),
      disabled_at = CASE WHEN p_disabled THEN coalesce(u.disabled_at, now())
        WHEN NOT p_disabled THEN NULL ELSE u.disabled_at END,
      password_hash = coalesce(p_password_hash, u.password_hash)
    WHERE u.email OPERATOR(public.=) p_email::public.citext
    RETURNING u.user_id INTO v_user;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'HF104', MESSAGE = 'There is no such account.';
  END IF;
  UPDATE refresh_families f SET revoked_at = now()
    WHERE f.user_id = v_user AND f.revoked_at IS NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION
  account_add, account_register, account_find, account_get, account_list, account_change,
  session_start, session_refresh, session_end
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  account_register, account_find, account_get, session_start, session_refresh, session_end
  TO holdfast_accounts;
GRANT EXECUTE ON FUNCTION account_add, account_list, account_change TO holdfast_user;
GRANT EXECUTE ON FUNCTION account_add, account_change TO holdfast_demo;

COMMIT;
