-- One login role a program. Roles belong to the cluster, so they may be there already.
-- Passwords are set by whoever runs the cluster, never here.
BEGIN;

DO $$
DECLARE
  v_name text;
BEGIN
  FOREACH v_name IN ARRAY ARRAY[
    'holdfast_accounts', 'holdfast_catalog', 'holdfast_booking', 'holdfast_admin',
    'holdfast_reconcile', 'holdfast_verify', 'holdfast_user', 'holdfast_demo', 'holdfast_janitor',
    'holdfast_pricing', 'holdfast_rollup', 'holdfast_queue', 'holdfast_queue_advance',
    'holdfast_outbox', 'holdfast_notices', 'holdfast_payment', 'holdfast_payment_sweep',
    'holdfast_webhooks', 'holdfast_history'
  ] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT NOCREATEDB NOCREATEROLE', v_name);
    END IF;
    -- Times nest: lock 0.5 s < statement 2 s < worker 4 s < web server 5 s.
    EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', v_name, '500ms');
    EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', v_name,
      CASE WHEN v_name IN ('holdfast_reconcile', 'holdfast_verify', 'holdfast_demo', 'holdfast_rollup',
          'holdfast_history')
        THEN '10min' ELSE '2s' END);
    EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', v_name, '5s');
    -- Array parameters would make PL/pgSQL plan anew at every call.
    EXECUTE format('ALTER ROLE %I SET plan_cache_mode = %L', v_name, 'force_generic_plan');
    -- Their statements find rows by keys. A plan made while a table was nearly empty would read all of
    -- it, and be kept while it grows.
    IF v_name IN ('holdfast_booking', 'holdfast_janitor', 'holdfast_queue', 'holdfast_queue_advance',
      'holdfast_outbox', 'holdfast_payment', 'holdfast_payment_sweep', 'holdfast_webhooks') THEN
      EXECUTE format('ALTER ROLE %I SET enable_seqscan = %L', v_name, 'off');
    END IF;
    EXECUTE format('ALTER ROLE %I SET timezone = %L', v_name, 'UTC');
    EXECUTE format('ALTER ROLE %I SET jit = %L', v_name, 'off');
  END LOOP;
END
$$;

CREATE SCHEMA holdfast;
REVOKE ALL ON SCHEMA holdfast FROM PUBLIC;
GRANT USAGE ON SCHEMA holdfast TO
  holdfast_accounts, holdfast_catalog, holdfast_booking, holdfast_admin,
  holdfast_reconcile, holdfast_verify, holdfast_user, holdfast_demo, holdfast_janitor, holdfast_pricing,
  holdfast_rollup, holdfast_queue, holdfast_queue_advance, holdfast_outbox, holdfast_notices,
  holdfast_payment, holdfast_payment_sweep, holdfast_webhooks,
  holdfast_history;

-- A function may be called only by those who are named.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;

COMMIT;
