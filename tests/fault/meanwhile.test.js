// What happens to others between two steps of a program: the take of a hold in Redis and its commit in PostgreSQL,
// the end of a booking there and its word to Redis. Needs a build with fault points: `make check-fault`.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');

const faults = require('../lib/faults.js');
const pay = require('../lib/pay.js');
const { Redis } = require('../lib/redis.js');
const stack = require('../lib/stack.js');
const { assertStatus, get, post, put } = require('../lib/client.js');
const { buyer, event, held, hold, move, staff } = require('../lib/world.js');

afterEach(() => faults.disarm());

test('an event that is changed and built anew between a take and its commit keeps the hold', async () => {
	const [olga, ann] = [await staff(), await buyer()];
	const { event_id: id } = await event(olga);
	assertStatus(await get(`/events/${id}/availability`), 200);
	await stack.kept(id);
	faults.arm(1, [['hold.taken', 'wait:1500', 1000]]);
	const taken = hold(ann, { event_id: id, seat_ids: ['B1'] });
	await stack.until('it is taken', () => faults.fired()['hold.taken wait:1500']);
	faults.disarm();
	assertStatus(await put(`/admin/events/${id}`, { title: 'Another' }, { token: olga.token }), 200);
	stack.forget(id);
	await stack.until('it is built anew', async () => {
		await get(`/events/${id}/seatmap/status?since=0`, { token: ann.token });
		return stack.redis('hexists', `hf:{${id}}:meta`, 'stamp') === '1';
	});
	assertStatus(await taken, 201);
	stack.verify();
});

// It takes less time than a hold that is told again: whoever builds anew waits for it.
test('an event that is built anew within the few milliseconds of a hold keeps it', async () => {
	const [olga, ann] = [await staff(), await buyer()], redis = new Redis();
	const { event_id: id } = await event(olga, { sections: [{ name: 'Floor', capacity: 100 }] });
	const rebuilt = () => get(`/events/${id}/seatmap/status?since=0`, { token: ann.token });
	faults.arm(1, [['hold.taken', 'wait:6', 1000]]);
	for (let round = 0; round < 20; round++) {
		assertStatus(await rebuilt(), 200);
		await stack.kept(id);
		const [key, entries] = [`hf:{${id}}:meta`, `hf:{${id}}:entry`], before = await redis.call('HLEN', entries);
		const taken = hold(ann, { event_id: id, section_id: 'Floor', seats_requested: 1 });
		while (await redis.call('HLEN', entries) === before);
		await redis.call('HDEL', key, 'stamp');
		await Promise.all([taken, rebuilt()]);
		assertStatus(await taken, 201);
		stack.verify();
	}
	redis.close();
	faults.disarm();
});

test('a booking that is paid when it has ended, and that has not been told yet, stays sold', async () => {
	const [olga, ann] = [await staff(), await buyer()];
	for (const [point, end] of [['janitor.expired', () => pay.job('janitor')],
		['release.decided', (booking) => move(ann, booking, 'release')]]) {
		const { event_id: id } = await event(olga);
		const booking = await held(ann, id, ['B1']);
		if (point.startsWith('janitor')) stack.expire(booking.booking_id);
		assertStatus(await get(`/events/${id}/availability`), 200);
		await stack.kept(id);
		faults.arm(1, [[point, 'wait:1500', 1000]]);
		const ended = end(booking);
		await stack.until('it has ended', () => faults.fired()[`${point} wait:1500`]);
		faults.disarm();
		assertStatus(await post(`/admin/bookings/${booking.booking_id}/paid`, {}, { token: olga.token }), 200);
		await ended;
		assert.match(stack.redis('hget', `hf:{${id}}:entry`, booking.booking_id), /^b/, point);
	}
	stack.verify();
});
