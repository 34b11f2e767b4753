// Redis frozen, killed, emptied and full of wrong things: the same answers, and it heals by itself.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, get } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, confirmed, event, held, hold, logIn, move, settled, staff } =
	require('../lib/world.js');

let olga, ann, bob, workers;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
	workers = stack.allWorkers();
});
after(() => {
	assert.deepEqual(stack.allWorkers(), workers, 'no worker was lost');
	for (const id of events) reconcile(id);
	stack.verify();
});

const events = [];
async function fresh(changes) {
	const made = await event(olga, changes);
	events.push(made.event_id);
	return made;
}

const { reconcile } = stack;

const well = async () => {
	await stack.redisFound();
	assert.equal((await get('/readyz')).body.status, 'ok');
};

const seats = (id, ...names) => ({ event_id: id, seat_ids: names });

// Everything that a buyer does, with others in the way.
async function wholeLife(id = null) {
	id ??= (await fresh()).event_id;
	const key = freshKey();
	const first = assertStatus(await hold(ann, seats(id, 'B1', 'B2'), { key }), 201);
	assert.equal((await hold(ann, seats(id, 'B1', 'B2'), { key })).text, first.text);
	assert.deepEqual(assertProblem(await hold(bob, seats(id, 'B2', 'B3')), 409, 'seats-unavailable').seat_ids,
		['B2']);
	const floor = await held(bob, id, 7);
	assert.equal(assertProblem(await hold(ann,
		{ event_id: id, section_id: 'Floor', seats_requested: 4 }), 409, 'sold-out').available, 3);
	assertStatus(await move(ann, first.body, 'confirm'), 200);
	assertStatus(await move(bob, floor, 'release'), 200);
	assertProblem(await hold(bob, seats(id, 'B1')), 409, 'seats-unavailable');
	await assertPlaces(id, { Floor: [10, 0, 0], VIP: [12, 0, 2] });
	await assertSeats(id, 'aaaaaaaaaabbaa');
	assertStatus(await move(ann, first.body, 'cancel'), 200);
	await assertPlaces(id, { VIP: [14, 0, 0] });
	await held(bob, id, ['B1']);
	assertStatus(await get(`/events/${id}`), 200);
	assertStatus(await get('/events?limit=5'), 200);
	assertStatus(await get(`/events/${id}/seats`), 200);
	await logIn(ann.email);
	return id;
}

test('Redis killed: the same answers, and back by itself', async () => {
	const { event_id: id } = await fresh();
	const before_ = await held(ann, id, ['VIP-A-1']);
	process.kill(stack.pidOf('redis'), 'SIGKILL');
	const ready = await stack.until('readyz says degraded', async () => {
		const answer = assertStatus(await get('/readyz'), 200);
		return answer.body.status === 'degraded' && answer;
	});
	assert.equal(ready.body.postgres, 'ok');
	assert.notEqual(ready.body.redis, 'ok');
	await wholeLife();
	assertProblem(await hold(bob, seats(id, 'VIP-A-1')), 409, 'seats-unavailable');
	const meanwhile = await held(bob, id, ['VIP-A-2']);
	stack.startRedis();
	await well();
	await assertSeats(id, 'hhaaaaaaaaaaaa');
	assertProblem(await hold(ann, seats(id, 'VIP-A-2')), 409, 'seats-unavailable');
	assertStatus(await move(ann, before_, 'confirm'), 200);
	assertStatus(await move(bob, meanwhile, 'confirm'), 200);
	await wholeLife();
});

test('Redis frozen: answers within bounds, and right', async () => {
	const { event_id: id } = await fresh();
	await held(ann, id, ['VIP-A-1']);
	const pid = stack.pidOf('redis');
	process.kill(pid, 'SIGSTOP');
	try {
		const began = Date.now();
		for (let i = 2; i <= 6; i++) {
			const at = Date.now();
			assertStatus(await hold(ann, seats(id, `VIP-A-${i}`)), 201);
			assertStatus(await get(`/events/${id}/availability`), 200);
			assert.ok(Date.now() - at < 5000, `${Date.now() - at} ms`);
		}
		// The breaker: not each of them has waited.
		assert.ok(Date.now() - began < 9000, `${Date.now() - began} ms for ten`);
		assertProblem(await hold(bob, seats(id, 'VIP-A-1')), 409, 'seats-unavailable');
		assert.equal((await get('/readyz')).body.status, 'degraded');
		await assertPlaces(id, { VIP: [8, 6, 0] });
	} finally {
		process.kill(pid, 'SIGCONT');
	}
	await well();
	// What was held meanwhile is news to Redis; PostgreSQL knows it, and reconcile tells.
	assertProblem(await hold(bob, seats(id, 'VIP-A-4')), 409, 'seats-unavailable');
	reconcile(id);
	await assertSeats(id, 'hhhhhhaaaaaaaa');
});

test('Redis emptied in the middle: nothing held or sold is offered again', async () => {
	const id = await wholeLife();
	const sold = await confirmed(ann, id, ['VIP-A-1', 'VIP-A-2']);
	const floor = await held(bob, id, 9);
	for (let i = 0; i < 3; i++) {
		stack.redis('flushall');
		assert.deepEqual(assertProblem(await hold(bob, seats(id, 'VIP-A-2', 'VIP-A-3')), 409,
			'seats-unavailable').seat_ids, ['VIP-A-2']);
		assert.equal(assertProblem(await hold(ann,
			{ event_id: id, section_id: 'Floor', seats_requested: 2 }), 409, 'sold-out').available, 1);
		await assertSeats(id, 'bbaaaaaaaahaaa');
		await assertPlaces(id, { Floor: [1, 9, 0], VIP: [11, 1, 2] });
	}
	stack.redis('flushall');
	assertStatus(await move(bob, floor, 'confirm'), 200);
	stack.redis('flushall');
	assertStatus(await move(ann, sold, 'cancel'), 200);
	await assertPlaces(id, { Floor: [1, 0, 9], VIP: [13, 1, 0] });
});

test('Redis emptied again and again while bookings move', async () => {
	const { event_id: id } = await fresh({ max_seats_per_booking: 1 });
	let done = false;
	const emptying = (async () => {
		while (!done) {
			stack.forget(id);
			await stack.pause(5);
		}
	})();
	try {
		await Promise.all(Array.from({ length: 10 }, async (_, i) => {
			for (let n = 0; n < 6; n++) {
				const booking = await held(ann, id, [`VIP-A-${i + 1}`]);
				if (n % 2) assertStatus(await move(ann, booking, 'release'), 200);
				else {
					assertStatus(await move(ann, booking, 'confirm'), 200);
					assertStatus(await move(ann, booking, 'cancel'), 200);
				}
			}
		}));
	} finally {
		done = true;
		await emptying;
	}
	await assertSeats(id, 'a'.repeat(14));
	stack.verify();
});

// The state of an event as it should be, with one hold of ann's and one sale of bob's.
async function known() {
	const { event_id: id } = await fresh();
	const mine = await held(ann, id, ['VIP-A-1', 'VIP-A-2']);
	await confirmed(bob, id, ['VIP-A-3']);
	const floor = await held(ann, id, 4);
	await assertSeats(id, 'hhbaaaaaaaaaaa');
	await stack.kept(id);
	assert.equal(stack.redis('hlen', `hf:{${id}}:entry`), '3');
	return { id, mine, floor, key: (name) => `hf:{${id}}:${name}` };
}

test('Redis says free, PostgreSQL says taken: 409, and that entry is repaired at once', async () => {
	const { id, key } = await known();
	stack.redis('setrange', key('seats'), 0, 'aaaa');
	stack.redis('hdel', key('owner'), 0, 2);
	for (const name of ['VIP-A-1', 'VIP-A-3']) {
		assertProblem(await hold(bob, seats(id, name)), 409, 'seats-unavailable');
		const at = Number(name.slice(-1)) - 1;
		await settled(async () => assert.equal(stack.redis('getrange', key('seats'), at, at),
			name === 'VIP-A-1' ? 'h' : 'b'));
	}
	assertStatus(await hold(ann, seats(id, 'VIP-A-1', 'VIP-A-2')), 200);
	reconcile(id);
	await assertSeats(id, 'hhbaaaaaaaaaaa');
});

test('Redis says taken, PostgreSQL says free: reconcile gives it back', async () => {
	const { id, key } = await known();
	stack.redis('setrange', key('seats'), 5, 'b');
	stack.redis('hset', key('count'), 'h:Floor', 10);
	assertProblem(await hold(bob, seats(id, 'VIP-A-6')), 409, 'seats-unavailable');
	assertProblem(await hold(bob, { event_id: id, section_id: 'Floor', seats_requested: 1 }), 409, 'sold-out');
	assert.match(reconcile(id, '--dry-run', '--verbose'), /seats_wrong=1 .*counts_wrong=1 .*repaired=0/);
	assertProblem(await hold(bob, seats(id, 'VIP-A-6')), 409, 'seats-unavailable');
	assert.match(reconcile(id), /repaired=2/);
	assert.match(reconcile(id), /entries_wrong=0 seats_wrong=0 counts_wrong=0 deadlines_wrong=0/);
	await held(bob, id, ['VIP-A-6']);
	await held(bob, id, 6);
	await assertPlaces(id, { Floor: [0, 10, 0] });
});

test('Redis counts too few: PostgreSQL still sells no more than there is', async () => {
	const { id, key } = await known();
	stack.redis('hset', key('count'), 'h:Floor', 0);
	assert.equal(assertProblem(await hold(bob,
		{ event_id: id, section_id: 'Floor', seats_requested: 7 }), 409, 'sold-out').available, 6);
	stack.redis('hset', key('count'), 'h:Floor', -1000);
	assertProblem(await hold(bob, { event_id: id, section_id: 'Floor', seats_requested: 7 }), 409, 'sold-out');
	await held(bob, id, 6);
	reconcile(id);
	await assertPlaces(id, { Floor: [0, 10, 0] });
});

test('Redis counts more than there is: nobody is told of less than no places', async () => {
	const { id, key } = await known();
	for (const [held, sold, told] of [[30, 0, [0, 10, 0]], [4, 8, [0, 2, 8]], [3, 12, [0, 0, 10]], [-3, 4, [6, 0, 4]]]) {
		stack.redis('hset', key('count'), 'h:Floor', held, 'b:Floor', sold);
		stack.redis('hincrby', key('meta'), 'version', 2); // what is remembered is old
		await assertPlaces(id, { Floor: told });
	}
	reconcile(id);
	await assertPlaces(id, { Floor: [6, 4, 0] });
});

test('entries that are gone, foreign or rubbish do no harm', async () => {
	const { id, mine, floor, key } = await known();
	stack.redis('hdel', key('entry'), mine.booking_id);
	assertStatus(await move(ann, mine, 'confirm'), 200);
	stack.redis('hset', key('entry'), '00000001-0000-8000-8000-000000000000', 'h|x|99999999999999|0|7,8|Floor:2');
	stack.redis('hset', key('owner'), 9, '00000001-0000-8000-8000-000000000000');
	stack.redis('setrange', key('seats'), 9, 'h');
	assertStatus(await move(ann, floor, 'release'), 200);
	reconcile(id);
	await assertSeats(id, 'bbbaaaaaaaaaaa');
	await assertPlaces(id, { Floor: [10, 0, 0], VIP: [11, 0, 3] });
	await held(bob, id, ['VIP-A-10']);
});

test('keys of another kind: an answer all the same', async () => {
	for (const name of ['seats', 'entry', 'meta', 'owner', 'due', 'count', 'used', 'fence']) {
		const { id, key } = await known();
		stack.redis('del', key(name));
		if (name === 'seats') stack.redis('hset', key(name), 'a', 'b');
		else if (name === 'fence') stack.redis('hset', key(name), 'a', 'b');
		else stack.redis('set', key(name), 'rubbish');
		const answer = await hold(bob, seats(id, 'VIP-A-5'));
		assertStatus(answer, 201);
		assertProblem(await hold(bob, seats(id, 'VIP-A-1')), 409, 'seats-unavailable');
		assertStatus(await get(`/events/${id}/availability`), 200);
		assertStatus(await get(`/events/${id}/seatmap/status`), 200);
		assertStatus(await move(bob, answer.body, 'confirm'), 200);
		stack.forget(id);
		await assertSeats(id, 'hhbabaaaaaaaaa');
	}
});

test('a restart with old data is not believed', async () => {
	const { id, mine } = await known();
	stack.redis('save');
	assertStatus(await move(ann, mine, 'release'), 200);
	await held(bob, id, ['VIP-A-7']);
	process.kill(stack.pidOf('redis'), 'SIGKILL');
	await stack.until('it is away', async () => (await get('/readyz')).body.status === 'degraded');
	stack.startRedis();
	await well();
	assertProblem(await hold(ann, seats(id, 'VIP-A-7')), 409, 'seats-unavailable');
	await assertSeats(id, 'aabaaahaaaaaaa');
	await held(ann, id, ['VIP-A-1']);
});
