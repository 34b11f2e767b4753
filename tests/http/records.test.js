// Bytes straight to the sockets of the pools: FastCGI records torn, lied about and repeated. A worker
// may be lost to one; then another is in its place, and every other request has its answer.
'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { assertStatus, get } = require('../lib/client.js');
const raw = require('../lib/raw.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, staff } = require('../lib/world.js');

const sockets = Object.fromEntries(stack.pools.map((pool) =>
	[pool, path.join(stack.env.HOLDFAST_RUN, `${pool}.sock`)]));
let ann, booking, sizes, books;

before(async () => {
	ann = await buyer();
	booking = await held(ann, (await event(await staff())).event_id, 1);
	sizes = Object.fromEntries(stack.pools.map((pool) => [pool, stack.workers(pool).length]));
	books = stack.books();
});
after(async () => {
	await whole();
	assert.equal(stack.books(), books, 'nothing has changed');
	stack.verify();
});

// Every pool has all its workers, and each of them answers.
async function whole() {
	for (const pool of stack.pools)
		await stack.until(`the pool ${pool} is whole`, () => stack.workers(pool).length === sizes[pool]);
	for (const socket of Object.values(sockets)) {
		const ask = raw.request({ REQUEST_METHOD: 'GET', REQUEST_URI: '/api/v1/nope' });
		const answers = await Promise.all(Array.from({ length: 8 }, () => raw.exchange(socket, ask)));
		for (const bytes of answers) assert.equal(raw.answer(bytes).status, 404, bytes.toString());
	}
}

const ask = { REQUEST_METHOD: 'GET', REQUEST_URI: '/api/v1/nope', REMOTE_ADDR: '127.0.0.1' };
const post = { ...ask, REQUEST_METHOD: 'POST', REQUEST_URI: '/api/v1/auth/login',
	CONTENT_TYPE: 'application/json' };
const end = { end: true, quietMs: 1500 };

test('the sockets are nobody else’s', () => {
	for (const socket of Object.values(sockets)) {
		const { mode } = fs.statSync(socket);
		assert.ok(fs.statSync(socket).isSocket());
		assert.equal(mode & 0o777, 0o660, socket);
	}
	// Pools listen nowhere else.
	const tcp = fs.readFileSync('/proc/net/tcp', 'utf8');
	for (const pool of stack.pools) {
		for (const pid of stack.workers(pool)) {
			for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
				const inode = /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
				assert.ok(!inode || !new RegExp(`\\s${inode}\\s`).test(tcp), `${pool} speaks TCP`);
			}
		}
	}
});

test('an honest request has its answer', async () => {
	for (const [pool, socket] of Object.entries(sockets)) {
		const answer = raw.answer(await raw.exchange(socket, raw.request(ask)));
		assert.equal(answer.status, 404, pool);
		assert.ok(answer.ended);
	}
});

test('a connection that says nothing, or leaves', async () => {
	for (const socket of Object.values(sockets)) {
		for (let i = 0; i < 8; i++) {
			await raw.exchange(socket, '', end);
			const one = net.connect(socket);
			await new Promise((resolve) => one.on('connect', resolve));
			one.destroy();
		}
	}
	await whole();
});

test('a request torn at every byte', async () => {
	const whole_ = raw.request({ ...post, CONTENT_LENGTH: '2' }, '{}');
	for (const socket of [sockets.accounts, sockets.booking]) {
		for (let at = 1; at < whole_.length; at += 7)
			raw.answer(await raw.exchange(socket, whole_.subarray(0, at), end));
	}
	await whole();
});

test('a request in single bytes', async () => {
	const pieces = [...raw.request(ask)].map((byte) => Buffer.from([byte]));
	assert.equal(raw.answer(await raw.exchange(sockets.catalog, pieces)).status, 404);
});

test('a request in many records, with padding', async () => {
	const bytes = raw.params(ask);
	const records = [raw.begin()];
	for (let at = 0; at < bytes.length; at += 3)
		records.push(raw.record(raw.PARAMS, bytes.subarray(at, at + 3), { padding: at % 256 }));
	records.push(raw.record(raw.PARAMS, ''), raw.record(raw.STDIN, ''));
	assert.equal(raw.answer(await raw.exchange(sockets.catalog, records)).status, 404);
});

test('records that are malformed', async () => {
	const begin = raw.begin();
	const name = (bytes) => Buffer.concat([begin, raw.record(raw.PARAMS, bytes), raw.record(raw.PARAMS, ''),
		raw.record(raw.STDIN, '')]);
	const wrong = [
		Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
		Buffer.from('{"json":true}'),
		Buffer.alloc(4096),
		Buffer.alloc(4096, 0xff),
		raw.record(raw.BEGIN, [0, 1, 0, 0, 0, 0, 0, 0], { version: 2 }),
		raw.record(raw.BEGIN, [0, 1, 0, 0, 0, 0, 0, 0], { version: 0 }),
		raw.record(raw.BEGIN, [0, 1]),
		raw.record(raw.BEGIN, ''),
		raw.begin(0, 2), raw.begin(0, 3), raw.begin(0, 999),
		raw.record(raw.BEGIN, [0, 1, 0, 0, 0, 0, 0, 0], { length: 65535 }),
		raw.record(99, 'x'), raw.record(0, 'x'), raw.record(255, 'x'.repeat(1000)),
		Buffer.concat([begin, begin, begin]),
		Buffer.concat([begin, raw.record(raw.ABORT, '')]),
		Buffer.concat([begin, raw.record(raw.STDIN, '{}')]),
		Buffer.concat([begin, raw.record(raw.PARAMS, raw.params(ask), { id: 2 })]),
		Buffer.concat([raw.request(ask), raw.request(ask)]),
		name(Buffer.from([5])), name(Buffer.from([255, 255, 255, 255])),
		name(Buffer.from([127, 127, 1, 2, 3])), name(Buffer.from([0x80, 0, 0])),
		name(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
		name(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1])), name(Buffer.from([0, 0])),
		name(Buffer.concat([raw.pair('', ''), raw.pair('=', '='), raw.pair('A=B', 'C')])),
		name(raw.params({ ['N'.repeat(10000)]: 'v' })),
		raw.record(9, raw.params({ FCGI_MAX_CONNS: '', FCGI_MAX_REQS: '' }), { id: 0 }),
		raw.record(9, Buffer.from([255, 255, 255]), { id: 0 }),
	];
	for (let i = 0; i < 20; i++) wrong.push(randomBytes(200), Buffer.concat([begin, randomBytes(200)]));
	for (const socket of [sockets.catalog, sockets.booking])
		await Promise.all(wrong.map((bytes) => raw.exchange(socket, bytes, end)));
	await whole();
});

test('honest records that say odd things', async () => {
	const say = async (pool, values, body) =>
		raw.answer(await raw.exchange(sockets[pool], raw.request(values, body), end));
	const status = async (pool, values, body) => (await say(pool, values, body)).status;
	assert.equal(await status('catalog', {}), 400);
	assert.equal(await status('catalog', { ...ask, REQUEST_METHOD: '' }), 400);
	assert.equal(await status('catalog', { ...ask, REQUEST_METHOD: 'G\r\nX: y' }), 400);
	assert.equal(await status('catalog', { ...ask, REQUEST_URI: 'nope' }), 400);
	assert.equal(await status('catalog', { ...ask, REQUEST_URI: `/${'x'.repeat(5000)}` }), 414);
	assert.equal(await status('accounts', { ...post, CONTENT_LENGTH: '-1' }, '{}'), 400);
	assert.equal(await status('accounts', { ...post, CONTENT_LENGTH: '2x' }, '{}'), 400);
	assert.equal(await status('accounts', { ...post, CONTENT_LENGTH: ' 2' }, '{}'), 400);
	assert.equal(await status('accounts', { ...post, CONTENT_LENGTH: '99999999999999999999' }, '{}'), 400);
	assert.equal(await status('accounts', { ...post, CONTENT_LENGTH: '999999999' }, '{}'), 413);
	assert.equal(await status('accounts', { ...post, CONTENT_LENGTH: '3' }, '{}'), 400);
	assert.equal(await status('accounts', { ...post, CONTENT_LENGTH: '1' }, '{}'), 400);
	assert.equal(await status('accounts', post, '{}'), 400);
	assert.equal(await status('accounts', { ...post, CONTENT_LENGTH: '2' }, '{}'), 422);
	const odd = await say('catalog', { ...ask, HTTP_X_REQUEST_ID: 'x\r\nSet-Cookie: a=b' });
	assert.equal(odd.status, 404);
	assert.doesNotMatch(odd.text, /Set-Cookie/);
	assert.equal((await say('catalog', { ...ask, HTTP_X_REQUEST_ID: 'given-1' })).text
		.match(/X-Request-Id: (.*)\r/)[1], 'given-1');
	const origin = await say('catalog', { ...ask, HTTP_ORIGIN: 'https://shop.example.test\r\nX-Evil: 1' });
	assert.doesNotMatch(origin.text, /X-Evil/);
	// A request for another pool: it does not know it.
	assert.equal(await status('catalog', { ...ask, REQUEST_URI: `/api/v1/bookings/${booking.booking_id}` }), 404);
});

test('after all of that the whole stack answers', async () => {
	await whole();
	assertStatus(await get(`/bookings/${booking.booking_id}`, { token: ann.token }), 200);
	assertStatus(await get('/readyz'), 200);
});

test('a worker that is killed is missed by nobody', async () => {
	const { isAlive } = stack;
	const [victim] = stack.workers('booking');
	process.kill(victim, 'SIGKILL');
	await stack.until('it is gone', () => !isAlive(victim));
	await Promise.all(Array.from({ length: 20 }, async () =>
		assertStatus(await get(`/bookings/${booking.booking_id}`, { token: ann.token }), 200)));
	await whole();
});

test('a pool that is killed is back within a second, and until then 503', async () => {
	const old = stack.pidOf('catalog');
	process.kill(old, 'SIGKILL');
	const began = Date.now();
	let refused = 0;
	await stack.until('it answers', async () => {
		const answer = await get('/events?limit=1');
		if (answer.status === 200 && stack.pidOf('catalog') !== old) return true;
		if (answer.status !== 200) {
			assert.equal(answer.status, 503, answer.text);
			assert.equal(answer.body.type, '/problems/unavailable');
			assert.ok(Number(answer.headers['retry-after']) >= 1);
			refused++;
		}
		return false;
	});
	assert.ok(Date.now() - began < 6000, `${Date.now() - began} ms, ${refused} refused`);
	await whole();
});
