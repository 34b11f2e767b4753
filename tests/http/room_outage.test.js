// Waiting rooms while Redis forgets, dies or is away, and while PostgreSQL is.
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const { assertProblem, assertStatus, get } = require('../lib/client.js');
const {
	assertRefused, confirm, hold, join, joined, key, leave, people, person, room, status,
} = require('../lib/room.js');
const stack = require('../lib/stack.js');

after(() => stack.verify());

// A room with one inside and others who wait; places[0] is inside.
async function filled(count) {
	const e = await room({ inside_max: 1 });
	const crowd = people(count);
	const places = [];
	for (const who of crowd) places.push(await joined(who, e));
	assert.deepEqual(places.map((p) => p.position), [null, ...Array.from({ length: count - 1 }, (_, i) => i + 1)]);
	return { e, crowd, places };
}

const statusOf = (token) => get(`/reservation/status?token=${token}`);
const positions = (places) => Promise.all(places.map(async (p) => (await status(p.token)).position));

test('forgotten by Redis, the room is put together again by those who wait', async () => {
	const { e, crowd, places } = await filled(6);
	stack.forget(e.event_id);
	const late = await joined(person(), e);
	assert.equal(late.status, 'waiting', 'nobody comes in while those who stood before may come back');
	assert.equal(late.position, 1);
	for (const p of [...places.slice(1)].reverse()) assert.equal((await status(p.token)).status, 'waiting');
	assert.deepEqual(await positions([...places.slice(1), late]), [1, 2, 3, 4, 5, 6], 'in their order, before the new one');

	// The pass is good as ever, and whoever uses it is known to be inside.
	await stack.kept(e.event_id);
	const booking = assertStatus(await hold(crowd[0], e, places[0].pass), 201).body;
	assert.equal(stack.redis('zcard', key(e, 'inside')), '1');
	await stack.until('the time to come back to be over', async () => {
		assert.deepEqual((await positions(places.slice(1)))[0], 1, 'it is full');
		return Number(stack.redis('hget', key(e, 'state'), 'from')) < Date.now() - 500;
	});
	assert.equal((await status(places[1].token)).position, 1);
	assertStatus(await confirm(crowd[0], booking), 200);
	assert.equal((await status(places[1].token)).status, 'admitted');
	assert.deepEqual(await positions([...places.slice(2), late]), [1, 2, 3, 4, 5]);
});

test('who left or has confirmed does not come back', async () => {
	const { e, crowd, places } = await filled(4);
	assertStatus(await leave(crowd[2], places[2].token), 204);
	assertStatus(await confirm(crowd[0], assertStatus(await hold(crowd[0], e, places[0].pass), 201).body), 200);
	stack.forget(e.event_id);
	assert.equal((await status(places[2].token)).status, 'left');
	assert.equal((await status(places[0].token)).status, 'confirmed');
	assert.equal((await status(places[3].token)).status, 'waiting');
	assertRefused(await hold(crowd[0], e, places[0].pass), 'spent');
	// There is nothing left to give up.
	assertStatus(await leave(crowd[0], places[0].token), 204);
	assert.equal((await status(places[0].token)).status, 'confirmed');
});

test('an older place of an account stands for a newer one', async () => {
	const { e, crowd, places } = await filled(3);
	stack.forget(e.event_id);
	const newer = await joined(crowd[2], e);
	assert.notEqual(newer.token, places[2].token);
	assert.equal((await status(places[2].token)).position, 1);
	assert.equal((await status(newer.token)).position, 1);
	assert.equal((await status(places[1].token)).position, 1);
	assert.equal((await joined(crowd[2], e)).token, places[2].token);
	assert.equal(stack.redis('zcard', key(e, 'line')), '2');
	// And both end with either.
	assertStatus(await leave(crowd[2], newer.token), 204);
	const ended = async () => assert.deepEqual([(await status(newer.token)).status, (await status(places[2].token)).status], ['left', 'left']);
	await ended();
	stack.forget(e.event_id);
	await ended();
});

test('Redis away: nobody comes into the room, nor in without a pass; passes are good', async () => {
	const { e, crowd, places } = await filled(4);
	await stack.until('all of it to be on the disk', () => /aof_last_write_status:ok/.test(stack.redis('info', 'persistence')));
	process.kill(stack.pidOf('redis'), 'SIGKILL');
	await stack.until('readyz says degraded', async () => (await get('/readyz')).body.status === 'degraded');
	const answer = await join(person(), e);
	assertProblem(answer, 503, 'unavailable');
	assertProblem(await statusOf(places[1].token), 503, 'unavailable');
	for (let i = 0; i < 2; i++) assertProblem(await leave(crowd[3], places[3].token), 503, 'unavailable');
	assertRefused(await hold(crowd[1], e), 'missing');
	assertRefused(await hold(crowd[1], e, places[0].pass), 'wrong');
	const booking = assertStatus(await hold(crowd[0], e, places[0].pass), 201).body;
	assertStatus(await confirm(crowd[0], booking), 200);
	assertRefused(await hold(crowd[0], e, places[0].pass), 'spent');

	stack.startRedis();
	await stack.redisFound();
	assertStatus(await leave(crowd[3], places[3].token), 204);
	assert.equal((await status(places[3].token)).status, 'left');
	const back = await Promise.all(places.slice(1, 3).map((p) => status(p.token)));
	const late = await joined(person(), e);
	for (const [i, p] of back.entries())
		assert.ok(p.status === 'admitted' || p.position === i + 1, JSON.stringify(back));
	assert.equal(late.status, 'waiting');
	const last = stack.redis('zrevrange', key(e, 'line'), 0, 0);
	assert.ok(!crowd.some((who) => who.user_id === last), 'the new one stands last');
});

test('what Redis alone takes for the end of sales is none', async () => {
	const { e, places } = await filled(3);
	await stack.until('the event to be kept', () => stack.redis('hget', `hf:{${e.event_id}}:meta`, 'stamp') !== '');
	const meta = `hf:{${e.event_id}}:meta`, until = stack.redis('hget', meta, 'until');
	stack.redis('hset', meta, 'until', 1);
	const [inside, first] = [await status(places[0].token), await status(places[1].token)];
	stack.redis('hset', meta, 'until', until);
	assert.deepEqual([inside.status, first.position], ['admitted', 1]);
});

test('PostgreSQL away: those who wait are told how they stand, and nothing is held', async () => {
	const { e, crowd, places } = await filled(3);
	await stack.kept(e.event_id);
	const pid = stack.pidOf('postgres');
	process.kill(pid, 'SIGINT');
	await stack.until('its end', () => !stack.isAlive(pid));
	assert.equal((await status(places[1].token)).position, 1);
	assertProblem(await hold(crowd[0], e, places[0].pass), 503, 'unavailable');
	assertProblem(await leave(crowd[1], places[1].token), 503, 'unavailable');
	stack.up();
	await stack.postgresFound();
	assertStatus(await hold(crowd[0], e, places[0].pass), 201);
	assert.equal((await status(places[2].token)).position, 2);
});
