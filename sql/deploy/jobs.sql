-- What jobs need: their book-keeping, and the trimming of what has served its time.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- One row a job: its last run. A run that has not ended was killed, or goes on.
CREATE TABLE jobs (
  name       text PRIMARY KEY CHECK (name ~ '^[a-z][a-z-]*$'),
  started_at timestamptz NOT NULL,
  ended_at   timestamptz,
  ok_at      timestamptz,          -- end of the last run that did its work
  rows       bigint NOT NULL DEFAULT 0,
  error      text,                 -- of the last run; null: none
  CHECK (ended_at IS NULL OR ended_at >= started_at)
);

-- One copy of a job at a time, on whatever host: a session's lock, which ends with it.
CREATE FUNCTION job_begin(p_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF NOT pg_try_advisory_lock(hashtextextended('job/' || p_name, 3)) THEN
    RETURN false;
  END IF;
  INSERT INTO jobs (name, started_at) VALUES (p_name, now())
    ON CONFLICT (name) DO UPDATE SET started_at = now(), ended_at = NULL, rows = 0, error = NULL;
  RETURN true;
END
$$;

CREATE FUNCTION job_end(p_name text, p_rows bigint, p_error text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  UPDATE holdfast.jobs SET ended_at = now(), rows = p_rows, error = p_error,
      ok_at = CASE WHEN p_error IS NULL THEN now() ELSE ok_at END
    WHERE name = p_name
$$;

-- How late each job is, for readyz and the metrics.
CREATE FUNCTION job_list()
RETURNS TABLE (name text, started_at timestamptz, ended_at timestamptz, ok_at timestamptz,
  ok_age_seconds bigint, rows bigint, error text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT j.name, j.started_at, j.ended_at, j.ok_at,
      floor(extract(epoch FROM now() - j.ok_at))::bigint, j.rows, j.error
    FROM holdfast.jobs j ORDER BY j.name
$$;

-- Answers are kept for 24 hours at least; an hour more costs nothing.
CREATE FUNCTION answers_trim(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_gone bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM answers a USING (
      SELECT o.event_id, o.user_id, o.operation, o.key FROM answers o
        WHERE o.created_at < now() - interval '25 hours'
        ORDER BY o.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS old
    WHERE a.event_id = old.event_id AND a.user_id = old.user_id
      AND a.operation = old.operation AND a.key = old.key;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  RETURN v_gone;
END
$$;

-- Families of refresh tokens whose newest has run out, and tokens that nobody can use any more.
CREATE FUNCTION sessions_trim(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_families bigint;
  v_tokens   bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM refresh_families f USING (
      SELECT o.family_id FROM refresh_families o WHERE o.expires_at < now()
        ORDER BY o.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS old
    WHERE f.family_id = old.family_id;
  GET DIAGNOSTICS v_families = ROW_COUNT;
  DELETE FROM refresh_tokens t USING (
      SELECT o.token_hash FROM refresh_tokens o WHERE o.expires_at < now()
        ORDER BY o.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS old
    WHERE t.token_hash = old.token_hash;
  GET DIAGNOSTICS v_tokens = ROW_COUNT;
  RETURN v_families + v_tokens;
END
$$;
CREATE INDEX refresh_families_age ON refresh_families (expires_at);
CREATE INDEX refresh_tokens_age ON refresh_tokens (expires_at);

-- What the janitor would do.
CREATE FUNCTION janitor_due() RETURNS TABLE (claims bigint, answers bigint, sessions bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT (SELECT count(*) FROM holdfast.seat_claims
        WHERE state IN ('h', 'r') AND expires_at <= now())
      + (SELECT count(*) FROM holdfast.ga_claims WHERE state IN ('h', 'r') AND expires_at <= now()),
    (SELECT count(*) FROM holdfast.answers WHERE created_at < now() - interval '25 hours'),
    (SELECT count(*) FROM holdfast.refresh_families WHERE expires_at < now())
      + (SELECT count(*) FROM holdfast.refresh_tokens WHERE expires_at < now())
$$;

GRANT EXECUTE ON FUNCTION job_begin, job_end TO holdfast_janitor;
GRANT EXECUTE ON FUNCTION job_list TO holdfast_booking;
GRANT EXECUTE ON FUNCTION expire, answers_trim, sessions_trim, janitor_due TO holdfast_janitor;

COMMIT;
