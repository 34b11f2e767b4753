-- accounts: who may be written, who may call what, sessions and their end, also with two at once.
\set ON_ERROR_STOP on
SET search_path = holdfast, given, tap, public;
SELECT plan(71);

-- A password hash, and the SHA-256 of a token and of what it begins with, made of a name.
CREATE FUNCTION pg_temp.hash(p_name text) RETURNS text
LANGUAGE sql IMMUTABLE RETURN '$y$jAT$' || md5(p_name) || '$' || md5(p_name);
CREATE FUNCTION pg_temp.token(p_name text) RETURNS bytea
LANGUAGE sql IMMUTABLE RETURN sha256(p_name::bytea);
CREATE FUNCTION pg_temp.prefix(p_name text) RETURNS bytea
LANGUAGE sql IMMUTABLE RETURN sha256(left(p_name, 1)::bytea);
CREATE FUNCTION pg_temp.refresh(p_old text, p_new text) RETURNS text
LANGUAGE sql AS $$
  SELECT outcome FROM session_refresh(pg_temp.prefix(p_old), pg_temp.token(p_old),
    pg_temp.token(p_new), 600)
$$;

-- ---- accounts --------------------------------------------------------------------------------

SELECT (account_register('Anna@Example.test', 'Anna', pg_temp.hash('anna'))).* \gset anna_
SELECT is(:'anna_email'::text, 'Anna@Example.test', 'the address stays as it was written');
SELECT is(:'anna_role'::text, 'user', 'a visitor becomes a user');
SELECT throws_ok($$ SELECT account_register('anna@example.TEST', NULL, pg_temp.hash('other')) $$,
  'HF222', NULL, 'an address is taken in whatever case');
SELECT is((account_register('Anna@Example.test', 'Anna', pg_temp.hash('anna'))).user_id,
  :'anna_user_id'::uuid, 'the same call again has the same answer');
SELECT is((SELECT count(*) FROM users), 1::bigint, 'and adds nothing');
SELECT (account_add('boss@example.test', NULL, pg_temp.hash('boss'), 'admin')).* \gset boss_
SELECT is(:'boss_role'::text, 'admin', 'the operator gives roles');
SELECT throws_ok($$ SELECT account_add('x@example.test', NULL, pg_temp.hash('x'), 'root') $$,
  '23514', NULL, 'that exist');
SELECT throws_ok(format('SELECT account_register(%L, NULL, pg_temp.hash(%L))', mail, 'x'),
    '23514', NULL, 'no address: ' || left(mail, 20))
  FROM unnest(ARRAY['', 'x', 'x@', '@x', 'a b@x', 'a@b@c', E'a@b\n',
    repeat('a', 250) || '@x.yz']) AS mail;
SELECT throws_ok($$ SELECT account_register('x@example.test', '', pg_temp.hash('x')) $$,
  '23514', NULL, 'no empty name');
SELECT throws_ok(
  $$ SELECT account_register('x@example.test', repeat('n', 201), pg_temp.hash('x')) $$,
  '23514', NULL, 'no endless name');
SELECT throws_ok($$ SELECT account_register('x@example.test', NULL, 'a password') $$,
  '23514', NULL, 'no password where a hash belongs');

SELECT is((SELECT ROW(f.user_id, f.password_hash, f.disabled)::text
    FROM account_find('ANNA@example.test') f),
  ROW(:'anna_user_id'::uuid, pg_temp.hash('anna'), false)::text, 'found in whatever case');
SELECT is_empty($$ SELECT * FROM account_find('nobody@example.test') $$, 'or not at all');
SELECT is((SELECT g.name FROM account_get(:'anna_user_id') g), 'Anna', 'an account by its id');
SELECT is_empty($$ SELECT * FROM account_get(gen_random_uuid()) $$, 'an unknown id is nobody');
SELECT is((SELECT array_agg(l.email) FROM account_list(NULL, 10) l),
  '{Anna@Example.test,boss@example.test}', 'the list is in the order of addresses');
SELECT is((SELECT array_agg(l.email) FROM account_list('anna@example.test', 10) l),
  '{boss@example.test}', 'and goes on after one of them');
SELECT is((SELECT count(*) FROM account_list(NULL, 1)), 1::bigint, 'and ends at its limit');

-- ---- sessions --------------------------------------------------------------------------------

SELECT throws_ok(format('SELECT session_start(%L, pg_temp.hash(%L), NULL, pg_temp.prefix(%3$L), pg_temp.token(%3$L), 600)',
  :'anna_user_id', 'old', 'a1'), 'HF101', NULL, 'no session under a password that has changed');
SELECT is(session_start(:'anna_user_id', pg_temp.hash('anna'), NULL, pg_temp.prefix('a1'), pg_temp.token('a1'), 600), 'user',
  'a session begins');
SELECT is(session_start(:'anna_user_id', pg_temp.hash('anna'), NULL, pg_temp.prefix('a1'), pg_temp.token('a1'), 600), 'user',
  'and once more, after a lost answer');
SELECT is((SELECT count(*) FROM refresh_families), 1::bigint, 'as one');
SELECT is((SELECT ROW(r.outcome, r.user_id, r.role)::text
    FROM session_refresh(pg_temp.prefix('a1'), pg_temp.token('a1'), pg_temp.token('a2'), 600) r),
  ROW('refreshed'::text, :'anna_user_id'::uuid, 'user'::text)::text, 'a token is exchanged');
SELECT is(pg_temp.refresh('a1', 'a2'), 'refreshed',
  'and once more for the same, after a lost answer');
SELECT is(pg_temp.refresh('a2', 'a3'), 'refreshed', 'the next is good');
SELECT is(pg_temp.refresh('nix', 'a4'), 'refused', 'an unknown one is not');
SELECT is(pg_temp.refresh('a1', 'b1'), 'refused', 'a spent one is not');
SELECT is(pg_temp.refresh('a3', 'a4'), 'refused', 'and has ended the family');

SELECT session_start(:'anna_user_id', pg_temp.hash('anna'), pg_temp.hash('again'),
  pg_temp.prefix('c1'), pg_temp.token('c1'), 600);
SELECT is((SELECT password_hash FROM users WHERE user_id = :'anna_user_id'), pg_temp.hash('again'),
  'a login can renew the hash');
SELECT session_start(:'anna_user_id', pg_temp.hash('again'), NULL, pg_temp.prefix('d1'), pg_temp.token('d1'), 600);
SELECT lives_ok($$ SELECT session_end(pg_temp.prefix('c1')) $$, 'a session is ended');
SELECT lives_ok($$ SELECT session_end(pg_temp.prefix('c1')) $$, 'twice');
SELECT lives_ok($$ SELECT session_end(pg_temp.prefix('nix')) $$, 'or one that never was');
SELECT is(pg_temp.refresh('c1', 'c2'), 'refused', 'and is over');
SELECT is(pg_temp.refresh('d1', 'd2'), 'refreshed', 'other sessions go on');

UPDATE refresh_tokens SET expires_at = now() - interval '1 second'
  WHERE token_hash = pg_temp.token('d2');
SELECT is(pg_temp.refresh('d2', 'd3'), 'refused', 'a token has its time');
UPDATE refresh_families SET expires_at = now() - interval '1 second'
  WHERE family_id = (SELECT family_id FROM refresh_tokens WHERE token_hash = pg_temp.token('d2'));
SELECT session_start(:'anna_user_id', pg_temp.hash('again'), NULL, pg_temp.prefix('e1'), pg_temp.token('e1'), 600);
SELECT is_empty($$ SELECT FROM refresh_tokens WHERE token_hash = pg_temp.token('d2') $$,
  'what is past its time goes at the next login');
UPDATE refresh_tokens SET expires_at = now() - interval '1 second', next_hash = pg_temp.token('e2')
  WHERE token_hash = pg_temp.token('e1');
INSERT INTO refresh_tokens SELECT pg_temp.token('e2'), family_id, now() + interval '1 minute'
  FROM refresh_tokens WHERE token_hash = pg_temp.token('e1');
SELECT is(pg_temp.refresh('e2', 'e3'), 'refreshed', 'a session goes on');
SELECT is_empty($$ SELECT FROM refresh_tokens WHERE token_hash = pg_temp.token('e1') $$,
  'without the tokens past their time');

-- Whoever refreshes on and on leaves no endless number of tokens.
SELECT session_start(:'anna_user_id', pg_temp.hash('again'), NULL, pg_temp.prefix('r1'), pg_temp.token('r1'), 600) \g /dev/null
SELECT pg_temp.refresh('r' || n, 'r' || n + 1) FROM generate_series(1, 102) AS n \g /dev/null
SELECT is((SELECT count(*) FROM refresh_tokens JOIN refresh_families f USING (family_id)
    WHERE f.family_id = (SELECT family_id FROM refresh_tokens WHERE token_hash = pg_temp.token('r103'))),
  101::bigint, 'of spent tokens the newest hundred are kept');
SELECT is(pg_temp.refresh('r1', 'x1'), 'refused', 'an older one is not, and refused');
SELECT is(pg_temp.refresh('r103', 'r104'), 'refused', 'and has ended the family, by what it begins with');
SELECT session_start(:'anna_user_id', pg_temp.hash('again'), NULL, pg_temp.prefix('s1'), pg_temp.token('s1'), 600) \g /dev/null
SELECT pg_temp.refresh('s' || n, 's' || n + 1) FROM generate_series(1, 102) AS n \g /dev/null
SELECT is(pg_temp.refresh('s3', 'x1'), 'refused', 'the oldest that is kept is refused');
SELECT is(pg_temp.refresh('s103', 's104'), 'refused', 'and has ended the family too');
SELECT session_start(:'anna_user_id', pg_temp.hash('again'), NULL, pg_temp.prefix('t1'), pg_temp.token('t1'), 600) \g /dev/null
SELECT pg_temp.refresh('t1', 't2') \g /dev/null
UPDATE refresh_tokens SET expires_at = now() - interval '1 second' WHERE token_hash = pg_temp.token('t1');
SELECT is(pg_temp.refresh('t1', 'x1'), 'refused', 'a spent one past its time is refused');
SELECT is(pg_temp.refresh('t2', 't3'), 'refused', 'and has ended the family, as it would once it is gone');

SELECT session_start(:'anna_user_id', pg_temp.hash('again'), NULL, sha256(('#' || n)::bytea), sha256(n::text::bytea), 600)
  FROM generate_series(1, 60) AS n \g /dev/null
SELECT cmp_ok((SELECT count(*) FROM refresh_families WHERE user_id = :'anna_user_id'),
  '<=', 50::bigint,  'a user has no endless number of sessions');

-- ---- changes ---------------------------------------------------------------------------------

SELECT session_start(:'boss_user_id', pg_temp.hash('boss'), NULL, pg_temp.prefix('f1'), pg_temp.token('f1'), 600);
SELECT lives_ok($$ SELECT account_change('BOSS@example.test', NULL, true, NULL) $$,
  'an account is disabled');
SELECT is_empty(format('SELECT * FROM account_get(%L)', :'boss_user_id'), 'and is nobody');
SELECT is((SELECT f.disabled FROM account_find('boss@example.test') f), true, 'which a login sees');
SELECT throws_ok(format('SELECT session_start(%L, pg_temp.hash(%L), NULL, pg_temp.prefix(%3$L), pg_temp.token(%3$L), 600)',
  :'boss_user_id', 'boss', 'f9'), 'HF101', NULL, 'as does the session that would begin');
SELECT is(pg_temp.refresh('f1', 'f2'), 'refused', 'its sessions are over');
SELECT account_change('boss@example.test', 'organizer', false, pg_temp.hash('new'));
SELECT throws_ok(format('SELECT session_start(%L, pg_temp.hash(%L), NULL, pg_temp.prefix(%3$L), pg_temp.token(%3$L), 600)',
  :'boss_user_id', 'boss', 'f1'), 'HF101', NULL, 'and the call that began one finds it over');
SELECT is((SELECT ROW(u.role, u.disabled_at IS NULL, u.password_hash)::text
    FROM users u WHERE user_id = :'boss_user_id'),
  ROW('organizer'::text, true, pg_temp.hash('new'))::text, 'role, state and password can change');
SELECT is(pg_temp.refresh('f1', 'f2'), 'refused', 'without reviving a session');
SELECT throws_ok($$ SELECT account_change('nobody@example.test', 'user', NULL, NULL) $$,
  'HF104', NULL, 'nobody can be changed');

-- ---- two at once -----------------------------------------------------------------------------

SELECT format('host=%s dbname=%s user=postgres', current_setting('unix_socket_directories'),
  current_database()) AS here \gset
SELECT dblink_connect('one', :'here') \g /dev/null
SELECT dblink_connect('two', :'here') \g /dev/null
CREATE FUNCTION pg_temp.refresh_text(p_old text, p_new text) RETURNS text
LANGUAGE sql IMMUTABLE RETURN
  format('SELECT outcome FROM holdfast.session_refresh(sha256(%L), sha256(%L), sha256(%L), 600)',
    left(p_old, 1), p_old, p_new);

SELECT session_start(:'boss_user_id', pg_temp.hash('new'), NULL, pg_temp.prefix('g0'), pg_temp.token('g0'), 600);
SELECT pg_temp.refresh('g0', 'g1') \g /dev/null
SELECT dblink_exec('one', 'BEGIN') \g /dev/null
SELECT is((SELECT o FROM dblink('one', pg_temp.refresh_text('g1', 'g2')) AS r(o text)), 'refreshed',
  'while one exchanges the newest token');
SELECT dblink_send_query('two', pg_temp.refresh_text('g0', 'x1')) \g /dev/null
SELECT pg_sleep(0.2);
SELECT is(dblink_is_busy('two'), 1, 'a thief with a spent one waits');
SELECT dblink_exec('one', 'COMMIT') \g /dev/null
SELECT is((SELECT o FROM dblink_get_result('two') AS r(o text)), 'refused', 'and is refused');
SELECT is(pg_temp.refresh('g2', 'g3'), 'refused', 'and the token made meanwhile is ended too');

SELECT session('operator', 'postgres'), session('login', 'holdfast_accounts') \gset _
SELECT run('operator', 'BEGIN') \gset _
SELECT run('operator', format('UPDATE holdfast.users SET role = %L WHERE user_id = %L', 'user', :'boss_user_id')) \gset _
SELECT start('login', format('SELECT holdfast.session_start(%L, %L, NULL, sha256(%L), sha256(%3$L), 600)',
  :'boss_user_id', pg_temp.hash('new'), 'h0')) \gset _
SELECT ok(until_waiting('login'), 'a login waits for who changes the role');
SELECT run('operator', 'COMMIT') \gset _
SELECT is(finish('login'), 'user', 'and has the new one');

-- ---- rights ----------------------------------------------------------------------------------

SELECT is_empty($$
  SELECT r.rolname, c.relname FROM pg_roles r, pg_class c
    WHERE r.rolname ~ '^holdfast_' AND r.rolname <> 'holdfast_owner'
      AND c.oid IN ('users'::regclass, 'refresh_families'::regclass, 'refresh_tokens'::regclass)
      AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') $$,
  'no program writes to the tables of accounts');
SELECT is_empty($$
  SELECT r.rolname FROM pg_roles r
    WHERE r.rolname ~ '^holdfast_' AND r.rolname <> 'holdfast_owner'
      AND (has_column_privilege(r.oid, 'users'::regclass, 'password_hash', 'SELECT')
        OR has_table_privilege(r.oid, 'refresh_tokens'::regclass, 'SELECT')) $$,
  'or reads a secret out of them');
SELECT set_eq($$
  SELECT p.proname::text, string_agg(substr(r.rolname, 10), ' ' ORDER BY r.rolname)
    FROM pg_proc p, pg_roles r
    WHERE p.pronamespace = 'holdfast'::regnamespace AND p.proname ~ '^(account|session)_'
      AND r.rolname ~ '^holdfast_' AND r.rolname <> 'holdfast_owner'
      AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
    GROUP BY p.proname $$,
  $$ VALUES ('account_register', 'accounts'), ('account_find', 'accounts'),
    ('account_get', 'accounts'), ('session_start', 'accounts'), ('session_refresh', 'accounts'),
    ('session_end', 'accounts'), ('account_add', 'demo user'), ('account_list', 'user'),
    ('account_change', 'demo user'), ('account_named', 'demo') $$,
  'each function is for the programs that use it: the pool gives no roles');
SELECT * FROM finish();
