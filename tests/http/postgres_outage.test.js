// PostgreSQL frozen, stopped and killed: 503 at once, nothing half done, and back without a restart of
// any worker. Needs a stack whose PostgreSQL is its own.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, get, post } = require('../lib/client.js');
const { signal } = require('../lib/parts.js');
const stack = require('../lib/stack.js');
const { assertPlaces, buyer, confirmed, event, held, hold, move, password, staff } =
	require('../lib/world.js');

let olga, ann, bob, workers;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
	workers = stack.allWorkers();
});
after(() => {
	assert.deepEqual(stack.allWorkers(), workers, 'no worker was restarted');
	stack.verify();
});

// Every call that needs PostgreSQL, each in bounded time.
async function assertAway(id, booking, milliseconds) {
	const calls = [
		() => hold(ann, { event_id: id, seat_ids: ['VIP-A-9'] }),
		() => hold(ann, { event_id: id, section_id: 'Floor', seats_requested: 1 }),
		() => move(ann, booking, 'confirm'),
		() => move(ann, booking, 'release'),
		() => move(ann, booking, 'cancel'),
		() => get(`/bookings/${booking.booking_id}`, { token: ann.token }),
		() => get('/bookings', { token: ann.token }),
		() => get(`/events/${id}`),
		() => post('/auth/login', { email: ann.email, password }),
		() => post('/auth/register', { email: 'new@example.test', password }),
		() => post('/admin/venues', { name: 'x' }, { token: olga.token }),
	];
	for (const [i, ask] of calls.entries()) {
		const began = Date.now();
		assertProblem(await ask(), 503, 'unavailable');
		const took = Date.now() - began;
		assert.ok(took < milliseconds, `call ${i}: ${took} ms`);
	}
	const ready = await get('/readyz');
	assert.equal(ready.status, 503);
	assert.equal(ready.body.status, 'unavailable');
	assert.equal(ready.body.postgres, 'away');
	assert.equal(ready.body.redis, 'ok');
	assert.ok(Number(ready.headers['retry-after']) >= 1);
	assertStatus(await get('/healthz'), 200);
}

async function back() {
	await stack.postgresFound();
	assertStatus(await get('/readyz'), 200);
}

for (const [how, by] of [['stopped', 'SIGINT'], ['killed', 'SIGKILL']]) {
	test(`PostgreSQL ${how}: 503 at once, and nothing is lost that was confirmed`, async () => {
		const { event_id: id } = await event(olga);
		const sold = await confirmed(ann, id, ['B1']);
		const key = freshKey();
		const live = await held(ann, id, ['B2'], { key });
		// A confirm makes the holds before it durable too.
		await confirmed(bob, id, ['B3']);
		const pid = stack.pidOf('postgres');
		process.kill(pid, by);
		await stack.until('PostgreSQL has gone', () => !stack.isAlive(pid));
		await stack.until('readyz is 503', async () => (await get('/readyz')).status === 503);
		// At its most a worker takes four seconds.
		await assertAway(id, live, 3000);
		stack.up();
		await back();
		assert.equal((await get(`/bookings/${sold.booking_id}`, { token: ann.token })).body.status, 'CONFIRMED');
		const again = assertStatus(await hold(ann, { event_id: id, seat_ids: ['B2'] }, { key }), 201);
		assert.equal(again.headers['idempotent-replayed'], 'true');
		assertStatus(await move(ann, live, 'confirm'), 200);
		// What Redis had taken for those who were told 503 is free.
		assertStatus(await hold(bob, { event_id: id, seat_ids: ['VIP-A-9'] }), 201);
		await assertPlaces(id, { Floor: [10, 0, 0], VIP: [10, 1, 3] });
	});
}

test('PostgreSQL frozen: an answer in bounded time, and a retry with its key has one effect', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1']);
	const [holdKey, confirmKey] = [freshKey(), freshKey()];
	const body = { event_id: id, seat_ids: ['VIP-A-1'] };
	// A worker without a connection cannot send anything, and says so: what it is asked has not been done.
	await stack.connected('booking', () => get('/bookings', { token: ann.token }));
	const frozen = [stack.pidOf('postgres'), ...stack.workers('postgres')];
	signal(frozen, 'SIGSTOP');
	try {
		const began = Date.now();
		const answers = await Promise.all([hold(bob, body, { key: holdKey }),
			move(ann, booking, 'confirm', {}, { key: confirmKey })]);
		for (const answer of answers) assertProblem(answer, 503, 'unknown-outcome');
		assert.ok(Date.now() - began < 7000, `${Date.now() - began} ms`);
	} finally {
		signal(frozen, 'SIGCONT');
	}
	await back();
	const first = await stack.until('the hold is answered', async () => {
		const answer = await hold(bob, body, { key: holdKey });
		return answer.status === 201 && answer;
	});
	assert.equal((await hold(bob, body, { key: holdKey })).text, first.text);
	assertStatus(await move(ann, booking, 'confirm', {}, { key: confirmKey }), 200);
	assert.equal(stack.sql(`select count(*) from bookings where event_id = ${id} and user_id = '${bob.user_id}'`),
		'1');
	// Of what was done while nobody listened Redis is told by reconcile.
	stack.reconcile(id);
	await assertPlaces(id, { VIP: [12, 1, 1] });
});

test('connections that are cut one by one are made again, and nobody sees it', async () => {
	const { event_id: id } = await event(olga);
	for (let i = 0; i < 5; i++) {
		stack.sql(`select count(pg_terminate_backend(pid)) from pg_stat_activity
			where usename in ('holdfast_booking', 'holdfast_catalog', 'holdfast_accounts', 'holdfast_admin')`, 'postgres');
		assertStatus(await hold(ann, { event_id: id, seat_ids: [`VIP-A-${i + 1}`] }), 201);
		assertStatus(await get(`/events/${id}`), 200);
	}
	await assertPlaces(id, { VIP: [9, 5, 0] });
});
