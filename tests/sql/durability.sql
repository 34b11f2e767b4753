-- What may be lost in a crash and what may not: each move in a transaction of its own, and what it
-- leaves synchronous_commit at.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(34);

SELECT event() AS event \gset
CREATE TEMPORARY TABLE ids AS SELECT
  held(:event, 'anna', seats(1)) AS h, held(:event, 'anna', seats(2)) AS r,
  confirmed(:event, 'anna', seats(3,4), '{FLOOR}', '{2}') AS c, held(:event, 'anna', seats(5)) AS p;
SELECT h, r, c, p FROM ids \gset

BEGIN; SET LOCAL synchronous_commit = 'on';
SELECT hold(:event, 'anna', seats(6)) \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'hold may be lost'); COMMIT;
SELECT is(current_setting('synchronous_commit'), 'on', 'in its own transaction alone');
BEGIN; SELECT hold(:event, 'anna', '{}', '{FLOOR}', '{1}', p_key => 'k') \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'general admission too'); COMMIT;
BEGIN; SELECT hold(:event, 'anna', '{}', '{FLOOR}', '{1}', p_key => 'k') \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'a replay writes nothing'); COMMIT;
BEGIN; SELECT release(:event, :'h', 'anna', 'k') \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'release may be lost'); COMMIT;
BEGIN; SELECT cancel(:event, :'c', 'anna', seats(3)) \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'cancel is flushed by what follows it'); COMMIT;
BEGIN; SELECT cancel(:event, :'c', 'anna', p_key => 'k') \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'all of it likewise'); COMMIT;
SELECT queue_epoch(:event, 'BALCONY', 0) \gset _
BEGIN; SELECT count(*) FROM queue_serve(:event, 'BALCONY', '{1}', '{1}', ARRAY[buyer('queuer')], '{1}', ARRAY[id('q')], 60, 0) \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'a batch of the queue is flushed by what follows it'); COMMIT;
BEGIN; SELECT queue_mark(:event, 'BALCONY', true) \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'that somebody waits may be lost'); COMMIT;
BEGIN; SELECT queue_trim(1) \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'what is trimmed may come back'); COMMIT;
BEGIN; SELECT count(*) FROM expire(10) \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'expire may be lost'); COMMIT;

BEGIN; SET LOCAL synchronous_commit = 'remote_apply';
SELECT confirm(:event, :'p', 'anna', 'k') \gset _
SELECT is(current_setting('synchronous_commit'), 'remote_apply', 'confirm is as durable as the site wishes');
COMMIT;
BEGIN; SELECT confirm(:event, :'p', 'anna', 'k') \gset _
SELECT is(current_setting('synchronous_commit'), 'on', 'and so is its replay'); COMMIT;
BEGIN; SET LOCAL synchronous_commit = 'remote_write';
SELECT count(*) FROM confirm_seats(:event, buyer('anna'), NULL, NULL, false, seats(5)) \gset _
SELECT is(current_setting('synchronous_commit'), 'remote_write', 'confirm of seats'); COMMIT;
BEGIN; SET LOCAL synchronous_commit = 'remote_apply';
SELECT reserve(:event, :'r', 'anna') \gset _
SELECT is(current_setting('synchronous_commit'), 'remote_apply', 'reserve'); COMMIT;
BEGIN; SELECT count(*) FROM booking_get(:event, :'p', buyer('anna')) \gset _
SELECT is(current_setting('synchronous_commit'), 'on', 'a read'); COMMIT;
BEGIN; SELECT account_register('a@example.test', 'A', '$y$j9T$not.a.hash.of.any.password') \gset _
SELECT is(current_setting('synchronous_commit'), 'on', 'an account'); COMMIT;

-- money
SELECT event() AS sale \gset
UPDATE events SET payment = 'stripe' WHERE event_id = :sale;
CREATE TEMPORARY TABLE more AS SELECT held(:sale, 'anna', seats(1)) AS m, held(:sale, 'anna', seats(2)) AS x,
  held(:sale, 'anna', seats(3)) AS w;
SELECT m, x, w FROM more \gset
BEGIN; SELECT holdfast.extend(:sale, :'x', buyer('anna'), NULL, NULL, false, 600, 3600, 3) \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'extend may be lost'); COMMIT;
BEGIN; SET LOCAL synchronous_commit = 'remote_apply'; SELECT checkout(:sale, :'m', 'anna') \gset _
SELECT is(current_setting('synchronous_commit'), 'remote_apply', 'checkout is durable before the provider is called'); COMMIT;
BEGIN; SET LOCAL synchronous_commit = 'remote_apply'; SELECT payment_opened(:sale, :'m', 1, 'pi_m', NULL) \gset _
SELECT is(current_setting('synchronous_commit'), 'remote_apply', 'so is what it answered'); COMMIT;
BEGIN; SELECT told('pi_m', 'succeeded', 1000, p_notice => 'evt_m') \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'money is flushed by what follows it'); COMMIT;
BEGIN; SELECT told('pi_m', 'succeeded', 1000, p_notice => 'evt_m') \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'and its replay, since that is answered too'); COMMIT;
BEGIN; SELECT holdfast.paid(:sale, :'w', buyer('organizer'), false, NULL, NULL, false, NULL) \gset _
SELECT is(current_setting('synchronous_commit'), 'off', 'the word of staff likewise'); COMMIT;
SELECT cancel(:sale, :'m', 'anna') \gset _
BEGIN; SET LOCAL synchronous_commit = 'remote_apply';
SELECT refund_told(refund_id, 're_m', 'done', NULL) FROM refunds WHERE booking_id = :'m' \gset _
SELECT is(current_setting('synchronous_commit'), 'remote_apply', 'a refund is durable'); COMMIT;
BEGIN; SET LOCAL synchronous_commit = 'remote_apply';
SELECT refund_heard('stripe', 'evt_r', refund_id, 'pi_m', 're_m', 'failed', 1, 'eur', NULL) FROM refunds WHERE booking_id = :'m' \gset _
SELECT payment_disputed('stripe', 'evt_d', 'pi_m', 'du_m', 1, 'eur', NULL) \gset _
SELECT is(current_setting('synchronous_commit'), 'remote_apply', 'so is what a notice tells of one, or of a dispute'); COMMIT;

-- an error undoes the setting with the rest, and a repeat sets it again
BEGIN; SELECT failure(format('SELECT hold(%s, %L, seats(5))', :event, 'berta')) \gset _
SELECT is(current_setting('synchronous_commit'), 'on', 'a refused hold leaves no setting'); COMMIT;

-- a hold and a confirm in one transaction: whoever did that would lose the confirm
BEGIN; SELECT held(:event, 'anna', seats(8)) AS both \gset
SELECT confirm(:event, :'both', 'anna') \gset _
SELECT is(current_setting('synchronous_commit'), 'off',
  'so no move runs inside another''s transaction'); ROLLBACK;

SELECT is((SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc
    WHERE pronamespace = 'holdfast'::regnamespace AND prosrc LIKE '%synchronous_commit%'),
  'answers_trim cancel event_update expire extend hold job_beat outbox_bury outbox_take outbox_told outbox_trim paid payment_told queue_mark '
  'queue_serve queue_trim release sessions_trim', 'no other function speaks of it');
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace
    AND prosrc ~ 'set_config\(''synchronous_commit'', ''(on|local|remote)'), 0::bigint,
  'none makes a site less durable than it is');
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace
    AND array_to_string(proconfig, ' ') LIKE '%synchronous_commit%'), 0::bigint,
  'none sets it by a clause, which would be undone before the commit');
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace
    AND prosrc LIKE '%synchronous_commit%' AND prosrc ~ '\mEXCEPTION\s+WHEN\M'), 0::bigint,
  'none within an exception block');
SELECT is((SELECT count(*) FROM pg_proc f, pg_proc g
    WHERE f.pronamespace = 'holdfast'::regnamespace AND g.pronamespace = f.pronamespace
      AND f.proname IN ('cancel', 'event_update', 'expire', 'extend', 'hold', 'paid', 'payment_told', 'queue_serve', 'release')
      AND g.prosrc ~ ('(:=|PERFORM|SELECT|FROM)\s+(holdfast\.)?' || f.proname || '\s*\(')), 0::bigint,
  'none is called by another function');
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace
    AND prosrc LIKE '%clock_timestamp%' AND proname NOT IN ('filter_event', 'queue_room', 'reconcile_glance')), 0::bigint,
  'one clock: every deadline is judged by now()');

-- the flush
SELECT pg_current_wal_insert_lsn() AS written \gset
BEGIN; SELECT pg_logical_emit_message(true, 'holdfast', '') \gset _
COMMIT;
SELECT ok(pg_current_wal_flush_lsn() >= :'written'::pg_lsn,
  'once the flush is committed all that was written before it is on the disk');

SELECT * FROM finish();
