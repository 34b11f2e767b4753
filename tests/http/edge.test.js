// The edge: methods, paths, headers, sizes; what nginx answers by itself; browsers of other origins.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { assertHeaders, assertInvalid, assertProblem, assertStatus, call, get, post } =
	require('../lib/client.js');
const raw = require('../lib/raw.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, hold, staff } = require('../lib/world.js');

let olga, ann, id, booking, workers;

before(async () => {
	[olga, ann] = await Promise.all([staff(), buyer()]);
	id = (await event(olga)).event_id;
	booking = await held(ann, id, 1);
	workers = stack.allWorkers();
});
after(() => {
	assert.deepEqual(stack.allWorkers(), workers, 'no worker was lost');
	stack.verify();
});

// Every route of every pool: {method, path, pattern}, with ids that are there.
function routes() {
	const found = [];
	for (const pool of stack.pools) {
		const lines = execFileSync(path.join(stack.env.HOLDFAST_BIN, `holdfast-${pool}`),
			['--config', stack.env.HOLDFAST_CONF, '--routes'], { encoding: 'utf8' }).trim().split('\n');
		for (const line of lines) {
			const [, method, where] = line.split(' ');
			found.push({ method, pattern: new RegExp(`^${where.replace(/{\w+}/, '[^/]+')}$`),
				path: where.replace('{event_id}', id).replace('{booking_id}', booking.booking_id) });
		}
	}
	assert.ok(found.length > 25);
	return found;
}

test('another method is 405 with those that are allowed', async () => {
	const all = routes();
	const allowed = {};
	for (const { path: where } of all) {
		allowed[where] = new Set(['OPTIONS']);
		for (const { method } of all.filter((route) => route.pattern.test(where))) {
			allowed[where].add(method);
			if (method === 'GET') allowed[where].add('HEAD');
		}
	}
	for (const [where, methods] of Object.entries(allowed)) {
		for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PURGE']) {
			if (methods.has(method)) continue;
			const answer = await call(method, where);
			assertProblem(answer, 405, 'method-not-allowed');
			assert.deepEqual(answer.headers.allow.split(', ').sort(), [...methods].sort(),
				`${method} ${where}`);
		}
		const options = await call('OPTIONS', where);
		assert.equal(options.status, 204, `OPTIONS ${where}: ${options.text}`);
		assert.deepEqual(options.headers.allow.split(', ').sort(), [...methods].sort());
	}
});

test('a method that is none', async () => {
	for (const line of ['get', 'GET/', 'G\u0001T', 'TRACE', 'CONNECT', '']) {
		const answer = await raw.http(`${line} /api/v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
		assert.ok([400, 405].includes(answer.status), `${line}: ${answer.bytes}`);
		assertProblem(answer, answer.status,
			answer.status === 400 ? 'malformed-request' : 'method-not-allowed');
	}
});

test('a path that is no route is 404, however it is spelt', async () => {
	const tricks = ['/', '/nope', '/api', '/api/v1', '/api/v1/', '/api/v2/events', '/API/v1/events',
		'/api/v1/Events', '/api/v1//events', '//api/v1/events', '/api/v1/events/', '/api/v1/events//1',
		'/api/v1/events/1/', '/api/v1/./events', '/api/v1/x/../events', '/api/v1/events/../../../etc/passwd',
		'/api/v1/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc%2fpasswd', '/api/v1%2fevents',
		'/api%2fv1%2fevents', '/api/v1/events;x=1', '/api/v1/events/1;x', '/events', '/bookings/hold',
		'/api/v1/bookings/hold/hold', '/api/v1/admin', '/.git/config', '/index.php', '/api/v1/eventsx',
		'/problems/not-found', '/api/v1/auth/me/x', '/api/v1/%65vents/x/y'];
	for (const where of tricks) {
		const answer = await call('GET', where, { root: true });
		// What climbs above the root is refused by nginx itself.
		if (answer.status === 400 && /\.\.|%2e%2e/.test(where))
			assertProblem(answer, 400, 'malformed-request');
		else assertProblem(answer, 404, 'not-found');
	}
	const spelt = await call('GET', '/api/v1/%65vents', { root: true });
	assert.ok([200, 404].includes(spelt.status));
});

test('a path with bytes that no path has', async () => {
	for (const where of ['/api/v1/events/%00', `/api/v1/events/${id}%00`, '/api/v1/events/%ff',
		'/api/v1/events/%c0%ae', '/api/v1/events/%ed%a0%80', '/api/v1/events/%zz', '/api/v1/events/%',
		'/api/v1/bookings/%f5%80%80%80']) {
		const answer = await call('GET', where, { root: true, token: ann.token });
		assertProblem(answer, 400, 'malformed-request');
	}
	for (const where of ['/api/v1/events\0', '/api/v1/ev\x01ents', '/api/v1/events/\x7f', 'api/v1/events',
		'http:', '*', '/api/v1/events/../../../../x']) {
		const answer = await raw.http(`GET ${where} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
		assert.ok([400, 404].includes(answer.status), `${JSON.stringify(where)}: ${answer.bytes}`);
		assertProblem(answer, answer.status, answer.status === 400 ? 'malformed-request' : 'not-found');
	}
	// Bytes above 0x7f as they are, and an encoded slash, are part of an id that nobody has.
	for (const where of ['/api/v1/events/\xc3\xa9', '/api/v1/events/1%2f2', '/api/v1/events/%e2%80%ae'])
		assertProblem(await call('GET', where, { root: true }), 404, 'not-found');
});

test('requests that are not well-formed', async () => {
	const lines = ['GARBAGE', 'GET', 'GET /api/v1/events', 'GET /api/v1/events HTTP/9.9',
		'GET /api/v1/events HTTP/1.1 x', '\x16\x03\x01\x02\x00', 'GET  /api/v1/events  HTTP/1.1'];
	for (const line of lines) {
		const answer = await raw.http(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`, { quietMs: 500 });
		// HTTP/0.9 has no status line.
		if (answer.bytes.startsWith('HTTP/1')) {
			assert.ok([200, 400].includes(answer.status), `${line}: ${answer.bytes}`);
			if (answer.status === 400) assertProblem(answer, 400, 'malformed-request');
		} else {
			assert.doesNotMatch(answer.bytes, /internal/);
		}
	}
	for (const field of ['Content-Length: x', 'Content-Length: -1', 'Content-Length: 1\r\nContent-Length: 2',
		'Content-Length: 5\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: nonsense',
		'Content-Length: 99999999999999999999']) {
		const answer = await raw.http('POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' +
			`Content-Type: application/json\r\n${field}\r\n\r\n{}`);
		assert.ok([400, 413].includes(answer.status), `${field}: ${answer.bytes}`);
		assertProblem(answer, answer.status, answer.status === 400 ? 'malformed-request' : 'body-too-large');
	}
	const noHost = await raw.http('GET /api/v1/events HTTP/1.1\r\nConnection: close\r\n\r\n');
	assertProblem(noHost, 400, 'malformed-request');
});

test('what is too long', async () => {
	assertProblem(await get(`/events?q=${'x'.repeat(5000)}`), 414, 'uri-too-long');
	assertProblem(await get(`/events?q=${'x'.repeat(20000)}`), 414, 'uri-too-long');
	assertProblem(await get('/events', { headers: { 'X-Much': 'x'.repeat(20000) } }), 431,
		'headers-too-large');
	const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`X-H${i}`, 'x'.repeat(700)]));
	assertProblem(await get('/events', { headers: many }), 431, 'headers-too-large');
	const big = Buffer.alloc(65537, ' ');
	assertProblem(await post('/auth/login', big), 413, 'body-too-large');
	big[0] = 0x7b; // {
	const fits = Buffer.from(`{"email":"x","password":"y"}${' '.repeat(65536 - 28)}`);
	assert.equal(fits.length, 65536);
	assertProblem(await post('/auth/login', fits), 401, 'invalid-credentials');
	const url = new URL(stack.env.HOLDFAST_URL);
	const head = 'POST /api/v1/bookings/hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' +
		'Content-Type: application/json\r\n';
	const ten = await raw.exchange({ host: url.hostname, port: Number(url.port) },
		[`${head}Content-Length: 10485760\r\n\r\n`, Buffer.alloc(10485760, 'x')]);
	assert.match(ten.toString(), /^HTTP\/1.1 413 .*\/problems\/body-too-large/s);
	const chunks = Buffer.from(`10000\r\n${'x'.repeat(65536)}\r\n`.repeat(4));
	const chunked = await raw.exchange({ host: url.hostname, port: Number(url.port) },
		[`${head}Transfer-Encoding: chunked\r\n\r\n`, chunks, '0\r\n\r\n']);
	assert.match(chunked.toString(), /^HTTP\/1.1 413 .*\/problems\/body-too-large/s);
});

test('a body in chunks is a body', async () => {
	const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
	const send = (body) => raw.http('POST /api/v1/bookings/hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' +
		`Content-Type: application/json\r\nAuthorization: Bearer ${ann.token}\r\n` +
		`Transfer-Encoding: chunked\r\n\r\n${body}0\r\n\r\n`);
	const answer = await send(chunk(`{"event_id":"${id}",`) + chunk('"seat_ids":["VIP-A-9"') + chunk(']}'));
	assert.equal(answer.status, 201, answer.bytes);
	assertProblem(await send('zz\r\n{}\r\n'), 400, 'malformed-request');
});

test('a body that is shorter than announced', async () => {
	const url = new URL(stack.env.HOLDFAST_URL);
	const bytes = await raw.exchange({ host: url.hostname, port: Number(url.port) },
		'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
		'Content-Length: 100\r\n\r\n{"email"', { end: true });
	assert.doesNotMatch(bytes.toString(), /^HTTP\/1.1 (200|5)/);
	// What is longer is the next request, and none at that.
	const longer = await raw.http('POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n' +
		'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}{"email":"x"}\r\n\r\n');
	assert.equal(longer.status, 422);
	assert.match(longer.bytes, /HTTP\/1.1 400 /);
});

test('a request id is ours, in the header and in the problem', async () => {
	const one = await get('/events/0', { headers: { 'X-Request-Id': 'mine' } });
	assertProblem(one, 404, 'not-found');
	const two = await get('/events/0');
	assert.notEqual(one.body.instance, two.body.instance);
	for (const answer of [await get('/events'), await get('/healthz'), await call('OPTIONS', '/events')])
		assertHeaders(answer);
	assert.equal(one.raw.filter((name) => name.toLowerCase() === 'x-request-id').length, 1);
});

test('headers that pretend', async () => {
	for (const headers of [{ 'X-Forwarded-For': '1.2.3.4' }, { 'X-Original-URL': '/api/v1/admin/venues' },
		{ 'X-HTTP-Method-Override': 'DELETE' }, { Proxy: 'http://evil.example' }, { Host: 'evil.example' },
		{ 'X-User-Id': ann.user_id }, { 'X-Role': 'admin' }, { Cookie: `token=${ann.token}` },
		{ 'HTTP_AUTHORIZATION': `Bearer ${ann.token}` }, { 'Remote-User': 'admin' }]) {
		assertProblem(await get('/auth/me', { headers }), 401, 'unauthenticated');
		assertStatus(await get('/events?limit=1', { headers }), 200);
	}
	const twice = await raw.http('GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' +
		`Authorization: Bearer ${ann.token}\r\nAuthorization: Bearer ${olga.token}\r\n\r\n`);
	assert.ok([400, 401].includes(twice.status), twice.bytes);
	const folded = await raw.http('GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' +
		`Authorization: Bearer\r\n ${ann.token}\r\n\r\n`);
	assert.ok([400, 401].includes(folded.status), folded.bytes);
});

test('the type of a body', async () => {
	const body = JSON.stringify({ event_id: id, seat_ids: ['Nowhere'] });
	const send = (type) => hold(ann, body, { type });
	for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x',
		'application/jsonx', 'application/json-patch+json', 'text/json', ''])
		assertProblem(await send(type), 415, 'unsupported-media-type');
	for (const type of ['application/json', 'Application/JSON', 'application/json; charset=utf-8',
		'application/json;charset=UTF-8'])
		assertInvalid(await send(type), '/seat_ids/0');
	assertProblem(await post('/bookings/hold', body, { token: ann.token,
		headers: { 'Content-Type': 'text/plain' } }), 415, 'unsupported-media-type');
	// Without a body no type is needed: it is {}.
	assertInvalid(await post('/bookings/hold', undefined, { token: ann.token }), '/event_id');
	assertInvalid(await post('/bookings/hold', '', { token: ann.token, type: 'text/plain' }), '/event_id');
});

test('browsers of the origins that are allowed, and of no others, may read', async () => {
	const origin = 'https://shop.example.test';
	const ask = (from, where, options) => get(where, { ...options, headers: { Origin: from } });
	for (const where of ['/events?limit=1', '/events/0', '/auth/me', '/nope']) {
		const answer = await ask(origin, where);
		assert.equal(answer.headers['access-control-allow-origin'], origin, where);
		assert.match(answer.headers.vary, /Origin/);
		assert.equal(answer.headers['access-control-allow-credentials'], undefined);
		for (const other of ['https://evil.example', 'null', `${origin}.evil.example`, 'https://shop',
			`http://shop.example.test`]) {
			const refused = await ask(other, where);
			assert.equal(refused.headers['access-control-allow-origin'], undefined, `${other} ${where}`);
		}
	}
	assert.match((await ask(origin, '/events?limit=1')).headers['access-control-expose-headers'],
		/ETag.*Idempotent-Replayed.*Retry-After, WWW-Authenticate/);
	const flight = await call('OPTIONS', '/bookings/hold', { headers: { Origin: origin,
		'Access-Control-Request-Method': 'POST',
		'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key' } });
	assert.equal(flight.status, 204);
	assert.equal(flight.headers['access-control-allow-origin'], origin);
	assert.match(flight.headers['access-control-allow-methods'], /POST/);
	for (const name of ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'X-Queue-Pass', 'X-Queue-Token'])
		assert.ok(flight.headers['access-control-allow-headers'].includes(name));
	assert.ok(Number(flight.headers['access-control-max-age']) > 0);
});

test('the process answers, and is ready', async () => {
	for (const options of [{}, { root: true }]) {
		const health = assertStatus(await get('/healthz', options), 200);
		assert.deepEqual(health.body, { status: 'ok' });
		const ready = assertStatus(await get('/readyz', options), 200);
		assert.equal(ready.body.status, 'ok');
		assert.equal(ready.body.postgres, 'ok');
		assert.equal(ready.body.redis, 'ok');
		for (const answer of [health, ready])
			assert.doesNotMatch(answer.headers['cache-control'], /public/);
	}
	assertProblem(await call('POST', '/healthz', { root: true }), 405, 'method-not-allowed');
});

test('answers say nothing of what they were made with', async () => {
	for (const answer of [await get('/events?limit=1'), await get('/nope'), await get('/bookings/x', {
		token: ann.token }), await hold(ann, { event_id: id, seat_ids: ["'"] })]) {
		assert.equal(answer.headers['x-powered-by'], undefined);
		assert.doesNotMatch(answer.text, /postgres|SQLSTATE|HF\d{3}|holdfast\.|\.c:\d|\/tmp\//i);
	}
});
