// Tokens that are none of ours, or no longer: 401, whatever they claim.
'use strict';

const assert = require('node:assert/strict');
const { createHmac, generateKeyPairSync, sign } = require('node:crypto');
const fs = require('node:fs');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, call, get, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, staff } = require('../lib/world.js');

let ann, admin, booking, id, workers, books, head, claims, keys;

const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
	.toString('base64url');

before(async () => {
	[ann, admin] = await Promise.all([buyer(), staff('admin')]);
	id = (await event(admin)).event_id;
	booking = await held(ann, id, 1);
	workers = stack.allWorkers();
	books = stack.books();
	[head, claims] = ann.token.split('.').slice(0, 2)
		.map((text) => JSON.parse(Buffer.from(text, 'base64url')));
	const file = /^jwt_keys_file = (.*)$/m.exec(fs.readFileSync(stack.env.HOLDFAST_CONF, 'utf8'))[1];
	keys = fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split(' '));
});
after(() => {
	assert.equal(stack.books(), books, 'nothing has changed');
	assert.deepEqual(stack.allWorkers(), workers, 'no worker was lost');
	stack.verify();
});

// A token whose signature is right, of these claims: what one who has a key can make.
function signed(changes = {}, { header = {}, hash = 'sha256', key = keys[0] } = {}) {
	const text = `${part({ ...head, kid: key[0], ...header })}.${part({ ...claims, ...changes })}`;
	return `${text}.${createHmac(hash, key[1]).update(text).digest('base64url')}`;
}

const me = (token) => get('/auth/me', { token });
const now = () => Math.floor(Date.now() / 1000);

test('what a token of ours says', async () => {
	assert.equal(head.alg, 'HS256');
	assert.ok(keys.length >= 2, 'two keys, so that they can be exchanged');
	assert.equal(claims.sub, ann.user_id);
	assert.equal(claims.role, 'user');
	for (const name of ['iss', 'aud', 'exp', 'nbf', 'iat']) assert.ok(claims[name], name);
	assert.ok(claims.exp - claims.iat <= 900);
	assertStatus(await me(signed()), 200);
	assertStatus(await me(signed({}, { key: keys[1] })), 200);
});

test('no token, or none that is one', async () => {
	const [h, c, s] = ann.token.split('.');
	const wrong = ['', ' ', '.', '..', '...', 'x', 'null', 'undefined', h, `${h}.${c}`, `${h}.${c}.`, `.${c}.${s}`,
		`${h}..${s}`, `${h}.${c}.${s}.`, `${h}.${c}.${s}.${s}`, `${h}.${c}.${s}=`, `${h}=.${c}.${s}`,
		`${h}.${c}.${s.slice(0, -1)}`, `${h}.${c}.${s}A`, `${c}.${h}.${s}`, `${h}.${c}.${s.toUpperCase()}`,
		`"${ann.token}"`, `${ann.token},${ann.token}`, `${h} .${c}.${s}`, 'x'.repeat(4097), '%00',
		`${h}.${c}+.${s}`, `${h}.${Buffer.from('[]').toString('base64url')}.${s}`];
	for (const token of wrong) assertProblem(await me(token), 401, 'unauthenticated');
	for (const value of ['', 'Bearer', 'Basic dXNlcjpwYXNz', ann.token, `Token ${ann.token}`,
		`Bearer: ${ann.token}`, `Bearer\t${ann.token}`, `Bearer ${ann.token} x`, `x Bearer ${ann.token}`,
		`Bearer ${ann.token}, Basic x`])
		assertProblem(await get('/auth/me', { headers: { Authorization: value } }), 401, 'unauthenticated');
	for (const value of [`bearer ${ann.token}`, `BEARER ${ann.token}`])
		assertStatus(await get('/auth/me', { headers: { Authorization: value } }), 200);
	const none = await get('/auth/me');
	assertProblem(none, 401, 'unauthenticated');
	assert.equal(none.headers['www-authenticate'], 'Bearer realm="holdfast"');
	assert.match((await me('x')).headers['www-authenticate'], /error="invalid_token"/);
	assertProblem(await get(`/auth/me?access_token=${ann.token}`), 401, 'unauthenticated');
});

test('no algorithm but ours', async () => {
	const c = part(claims);
	const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	const pem = publicKey.export({ type: 'spki', format: 'pem' });
	const forged = [];
	for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, 'HS1', 'HS256 ', 7, ['HS256']]) {
		for (const kid of [{}, { kid: keys[0][0] }]) {
			const text = `${part({ typ: 'JWT', alg, ...kid })}.${c}`;
			forged.push(`${text}.`, text, `${text}.${createHmac('sha256', '').update(text).digest('base64url')}`);
			if (alg !== 'none')
				forged.push(`${text}.${createHmac('sha256', keys[0][1]).update(text).digest('base64url')}`);
		}
	}
	for (const [alg, hash] of [['HS384', 'sha384'], ['HS512', 'sha512']])
		forged.push(signed({}, { header: { alg }, hash }));
	for (const alg of ['RS256', 'PS256', 'ES256']) {
		const text = `${part({ typ: 'JWT', alg, kid: keys[0][0] })}.${c}`;
		forged.push(`${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`);
	}
	const swapped = `${part({ ...head, alg: 'HS256' })}.${c}`;
	forged.push(`${swapped}.${createHmac('sha256', pem).update(swapped).digest('base64url')}`);
	for (const token of forged) assertProblem(await me(token), 401, 'unauthenticated');
});

test('no key but ours, and the one that is named', async () => {
	const [one, two] = keys;
	for (const key of [['zzzz', one[1]], [one[0], two[1]], [two[0], one[1]], [one[0], 'guess'],
		[one[0], ''], ['', one[1]], ['../../../dev/null', ''], ["' or 1=1", one[1]], [null, one[1]],
		[[one[0]], one[1]], [`${one[0]}\u0000`, one[1]], [one[0].toUpperCase(), one[1]]]) {
		const same = key[0] === one[0] && key[1] === one[1];
		if (!same) assertProblem(await me(signed({}, { key })), 401, 'unauthenticated');
	}
	for (const header of [{ kid: undefined }, { jwk: { kty: 'oct', k: part('guess') } }])
		assertProblem(await me(signed({}, { header, key: [one[0], 'guess'] })), 401, 'unauthenticated');
});

test('claims that do not hold', async () => {
	const uuid = '00000000-0000-4000-8000-000000000000';
	for (const changes of [
		{ exp: now() - 1 }, { exp: now() }, { exp: 0 }, { exp: -1 }, { exp: undefined }, { exp: null },
		{ exp: `${now() + 900}` }, { exp: true }, { exp: [now() + 900] },
		{ nbf: now() + 3600 }, { nbf: undefined }, { iat: now() + 3600 }, { iat: undefined },
		{ iss: 'other' }, { iss: undefined }, { iss: ['holdfast'] }, { aud: 'other' }, { aud: undefined },
		{ aud: ['holdfast-api', 'other'] }, { sub: undefined }, { sub: '' }, { sub: 1 }, { sub: 'x' },
		{ sub: `${uuid}'` }, { sub: uuid.slice(1) }, { role: undefined }, { role: 'root' }, { role: '' },
		{ role: 'Admin' }, { role: ['admin'] }, { role: 'user\u0000admin' }, { role: true },
	])
		assertProblem(await me(signed(changes)), 401, 'unauthenticated');
	// Somebody who was never registered, or is not any more.
	assertProblem(await me(signed({ sub: uuid })), 401, 'unauthenticated');
});

test('the signature covers every byte', async () => {
	const parts = ann.token.split('.');
	const richer = part({ ...claims, role: 'admin' });
	assertProblem(await me(`${parts[0]}.${richer}.${parts[2]}`), 401, 'unauthenticated');
	assertProblem(await get('/admin/venues', { token: `${parts[0]}.${richer}.${parts[2]}` }), 401,
		'unauthenticated');
	for (let i = 0; i < 3; i++) {
		for (const at of [0, Math.floor(parts[i].length / 2), parts[i].length - 2]) {
			const changed = [...parts];
			const other = changed[i][at] === 'A' ? 'B' : 'A';
			changed[i] = changed[i].slice(0, at) + other + changed[i].slice(at + 1);
			assertProblem(await me(changed.join('.')), 401, 'unauthenticated');
		}
	}
});

test('every call that needs a token says so before all else', async () => {
	const bad = signed({ exp: now() - 10 });
	for (const [method, where] of [
		['GET', '/auth/me'], ['POST', '/bookings/hold'], ['GET', '/bookings'],
		['GET', `/bookings/${booking.booking_id}`], ['POST', `/bookings/${booking.booking_id}/confirm`],
		['POST', `/bookings/${booking.booking_id}/release`], ['POST', `/bookings/${booking.booking_id}/cancel`],
		['POST', '/seat-lock'], ['POST', '/booking/confirm'], ['POST', `/events/${id}/book`],
		['POST', `/reservations/${booking.booking_id}/confirm`], ['POST', '/admin/events'], ['POST', '/events'],
		['PUT', `/admin/events/${id}`], ['GET', '/admin/venues'], ['POST', '/admin/venues'],
	]) {
		for (const token of [undefined, bad, 'x'])
			for (const body of method === 'GET' ? [undefined] : ['{"nonsense"', '{}'])
				assertProblem(await call(method, where, { token, body }), 401, 'unauthenticated');
	}
});

test('the role is that of the token, and never of the body', async () => {
	assertProblem(await get('/admin/venues', { token: ann.token }), 403, 'forbidden');
	for (const body of [{ role: 'admin' }, { user_id: admin.user_id }]) {
		assertProblem(await post('/admin/venues', { name: 'x', ...body }, { token: ann.token }), 403,
			'forbidden');
		assertProblem(await post('/bookings/hold', { event_id: id, seat_ids: ['B1'], ...body },
			{ token: ann.token }), 422, 'invalid');
	}
});
