// Limits in force: by account in the pools, by address in nginx; and what a refusal says.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, call, freshKey, get, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { buyer, event, hold, move, password, staff } = require('../lib/world.js');

// Addresses of our own within the loopback network, each used once.
let last = 0;
const address = () => `127.3.${++last >> 8}.${last & 255}`;

let olga;

before(async () => {
	olga = await staff('organizer', { from: address() });
});
after(stack.verify);

const someone = () => buyer({ from: address() });
const seatOf = (i) => `VIP-A-${i + 1}`;

// Of ten tokens a minute one comes back in six seconds. A machine that took longer is given another try.
async function swiftly(attempt) {
	for (let tries = 1; ; tries++) {
		const began = Date.now();
		try {
			await attempt();
			return;
		} catch (error) {
			if (tries === 5 || error.code !== 'ERR_ASSERTION' || Date.now() - began < 6000) throw error;
		}
	}
}

function assertLimited(answer, name, perMinute) {
	assertProblem(answer, 429, 'rate-limited');
	assert.equal(answer.headers['ratelimit-policy'], `"${name}";q=${perMinute};w=60`);
	const [, seconds] = /^".*";r=0;t=(\d+)$/.exec(answer.headers.ratelimit);
	assert.ok(answer.headers.ratelimit.startsWith(`"${name}";`));
	assert.equal(answer.headers['retry-after'], seconds);
	assert.ok(Number(seconds) >= 1 && Number(seconds) <= 60, seconds);
}

test('holds: ten at once, under whatever name, and each account has its own', () => swiftly(async () => {
	const { event_id: id } = await event(olga, { max_seats_per_booking: 1 }, { from: address() });
	const [ann, bob] = [await someone(), await someone()];
	for (let i = 0; i < 9; i++)
		assertStatus(await hold(ann, { event_id: id, seat_ids: [seatOf(i)] }, { from: address() }), 201);
	assertStatus(await post('/seat-lock', { show_id: id, seat_ids: [seatOf(9)] },
		{ token: ann.token, from: address() }), 200);
	const before_ = stack.books();
	for (const answer of [
		await hold(ann, { event_id: id, seat_ids: ['B1'] }, { from: address() }),
		await post('/seat-lock', { show_id: id, seat_ids: ['B1'] }, { token: ann.token, from: address() }),
		await post(`/events/${id}/book`, { section_id: 'Floor', quantity: 1 },
			{ token: ann.token, from: address(), key: 'one' }),
	])
		assertLimited(answer, 'hold', 10);
	assert.equal(stack.books(), before_);
	assertStatus(await hold(bob, { event_id: id, seat_ids: ['B1'] }, { from: address() }), 201);
}));

// What somebody is answered once all tokens of their reads are gone, and ten seconds of those to come.
async function drained(who, ask) {
	const bucket = `limit:read:${who.user_id}`, now = Number(stack.redis('time').split('\n')[0]);
	stack.redis('set', bucket, (now + 30) * 1e6);
	try {
		return await ask();
	} finally {
		stack.redis('del', bucket);
	}
}

test('confirms: ten at once; a cancel is none of them', () => swiftly(async () => {
	const ann = await someone();
	const { event_id: id } = await event(olga, {}, { from: address() });
	const booking = assertStatus(await hold(ann, { event_id: id, seat_ids: ['B1'] }, { from: address() }), 201).body;
	for (let i = 0; i < 10; i++)
		assertStatus(await move(ann, booking, 'confirm', {}, { from: address() }), 200);
	assertLimited(await move(ann, booking, 'confirm', {}, { from: address() }), 'confirm', 10);
	assertLimited(await post(`/reservations/${booking.booking_id}/confirm`, {},
		{ token: ann.token, from: address() }), 'confirm', 10);
	assertLimited(await post('/booking/confirm', { show_id: id, seat_ids: ['B1'] },
		{ token: ann.token, from: address() }), 'confirm', 10);
	for (let i = 0; i < 12; i++)
		assertStatus(await move(ann, booking, 'cancel', {}, { from: address() }), 200);
}));

test('leaving a line: ten at once', () => swiftly(async () => {
	const ann = await someone();
	const leave = () => post('/queue/leave', { token: 'none' }, { token: ann.token, from: address() });
	for (let i = 0; i < 10; i++) assert.notEqual((await leave()).status, 429);
	assertLimited(await leave(), 'queue_leave', 10);
}));

test('a look at a lost place in a waiting room is one read', async () => {
	const opens_at = new Date(Date.now() + 3600000).toISOString();
	const { event_id: id } = await event(olga, { queue: 'on', waiting_room: { opens_at } }, { from: address() });
	const ann = await someone();
	const { token } = assertStatus(await post('/queue/join', { event_id: id }, { token: ann.token, from: address() }), 202).body;
	const bucket = `limit:read:${ann.user_id}`;
	stack.forget(id);
	stack.redis('del', bucket);
	assert.equal(assertStatus(await get(`/reservation/status?token=${token}`, { from: address() }), 200).body.status, 'waiting');
	// When it is full again, in microseconds: 300 a minute are one in a fifth of a second.
	const full = Number(stack.redis('get', bucket) || 0), [s, us] = stack.redis('time').split('\n').map(Number);
	assert.ok(full <= s * 1e6 + us + 200000, `${full - s * 1e6 - us} us`);
});

test('looks at a place are reads of its account, from wherever, in a line and in a waiting room', async () => {
	const floor = { sections: [{ name: 'Floor', capacity: 1 }] };
	const opens_at = new Date(Date.now() + 3600000).toISOString();
	for (const [changes, where] of [[floor, { section_id: 'Floor' }], [{ ...floor, queue: 'on', waiting_room: { opens_at } }, {}]]) {
		const { event_id: id } = await event(olga, changes, { from: address() });
		if (where.section_id)
			assertStatus(await hold(await someone(), { event_id: id, ...where, seats_requested: 1 }, { from: address() }), 201);
		const ann = await someone();
		const { token } = assertStatus(await post('/queue/join', { event_id: id, ...where }, { token: ann.token, from: address() }), 202).body;
		const look = () => get(`/reservation/status?token=${token}`, { from: address() });
		assert.equal(assertStatus(await look(), 200).body.status, 'waiting');
		assertLimited(await drained(ann, look), 'read', 300);
		assert.equal(assertStatus(await look(), 200).body.status, 'waiting');
	}
});

test('what a buyer does to a booking beside, under new keys again and again, counts as reads', async () => {
	const ann = await someone();
	const { event_id: id } = await event(olga, {}, { from: address() });
	const booking = assertStatus(await hold(ann, { event_id: id, seat_ids: ['B1'] }, { from: address() }), 201).body;
	const before_ = stack.books();
	for (const verb of ['extend', 'release', 'cancel'])
		assertLimited(await drained(ann, () => move(ann, booking, verb, {}, { from: address(), key: freshKey() })), 'read', 300);
	assert.equal(stack.books(), before_, 'no answer was kept');
	assertStatus(await move(ann, booking, 'extend', {}, { from: address() }), 200);
	assertStatus(await move(ann, booking, 'release', {}, { from: address() }), 200);
});

test('what staff do counts as reads', async () => {
	const { event_id: id } = await event(olga, {}, { from: address() });
	const before_ = stack.books();
	for (const [method, where] of [['POST', '/admin/events'], ['POST', '/events'], ['PUT', `/admin/events/${id}`],
		['POST', '/admin/venues'], ['POST', '/admin/webhooks'], ['DELETE', '/admin/webhooks/x'],
		['POST', '/admin/bookings/x/paid'], ['POST', '/admin/bookings/x/refunds']])
		assertLimited(await drained(olga, () => call(method, where, { token: olga.token, from: address() })), 'read', 300);
	assert.equal(stack.books(), before_);
	assertStatus(await call('PUT', `/admin/events/${id}`, { body: { title: 'x' }, token: olga.token, from: address() }), 200);
});

test('registrations from one address', () => swiftly(async () => {
	const from = address();
	const body = { email: 'nobody', password };
	for (let i = 0; i < 10; i++) assertProblem(await post('/auth/register', body, { from }), 422, 'invalid');
	assertLimited(await post('/auth/register', body, { from }), 'register', 10);
	assertLimited(await post('/register', body, { from }), 'register', 10);
	assertProblem(await post('/auth/register', body, { from: address() }), 422, 'invalid');
}));

test('reads: a hundred at once by an account, from wherever', async () => {
	const ann = await someone();
	const from = Array.from({ length: 6 }, address);
	const began = Date.now();
	let answered = 0, refused = [];
	while (refused.length === 0 && answered < 600) {
		const answers = await Promise.all(from.flatMap((one) => Array.from({ length: 5 }, () =>
			get('/bookings?limit=1', { token: ann.token, from: one }))));
		refused = answers.filter((answer) => answer.status === 429);
		for (const answer of answers.filter((one) => !refused.includes(one))) assertStatus(answer, 200);
		answered += answers.length - refused.length;
	}
	const seconds = (Date.now() - began) / 1000;
	assert.ok(answered >= 100 && answered <= 100 + 5 * seconds + 1, `refused after ${answered} in ${seconds} s`);
	assertLimited(refused[0], 'read', 300);
	assertStatus(await get('/events?limit=1', { from: from[0] }), 200);
});

test('a flood from one address ends at nginx, early and cheap', async () => {
	const from = address();
	const answers = await Promise.all(Array.from({ length: 700 }, () =>
		call('POST', '/bookings/hold', { from })));
	const refused = answers.filter((answer) => answer.status === 429);
	assert.ok(refused.length > 50, `${refused.length} refused`);
	for (const answer of refused.slice(0, 10)) {
		assertProblem(answer, 429, 'rate-limited');
		assert.equal(answer.headers['ratelimit-policy'], '"address";q=50;w=1');
		assert.equal(answer.headers.ratelimit, '"address";r=0;t=1');
	}
	for (const answer of answers.filter((a) => a.status !== 429))
		assertProblem(answer, 401, 'unauthenticated');
	// Whoever watches is not counted, and nobody else suffers.
	for (let i = 0; i < 20; i++) assertStatus(await get('/healthz', { root: true, from }), 200);
	assertProblem(await call('POST', '/bookings/hold', { from: address() }), 401, 'unauthenticated');
});

test('without Redis nginx limits alone', async () => {
	const ann = await someone();
	const { event_id: id } = await event(olga, {}, { from: address() });
	process.kill(stack.pidOf('redis'), 'SIGKILL');
	try {
		await stack.until('Redis is away', async () => (await get('/readyz')).body.status === 'degraded');
		for (let i = 0; i < 12; i++)
			assertProblem(await hold(ann, { event_id: id, seat_ids: ['Nowhere'] }, { from: address() }), 422,
				'invalid');
	} finally {
		stack.startRedis();
	}
	await stack.redisFound();
});
