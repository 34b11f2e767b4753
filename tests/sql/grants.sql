-- Who may do what: each program its own functions, and nobody a table.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(105);

CREATE TEMPORARY TABLE programs AS
  SELECT rolname FROM pg_roles WHERE rolname LIKE 'holdfast\_%' AND rolname <> 'holdfast_owner';
CREATE TEMPORARY TABLE granted (role text, functions text);
INSERT INTO granted VALUES
  ('holdfast_accounts', 'account_find account_get account_register session_end session_refresh '
    || 'session_start'),
  ('holdfast_admin', 'analytics capacity_list event_create event_shown event_update filter_entries filter_event filter_known filter_seats '
    || 'filter_some filter_used log_list paid price_list refunded seat_states section_counts '
    || 'venue_create venue_list webhook_create webhook_delete webhook_list'),
  ('holdfast_booking', 'booking_get booking_list cancel confirm confirm_seats event_sections event_shown extend '
    || 'filter_entries filter_event filter_killed filter_known filter_seats filter_some filter_used hold job_list '
    || 'release seat_owners seat_states section_counts'),
  ('holdfast_catalog', 'event_available event_brief event_demand event_get event_layout event_list event_popular event_seatmap '
    || 'event_seats event_shown '
    || 'filter_entries filter_event filter_killed filter_known filter_seats filter_some filter_used job_list outbox_state '
    || 'seat_states section_counts'),
  ('holdfast_demo', 'account_add account_change account_named event_create event_find venue_create '
    || 'venue_find venue_list'),
  ('holdfast_history', 'history_answers history_bookings history_seats history_sections history_strangers history_tickets'),
  ('holdfast_janitor', 'answers_trim expire janitor_due job_beat job_begin job_end queue_trim sessions_trim'),
  ('holdfast_notices', 'delivery_list delivery_resend outbox_state'),
  ('holdfast_outbox', 'job_beat job_begin job_end outbox_bury outbox_spread outbox_state outbox_take outbox_told outbox_trim '
    || 'refund_told refunds_due'),
  ('holdfast_payment', 'checkout event_shown filter_entries filter_event filter_known filter_seats filter_some filter_used '
    || 'payment_opened payment_told'),
  ('holdfast_payment_sweep', 'event_shown filter_entries filter_event filter_known filter_seats filter_some filter_used job_beat '
    || 'job_begin job_end payment_notices_trim payment_opened payment_told payments_due payments_give_up '
    || 'payments_waiting'),
  ('holdfast_pricing', 'job_beat job_begin job_end pricing_apply pricing_next'),
  ('holdfast_queue', 'confirm event_shown filter_entries filter_event filter_known filter_seats filter_some filter_used '
    || 'queue_epoch queue_leave queue_mark queue_over queue_room queue_room_end queue_room_leave queue_section queue_serve queue_ticket '
    || 'release'),
  ('holdfast_queue_advance', 'event_shown filter_entries filter_event filter_known filter_seats filter_some filter_used '
    || 'job_beat job_begin job_end queue_epoch queue_mark queue_open_lines queue_room queue_serve'),
  ('holdfast_reconcile', 'event_shown filter_entries filter_event filter_killed filter_known filter_seats filter_some '
    || 'filter_used job_beat job_begin job_end reconcile_glance reconcile_wanted'),
  ('holdfast_rollup', 'job_beat job_begin job_end rollup_compare rollup_due rollup_repair rollup_step'),
  ('holdfast_user', 'account_add account_change account_list'),
  ('holdfast_verify', 'audit audit_bookings audit_events audit_i1 audit_i2 audit_i3 audit_i4 audit_i5 audit_i6 '
    || 'audit_i7 audit_i9 audit_lines audit_money audit_queue '
    || 'event_shown filter_entries filter_event filter_killed filter_seats filter_some filter_used seat_states '
    || 'section_counts'),
  ('holdfast_webhooks', 'event_shown filter_entries filter_event filter_known filter_seats filter_some filter_used payment_disputed '
    || 'payment_told refund_heard');

SELECT set_eq('SELECT rolname::text FROM programs', 'SELECT role FROM granted',
  'each program has a role, and there is no other');
SELECT is((SELECT string_agg(p.proname, ' ' ORDER BY p.proname COLLATE "C") FROM pg_proc p
    WHERE p.pronamespace = 'holdfast'::regnamespace AND has_function_privilege(role, p.oid, 'execute')),
    functions, role || ' may call just this')
  FROM granted ORDER BY role;
SELECT is((SELECT coalesce(string_agg(c.relname, ' '), '') FROM pg_class c
    WHERE c.relnamespace = 'holdfast'::regnamespace
      AND CASE WHEN c.relkind = 'S'
        THEN has_sequence_privilege(role, c.oid, 'USAGE, SELECT, UPDATE')
        WHEN c.relkind IN ('r', 'v', 'm', 'p')
        THEN has_table_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
          OR has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
        ELSE false END), '', role || ' has no right on any table, view or sequence')
  FROM granted ORDER BY role;
SELECT ok(has_schema_privilege(role, 'holdfast', 'usage')
    AND NOT has_schema_privilege(role, 'holdfast', 'create')
    AND NOT has_schema_privilege(role, 'public', 'create')
    AND NOT has_database_privilege(role, current_database(), 'create'),
    role || ' sees the schema and makes nothing')
  FROM granted ORDER BY role;
SELECT is((SELECT ROW(rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolinherit)::text
    FROM pg_roles WHERE rolname = role)
  || (SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
    WHERE r.rolname = role), '(f,f,f,f,f,f)0', role || ' has no powers and no memberships')
  FROM granted ORDER BY role;
SELECT ok((SELECT rolconfig @> ARRAY['lock_timeout=500ms', 'idle_in_transaction_session_timeout=5s',
      'plan_cache_mode=force_generic_plan', 'TimeZone=UTC']
    AND rolconfig && CASE WHEN role IN ('holdfast_reconcile', 'holdfast_verify', 'holdfast_demo', 'holdfast_rollup',
        'holdfast_history')
      THEN '{statement_timeout=10min}'::text[] ELSE '{statement_timeout=2s,statement_timeout=3500ms}' END
    AND NOT array_to_string(rolconfig, ' ') LIKE '%synchronous_commit%'
  FROM pg_roles WHERE rolname = role), role || ' has its limits of time, and no say in durability')
  FROM granted ORDER BY role;

SELECT is((SELECT coalesce(string_agg(p.proname, ' '), '') FROM pg_proc p
    WHERE p.pronamespace = 'holdfast'::regnamespace AND has_function_privilege('public', p.oid, 'execute')),
  '', 'no function is everybody''s');
SELECT is((SELECT coalesce(string_agg(p.proname, ' '), '') FROM pg_proc p
    WHERE p.pronamespace = 'holdfast'::regnamespace
      AND pg_get_userbyid(p.proowner) <> 'holdfast_owner'), '', 'all are the owner''s');
SELECT is((SELECT coalesce(string_agg(p.proname, ' '), '') FROM pg_proc p
    WHERE p.pronamespace = 'holdfast'::regnamespace
      AND p.proconfig[1] IS DISTINCT FROM 'search_path=holdfast, pg_temp'
      AND p.proname NOT IN ('booking_begins', 'booking_changes', 'claim_is_sound', 'ga_claim_added',
        'ga_claim_changed', 'ga_claims_removed', 'ga_count_moves',
        'answer_keep', 'booking_cancel', 'booking_cancel_written', 'booking_claims_due', 'booking_of',
        'booking_positions', 'booking_revived', 'booking_show', 'booking_worth', 'claims_drop', 'claims_lock', 'claims_set', 'claims_were_all',
        'history_us', 'json_join', 'local_start', 'notice_cancelled', 'notice_write', 'sales_day',
        'sales_quarter', 'share', 'time_show')),
  '', 'each fixes its search path, the caller''s temporary things last; but guards of hot rows, the parts of moves, '
  || 'and what is put in place');
SELECT is((SELECT coalesce(string_agg(p.proname, ' ' ORDER BY p.proname), '') FROM pg_proc p
    WHERE p.pronamespace = 'holdfast'::regnamespace AND NOT p.prosecdef
      AND EXISTS (SELECT FROM programs WHERE has_function_privilege(rolname, p.oid, 'execute'))),
  '', 'what a program may call runs with the owner''s rights');
SELECT is((SELECT coalesce(string_agg(p.proname, ' ' ORDER BY p.proname), '') FROM pg_proc p
    WHERE p.pronamespace = 'holdfast'::regnamespace AND p.prosecdef AND p.proname NOT IN ('reserve')
      AND NOT EXISTS (SELECT FROM programs WHERE has_function_privilege(rolname, p.oid, 'execute'))),
  '', 'and what runs so is some program''s');
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace
  AND prosrc ~* '\mexecute\s+(format|''|\$)'), 0::bigint, 'no function puts statements together');

-- and once in earnest
CREATE FUNCTION pg_temp.as_role(p_role text, p_sql text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', p_role);
  EXECUTE p_sql;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.as_role('holdfast_booking', 'SELECT * FROM holdfast.bookings'), '42501',
  'booking reads no table');
SELECT is(pg_temp.as_role('holdfast_booking', 'UPDATE holdfast.ga_counts SET taken = 0'), '42501',
  'and writes none');
SELECT is(pg_temp.as_role('holdfast_verify', 'SELECT * FROM holdfast.audit_claims'), '42501',
  'verify reads no view');

SELECT * FROM finish();
ROLLBACK;
