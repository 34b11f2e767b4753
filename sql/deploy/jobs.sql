-- What jobs need: their book-keeping, and the trimming of what has served its time.
BEGIN;
SET LOCAL search_path = holdfast, public;

-- One row a job: its last run. One that has not ended goes on, or was killed.
CREATE TABLE jobs (
  name       text PRIMARY KEY CHECK (name ~ '^[a-z][a-z-]*$'),
  started_at timestamptz NOT NULL,
  ended_at   timestamptz,
  ok_at      timestamptz,          -- end of the last run that did its work
  rows       bigint NOT NULL DEFAULT 0,
  error      text,                 -- of the last run; null: none
  CHECK (ended_at IS NULL OR ended_at >= started_at)
);

-- One copy of a job at a time, on whatever host: a session's lock, which ends with it. Asked again,
-- the session that has it still has it.
CREATE FUNCTION job_lock(p_name text) RETURNS boolean
LANGUAGE sql SET search_path = holdfast, pg_temp AS $$
  SELECT pg_try_advisory_lock(hashtextextended('job/' || p_name, 3))
$$;

CREATE FUNCTION job_begin(p_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF NOT job_lock(p_name) THEN
    RETURN false;
  END IF;
  INSERT INTO jobs (name, started_at) VALUES (p_name, now())
    ON CONFLICT (name) DO UPDATE SET started_at = now(), ended_at = NULL, rows = 0, error = NULL;
  RETURN true;
END
$$;

-- Between two batches: how far the run is, should it be killed. False: the connection and its lock
-- were lost, and another copy is at it.
CREATE FUNCTION job_beat(p_name text, p_rows bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  IF NOT job_lock(p_name) THEN
    RETURN false;
  END IF;
  UPDATE jobs SET rows = p_rows WHERE name = p_name;
  RETURN true;
END
$$;

-- The end of a run, unless another copy has begun one since.
CREATE FUNCTION job_end(p_name text, p_rows bigint, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
BEGIN
  IF job_lock(p_name) THEN
    UPDATE jobs SET ended_at = now(), rows = p_rows, error = p_error,
        ok_at = CASE WHEN p_error IS NULL THEN now() ELSE ok_at END
      WHERE name = p_name;
  END IF;
END
$$;

-- How often cron starts each job. One that has never run is late from the time that it is known.
CREATE TABLE job_schedule (
  name        text PRIMARY KEY CHECK (name ~ '^[a-z][a-z-]*$'),
  every       interval NOT NULL CHECK (every >= interval '1 minute'),
  known_since timestamptz NOT NULL DEFAULT now()
);
INSERT INTO job_schedule (name, every) VALUES
  ('janitor', '1 minute'), ('reconcile', '1 minute'), ('pricing', '1 day');

-- How late each job is, for readyz and the metrics: by how much longer than its interval and a tenth
-- of it (a minute where that is less) no run has done its work. A run that has neither ended nor goes
-- on was killed.
CREATE FUNCTION job_list()
RETURNS TABLE (name text, started_at timestamptz, ended_at timestamptz, ok_at timestamptz,
  ok_age_seconds bigint, rows bigint, error text, running boolean, late_seconds bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
  SELECT coalesce(s.name, q.name), q.started_at, q.ended_at, q.ok_at,
      floor(extract(epoch FROM now() - q.ok_at))::bigint, coalesce(q.rows, 0),
      CASE WHEN q.ended_at IS NULL AND NOT q.running THEN 'killed' ELSE q.error END,
      coalesce(q.running, false),
      ceil(greatest(0, extract(epoch FROM now() - coalesce(q.ok_at, s.known_since) - s.every
        - greatest(s.every / 10, interval '1 minute'))))::bigint
    FROM (SELECT j.*, j.ended_at IS NULL AND EXISTS (
          SELECT FROM pg_locks l, hashtextextended('job/' || j.name, 3) AS h (key)
            WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND l.classid = ((h.key >> 32) & 4294967295)::oid
              AND l.objid = (h.key & 4294967295)::oid) AS running
        FROM holdfast.jobs j) AS q
      FULL JOIN holdfast.job_schedule s ON s.name = q.name
    ORDER BY 1
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

-- Tokens that nobody can use any more, and then families whose newest has run out: these first, and
-- their tokens, of which there may be thousands, would go in one transaction with them.
CREATE FUNCTION sessions_trim(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = holdfast, pg_temp AS $$
DECLARE
  v_tokens   bigint;
  v_families bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM refresh_tokens t USING (
      SELECT o.token_hash FROM refresh_tokens o WHERE o.expires_at < now()
        ORDER BY o.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS old
    WHERE t.token_hash = old.token_hash;
  GET DIAGNOSTICS v_tokens = ROW_COUNT;
  DELETE FROM refresh_families f USING (
      SELECT o.family_id FROM refresh_families o WHERE o.expires_at < now()
        ORDER BY o.expires_at LIMIT p_limit - v_tokens FOR UPDATE SKIP LOCKED) AS old
    WHERE f.family_id = old.family_id;
  GET DIAGNOSTICS v_families = ROW_COUNT;
  RETURN v_tokens + v_families;
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

GRANT EXECUTE ON FUNCTION job_begin, job_beat, job_end TO holdfast_janitor;
GRANT EXECUTE ON FUNCTION job_list TO holdfast_booking, holdfast_catalog;
GRANT EXECUTE ON FUNCTION answers_trim, sessions_trim, janitor_due TO holdfast_janitor;

COMMIT;
