-- I7: each way in which the books of money could be wrong is seen, and named.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
BEGIN;
SELECT plan(18);

SELECT event(12, 6, 6) AS event \gset
UPDATE events SET payment = 'stripe' WHERE event_id = :event;
UPDATE events SET payment_since = now() - interval '1 day' WHERE event_id = :event;
SELECT paid(:event, 'anna', seats(1,2), '{}', '{}', 'pi_a') AS a \gset
SELECT paid(:event, 'anna', seats(6), '{}', '{}', 'pi_b') AS b \gset
SELECT cancel(:event, :'b', 'anna') \gset _
SELECT open_payment(:event, 'anna', seats(4), '{}', '{}', 'pi_c') AS c \gset
SELECT due(:event, :'c') \gset _
SELECT held(:event, 'carl', seats(4)) AS rival \gset
SELECT told('pi_c', 'succeeded', 1000) \gset _
SELECT open_payment(:event, 'anna', seats(5), '{}', '{}', 'pi_d') AS d \gset

SELECT is((SELECT string_agg(t, E'\n') FROM audit_i7() AS t), NULL, 'the books are right');
SELECT is((SELECT ROW(invariant, failures, checked)::text FROM audit_money()),
  '(I7,0,"4 payments, 0 of them open and not asked about any more, 2 refunds, 0 of them failed")', 'and say what was looked at');

-- What a statement breaks, as the audit tells it; undone afterwards. Guards are off, as for whoever
-- would go around them.
CREATE FUNCTION pg_temp.broken(p_sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_said text;
BEGIN
  BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE p_sql;
    SELECT string_agg(t, '; ' ORDER BY t) INTO v_said FROM holdfast.audit_i7() AS t;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
  EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    NULL;
  END;
  RETURN v_said;
END
$$;
SELECT matches(pg_temp.broken(format(q.sql, q.booking)), q.said, q.about) FROM (VALUES
  ('UPDATE holdfast.payments SET captured = captured + 1 WHERE booking_id = %L', :'a', 'should keep 2000, its payments keep 2001', 'more came than is kept'),
  ('UPDATE holdfast.payments SET captured = captured - 1 WHERE booking_id = %L', :'a', 'should keep 2000, its payments keep 1999', 'less'),
  ('UPDATE holdfast.payments SET refunding = 5 WHERE booking_id = %L', :'a', 'has 0 of refunds, and says 5', 'a refund that is not there'),
  ('UPDATE holdfast.payments SET refunding = 0 WHERE booking_id = %L', :'b', 'has 1000 of refunds, and says 0', 'one that is not counted'),
  ('UPDATE holdfast.refunds SET amount = 2000 WHERE booking_id = %L', :'b', 'has 2000 of refunds, and says 1000', 'one of another sum'),
  ('DELETE FROM holdfast.refunds WHERE booking_id = %L', :'c', 'has 0 of refunds, and says 1000', 'one that is gone'),
  ('UPDATE holdfast.booking_cancels SET refund = 900 WHERE booking_id = %L', :'b', 'should keep 100, its payments keep 0', 'a cancel that says otherwise'),
  ('DELETE FROM holdfast.payments WHERE booking_id = %L', :'a', 'confirmed without its money', 'a payment that is gone'),
  ('UPDATE holdfast.payments SET status = ''failed'', captured = 0 WHERE booking_id = %L', :'a', 'confirmed without its money', 'one that failed'),
  ('UPDATE holdfast.bookings SET booking_id = gen_random_uuid() WHERE booking_id = %L', :'d', 'which is not there', 'a booking that is gone'),
  ('UPDATE holdfast.bookings SET total = 7 WHERE booking_id = %L', :'d', 'or costs another sum', 'one that costs another sum'),
  ('DELETE FROM holdfast.payments WHERE booking_id = %L', :'d', 'is RESERVED and has no payment', 'a reservation for nothing'),
  ('UPDATE holdfast.bookings SET status = ''CONFIRMED'', confirmed_at = now() WHERE booking_id = %L', :'d',
    'confirmed without its money', 'confirmed and not paid'),
  ('UPDATE holdfast.bookings SET status = ''REFUNDED'' WHERE booking_id = %L', :'b', 'REFUNDED, and a refund of it was never sent', 'refunded in name'),
  ('UPDATE holdfast.bookings SET status = ''REFUNDED'' WHERE booking_id = %L', :'a', 'REFUNDED, and a refund of it was never sent', 'and without any'),
  ('UPDATE holdfast.payments SET refunding = 0 WHERE booking_id = %L', :'c', 'PAID_UNFULFILLED and has no payment', 'paid, unfulfilled, and not going back')
) AS q (sql, booking, said, about);

SELECT * FROM finish();
ROLLBACK;
