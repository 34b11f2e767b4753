// Accounts over HTTP: register, log in, stay logged in, log out, who am I; and what is refused.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');

const stack = require('../lib/stack.js');

const base = `${process.env.HOLDFAST_URL}/api/v1`;
const password = 'correct horse';

async function call(method, where, body, token) {
	const headers = {};
	if (body !== undefined) headers['Content-Type'] = 'application/json';
	if (token !== undefined) headers.Authorization = `Bearer ${token}`;
	const answer = await fetch(base + where, {
		method,
		headers,
		body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
	});
	const text = await answer.text();
	const { status, headers: fields } = answer;
	return { status, headers: fields, text, body: text && JSON.parse(text) };
}

const post = (where, body, token) => call('POST', where, body, token);
const freshEmail = () => `u${randomBytes(8).toString('hex')}@example.test`;

function user(args, input) {
	return execFileSync(path.join(process.env.HOLDFAST_BIN, 'holdfast-user'),
		['--config', process.env.HOLDFAST_CONF, ...args],
		{ input: input ?? '', encoding: 'utf8' });
}

function assertProblem(answer, status, slug) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.headers.get('content-type'), 'application/problem+json');
	assert.equal(answer.body.type, `/problems/${slug}`);
	assert.equal(answer.body.status, status);
	assert.equal(answer.body.instance, answer.headers.get('x-request-id'));
}

const pointers = (answer) => answer.body.errors.map((e) => e.pointer).sort();

async function registered() {
	const email = freshEmail();
	assert.equal((await post('/auth/register', { email, password })).status, 201);
	return email;
}

async function loggedIn(email) {
	const answer = await post('/auth/login', { email, password });
	assert.equal(answer.status, 200, answer.text);
	return answer.body;
}

test('a visitor registers, logs in and is who they are', async () => {
	const email = freshEmail();
	const made = await post('/auth/register', { email, password, name: 'Zoë "Z" O’Neill' });
	assert.equal(made.status, 201);
	assert.match(made.body.user_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
	assert.deepEqual(made.body,
		{ user_id: made.body.user_id, email, name: 'Zoë "Z" O’Neill', role: 'user' });
	assert.match(made.headers.get('cache-control'), /no-store/);
	const session = await loggedIn(email.toUpperCase());
	assert.equal(session.token_type, 'Bearer');
	assert.ok(Number.isInteger(session.expires_in) && session.expires_in > 0);
	assert.match(session.refresh_token, /^[\w-]{65}$/);
	const me = await call('GET', '/auth/me', undefined, session.access_token);
	assert.equal(me.status, 200);
	assert.deepEqual(me.body, made.body);
});

test('the names that existing clients use are the same calls', async () => {
	const email = freshEmail();
	assert.equal((await post('/register', { email, password })).status, 201);
	assert.equal((await post('/login', { email, password })).status, 200);
});

test('an address is taken once, in whatever case', async () => {
	const email = await registered();
	assertProblem(await post('/auth/register', { email: email.toUpperCase(), password }), 409,
		'email-taken');
});

test('twenty who register one address at once are one account', async () => {
	const email = freshEmail();
	const answers = await Promise.all(Array.from({ length: 20 },
		() => post('/auth/register', { email, password })));
	assert.equal(answers.filter((a) => a.status === 201).length, 1);
	assert.equal(answers.filter((a) => a.status === 409).length, 19);
});

test('what is not valid is named', async () => {
	const email = freshEmail();
	const invalid = async (body, expected) => {
		const answer = await post('/auth/register', body);
		assertProblem(answer, 422, 'invalid');
		assert.deepEqual(pointers(answer), expected);
	};
	await invalid({}, ['/email', '/password']);
	await invalid({ email: 'nix', password: 'short', name: '' },
		['/email', '/name', '/password']);
	await invalid({ email, password, role: 'admin' }, ['/role']);
	await invalid({ email, password: 12345678 }, ['/password']);
	await invalid({ email, password: 'é'.repeat(256) }, ['/password']);
	const long = await post('/auth/register', { email, password: 'x'.repeat(5000) });
	assertProblem(long, 422, 'invalid');
	assert.match(long.body.errors[0].detail, /8 to 511 bytes/);
	await invalid({ email, password, name: 'n'.repeat(201) }, ['/name']);
	await invalid({ email: `${email}\r\nBcc: x@y.zz`, password }, ['/email']);
	assertProblem(await post('/auth/register', '{"email":'), 400, 'malformed-request');
	assertProblem(await post('/auth/register', { email, password: 'x\u0000yyyyyyyy' }),
		400, 'malformed-request');
	assert.equal((await post('/auth/login', { email, password })).status, 401);
	const longest = { email, password: 'é'.repeat(255) };
	assert.equal((await post('/auth/register', { ...longest, name: null })).status, 201);
	assert.equal((await post('/auth/login', longest)).status, 200);
});

test('wrong password, unknown address and disabled account are the same answer', async () => {
	const email = await registered();
	const disabled = await registered();
	const session = await loggedIn(disabled);
	user(['disable', '--email', disabled]);
	const answers = [
		await post('/auth/login', { email, password: 'wrong horse' }),
		await post('/auth/login', { email, password: '' }),
		await post('/auth/login', { email, password: 'x'.repeat(600) }),
		await post('/auth/login', { email: freshEmail(), password }),
		await post('/auth/login', { email: 'no address', password }),
		await post('/auth/login', { email: disabled, password }),
	];
	for (const answer of answers) {
		assertProblem(answer, 401, 'invalid-credentials');
		assert.match(answer.headers.get('www-authenticate'), /^Bearer/);
		assert.deepEqual({ ...answer.body, instance: '' },
			{ ...answers[0].body, instance: '' });
	}
	assertProblem(await call('GET', '/auth/me', undefined, session.access_token), 401,
		'unauthenticated');
	assertProblem(await post('/auth/refresh', { refresh_token: session.refresh_token }), 401,
		'invalid-credentials');
	assert.equal((await call('GET', '/bookings', undefined, session.access_token)).status, 200,
		'a buyer\'s access token is good until it ends');
	user(['enable', '--email', disabled]);
	await loggedIn(disabled);
});

test('an unknown address takes as long as a wrong password', async (t) => {
	// At what a hash costs by default: at the least cost nobody could tell.
	await stack.change({ password_cost: 6 }, 'accounts');
	t.after(() => stack.change({ password_cost: 1 }, 'accounts'));
	const email = await registered();
	const best = { known: Infinity, unknown: Infinity };
	const time = async (who, address) => {
		const began = process.hrtime.bigint();
		await post('/auth/login', { email: address, password: 'wrong horse' });
		best[who] = Math.min(best[who], Number(process.hrtime.bigint() - began) / 1e6);
	};
	// Turn by turn, and on a busy machine longer: the fastest of each come near to each other. Without
	// a hash for the unknown address they never would.
	const near = () => best.unknown > best.known * 0.7 && best.unknown < best.known * 1.5;
	for (let i = 0; i < 60 && (i < 6 || !near()); i++) {
		await time('known', email);
		await time('unknown', freshEmail());
	}
	assert.ok(near(), `${best.known} ms and ${best.unknown} ms`);
});

test('a refresh token is good once, and its reuse ends the session', async () => {
	const first = await loggedIn(await registered());
	const second = await post('/auth/refresh', { refresh_token: first.refresh_token });
	assert.equal(second.status, 200);
	assert.deepEqual(Object.keys(second.body).sort(), Object.keys(first).sort());
	assert.notEqual(second.body.refresh_token, first.refresh_token);
	const me = await call('GET', '/auth/me', undefined, second.body.access_token);
	assert.equal(me.status, 200);
	const third = await post('/auth/refresh', { refresh_token: second.body.refresh_token });
	assert.equal(third.status, 200);
	assertProblem(await post('/auth/refresh', { refresh_token: first.refresh_token }), 401,
		'invalid-credentials');
	assertProblem(await post('/auth/refresh', { refresh_token: third.body.refresh_token }), 401,
		'invalid-credentials');
});

test('a token that is known only by what all of its session begin with ends the session', async () => {
	const first = await loggedIn(await registered());
	const second = (await post('/auth/refresh', { refresh_token: first.refresh_token })).body;
	const prefix = first.refresh_token.slice(0, 22);
	assert.equal(second.refresh_token.slice(0, 22), prefix);
	assert.notEqual(second.refresh_token.slice(22), first.refresh_token.slice(22));
	for (const token of [prefix.slice(0, 21), `${prefix.slice(0, 21)}*${first.refresh_token.slice(22)}`])
		assertProblem(await post('/auth/refresh', { refresh_token: token }), 401, 'invalid-credentials');
	const third = await post('/auth/refresh', { refresh_token: second.refresh_token });
	assert.equal(third.status, 200);
	assertProblem(await post('/auth/refresh', { refresh_token: prefix + 'A'.repeat(43) }), 401,
		'invalid-credentials');
	assertProblem(await post('/auth/refresh', { refresh_token: third.body.refresh_token }), 401,
		'invalid-credentials');
	const other = await loggedIn(await registered());
	assert.notEqual(other.refresh_token.slice(0, 22), prefix);
	assert.equal((await post('/auth/logout', { refresh_token: other.refresh_token.slice(0, 22) })).status, 204);
	assertProblem(await post('/auth/refresh', { refresh_token: other.refresh_token }), 401,
		'invalid-credentials');
});

test('of ten who exchange one refresh token at once, at most one has a session', async () => {
	const { refresh_token } = await loggedIn(await registered());
	const answers = await Promise.all(Array.from({ length: 10 },
		() => post('/auth/refresh', { refresh_token })));
	const won = answers.filter((a) => a.status === 200);
	assert.equal(won.length, 1);
	assertProblem(await post('/auth/refresh', { refresh_token: won[0].body.refresh_token }),
		401, 'invalid-credentials');
});

test('a logout ends its session and no other', async () => {
	const email = await registered();
	const one = await loggedIn(email);
	const other = await loggedIn(email);
	for (const token of [one.refresh_token, one.refresh_token, 'never was one']) {
		const answer = await post('/auth/logout', { refresh_token: token });
		assert.equal(answer.status, 204);
		assert.equal(answer.text, '');
	}
	const refresh = async ({ refresh_token }) =>
		(await post('/auth/refresh', { refresh_token })).status;
	assert.equal(await refresh(one), 401);
	assert.equal(await refresh(other), 200);
});

test('what is no refresh token is refused', async () => {
	for (const token of ['', 'x', '0'.repeat(64), 'ü'.repeat(500)])
		assertProblem(await post('/auth/refresh', { refresh_token: token }), 401,
			'invalid-credentials');
	for (const body of [{}, { refresh_token: 1 }, { refresh_token: 'x', more: 1 }])
		assertProblem(await post('/auth/refresh', body), 422, 'invalid');
	const session = await loggedIn(await registered());
	assertProblem(await post('/auth/refresh', { refresh_token: session.access_token }), 401,
		'invalid-credentials');
	assertProblem(await call('GET', '/auth/me', undefined, session.refresh_token), 401,
		'unauthenticated');
});

test('me needs a token of ours', async () => {
	const { access_token: token } = await loggedIn(await registered());
	const [head, claims] = token.split('.');
	const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
	assertProblem(await call('GET', '/auth/me'), 401, 'unauthenticated');
	for (const forged of ['', 'x', `${none}.${claims}.`, `${head}.${claims}.`, `${token}x`,
		`${head}.${claims}.${'A'.repeat(43)}`])
		assertProblem(await call('GET', '/auth/me', undefined, forged), 401,
			'unauthenticated');
});

test('the operator adds accounts with roles, and changes them', async () => {
	const email = freshEmail();
	const added = user(['add', '--email', email, '--role', 'organizer', '--name', 'Olga'],
		`${password}\n`);
	assert.match(added, new RegExp(`^[0-9a-f-]{36} organizer ${email}\n$`));
	const me = async () => (await call('GET', '/auth/me', undefined,
		(await loggedIn(email)).access_token)).body;
	assert.deepEqual(await me(),
		{ user_id: added.slice(0, 36), email, name: 'Olga', role: 'organizer' });
	user(['role', '--email', email, '--role', 'admin']);
	assert.equal((await me()).role, 'admin');
	assert.match(user(['list']),
		new RegExp(`^${added.slice(0, 36)} \\S+ admin enabled ${email}$`, 'm'));
	user(['password', '--email', email], 'another horse\n');
	assert.equal((await post('/auth/login', { email, password })).status, 401);
	assert.equal((await post('/auth/login', { email, password: 'another horse' })).status, 200);
	const fails = (args, input, status) => assert.throws(() => user(args, input),
		(error) => error.status === status);
	fails(['add', '--email', email, '--role', 'user'], `${password}\n`, 1);
	fails(['add', '--email', freshEmail(), '--role', 'root'], `${password}\n`, 2);
	fails(['add', '--email', freshEmail()], 'short\n', 2);
	fails(['add', '--email', freshEmail()], '', 2);
	fails(['role', '--email', freshEmail(), '--role', 'user'], '', 1);
	fails(['role', '--email', email], '', 2);
	fails(['nothing'], '', 2);
	fails(['list', '--set', 'database_url=host=/nonexistent'], '', 75);
});

// What a login of a new admin gets that comes while the role is being changed to user.
async function overlapped() {
	const email = freshEmail();
	user(['add', '--email', email, '--role', 'admin'], `${password}\n`);
	const change = spawn('psql', [stack.env.DATABASE_URL, '-XAtq'], { stdio: ['pipe', 'pipe', 'inherit'] });
	const over = once(change, 'close');
	try {
		change.stdin.write(`begin; update holdfast.users set role = 'user' where email = '${email}'; select pg_backend_pid();\n`);
		const [pid] = await once(change.stdout, 'data');
		let answer = null;
		const login = post('/auth/login', { email, password }).then((given) => { answer = given; });
		await stack.until('a login that waits for the change', () => answer ||
			stack.sql(`select exists (select from pg_stat_activity where ${pid} = any(pg_blocking_pids(pid)))`) === 't');
		change.stdin.end('commit;\n');
		await login;
		return answer;
	} finally {
		change.stdin.end();
		await over;
	}
}

test('a login that meets a change of role has the new one', async () => {
	let answer = await overlapped();
	// On a busy machine the change may take longer than a login waits for it.
	for (let tries = 1; answer.status !== 200 && tries < 5; tries++) answer = await overlapped();
	assert.equal(answer.status, 200, answer.text);
	assert.equal(JSON.parse(Buffer.from(answer.body.access_token.split('.')[1], 'base64url')).role, 'user');
});
