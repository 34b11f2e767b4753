// The events in most demand: in which order they come, wherever that is kept, and what it costs a hold.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertStatus, get } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, move, settled, staff } = require('../lib/world.js');

const SCORES = 'demand:{all}:score';
let olga, bob, others;

before(async () => {
	[olga, bob] = await Promise.all([staff(), buyer()]);
	// What other tests of this stack have sold is in no demand here, and theirs again at the end.
	others = stack.sql("update events set status = 'closed' where status = 'on_sale' returning event_id").split('\n').filter(Boolean);
	stack.redis('flushall');
});
after(() => {
	stack.sql(`update events set status = 'on_sale' where event_id = any ('{${others}}')`);
	stack.redis('flushall');
	stack.verify();
});

// With a token, so that no front server answers with what it has kept.
async function popular(query = '') {
	const answer = assertStatus(await get(`/events/popular${query}`, { token: bob.token }), 200);
	assert.deepEqual(Object.keys(answer.body), ['items']);
	return answer.body.items;
}
const ids = (items) => items.map((e) => e.event_id);

// Events of which so many places are held.
async function inDemand(...places) {
	const made = [];
	for (const n of places) {
		const { event_id: id } = await event(olga, { max_seats_per_booking: 500,
			sections: [{ name: 'Floor', capacity: 50000 }] });
		for (let left = n; left > 0; left -= 500) await held(bob, id, Math.min(left, 500));
		made.push(id);
	}
	return made;
}

// Redis knows of every hold so far.
const told = (id, places) => settled(async () => {
	const score = Number(stack.redis('zscore', SCORES, id));
	assert.ok(Math.abs(score - places) < 100, `${score} of ${places}`);
});

test('most demanded first, as Redis keeps it and as PostgreSQL tells it', async () => {
	await popular();
	const [few, most, some] = await inDemand(6000, 9000, 7500);
	await told(few, 6000);
	await told(most, 9000);
	await told(some, 7500);
	assert.deepEqual(ids(await popular('?limit=3')), [most, some, few]);
	// As much again for the last of them.
	for (let i = 0; i < 8; i++) await held(bob, few, 500);
	await told(few, 10000);
	assert.deepEqual(ids(await popular('?limit=3')), [few, most, some]);
	// Lost, it is built anew by whoever asks next, once, and counts on.
	stack.redis('flushall');
	assert.deepEqual(ids(await popular('?limit=3')), [few, most, some]);
	await told(few, 10000);
	await told(some, 7500);
	for (let i = 0; i < 4; i++) await held(bob, most, 500);
	await told(most, 11000);
	assert.deepEqual(ids(await popular('?limit=3')), [most, few, some]);
	// What was kept under another run of Redis is not believed.
	stack.redis('hset', 'demand:{all}:meta', 'stamp', 'another 360');
	stack.redis('zadd', SCORES, 1e9, some);
	assert.deepEqual(ids(await popular('?limit=3')), [most, few, some]);
	await told(some, 7500);
});

test('a clock that is set back, and more than the set may have', async () => {
	await popular();
	const [id] = await inDemand(1000);
	await told(id, 1000);
	stack.redis('hset', 'demand:{all}:meta', 'since', Math.floor(Date.now() / 1000) + 3600);
	await held(bob, id, 500);
	await settled(async () => assert.equal(stack.redis('exists', SCORES), '0'));
	await popular();
	await told(id, 1500);
	stack.redis('eval', "for i = 1, 10050 do redis.call('zadd', KEYS[1], 0, 'x' .. i) end", 1, SCORES);
	await held(bob, id, 500);
	await told(id, 2000);
	assert.equal(stack.redis('zcard', SCORES), '10000');
	const left = Number(stack.redis('pttl', SCORES));
	assert.ok(left > 0 && left <= 3600000, 'it is built anew within the hour');
	stack.redis('flushall');
});

test('only what can be bought now', async () => {
	const [closed, over, cancelled, on] = await inDemand(12000, 12500, 13000, 11500);
	stack.sql(`update events set status = 'closed' where event_id = ${closed};
		update events set sales_start = now() - interval '2 days', sales_end = now() - interval '1 second'
			where event_id = ${over};
		update events set status = 'cancelled' where event_id = ${cancelled}`);
	const found = ids(await popular('?limit=20'));
	assert.equal(found[0], on);
	for (const id of [closed, over, cancelled]) assert.ok(!found.includes(id));
});

test('the form of the answer', async () => {
	const items = await popular();
	assert.equal(items.length, 5, 'five where nothing is said');
	const one = assertStatus(await get(`/events/${items[0].event_id}`, { token: bob.token }), 200).body;
	assert.deepEqual(items[0], one, 'each as in its own answer');
	assert.equal((await popular('?limit=20')).length <= 20, true);
	for (const [query, pointer] of [['limit=0', '/limit'], ['limit=21', '/limit'], ['limit=x', '/limit'],
		['cursor=x', '/cursor'], ['limit=1&limit=2', '/limit']])
		assertInvalid(await get(`/events/popular?${query}`), pointer);
	const open = assertStatus(await get('/events/popular'), 200);
	assert.match(open.headers['cache-control'], /public.*60/);
	const same = await get('/events/popular', { headers: { 'If-None-Match': open.headers.etag } });
	assert.equal(same.status, 304);
});

test('what was given back was in demand nevertheless', async () => {
	await popular();
	const [id] = await inDemand(500);
	const booking = await held(bob, id, 500);
	assertStatus(await move(bob, booking, 'release'), 200);
	await told(id, 1000);
	stack.redis('flushall');
	await popular();
	await told(id, 1000);
});

test('Redis away: the same order, out of PostgreSQL', async () => {
	const [some, most] = await inDemand(15000, 16000);
	process.kill(Number(/process_id:(\d+)/.exec(stack.redis('info', 'server'))[1]), 'SIGKILL');
	try {
		// An order that was read a moment ago is good for some seconds.
		await stack.until('the order of now', async () => {
			const found = ids(await popular('?limit=2'));
			return found[0] === most && found[1] === some;
		}, 15);
	} finally {
		stack.startRedis();
	}
	await stack.redisFound();
	await settled(async () => {
		await popular();
		assert.equal(stack.redis('exists', SCORES), '1');
	});
	assert.deepEqual(ids(await popular('?limit=2')), [most, some]);
});
