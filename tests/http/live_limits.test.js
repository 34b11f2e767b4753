// How many streams one address, and all together, may have open, in force.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { believing } = require('../lib/front.js');
const stack = require('../lib/stack.js');
const { event, staff } = require('../lib/world.js');

test('one address has so many streams at a time, and others have theirs', async (t) => {
	const made = await event(await staff());
	const front = await believing(t, { HOLDFAST_LIVE_PER_ADDRESS: '3' });
	const open = (address) => front(`/api/v1/events/${made.event_id}/stream`, { 'X-Client': address });
	const streams = await Promise.all(['192.0.2.1', '192.0.2.1', '192.0.2.1'].map(open));
	assert.deepEqual(streams.map((stream) => stream.status), [200, 200, 200]);
	const refused = await open('192.0.2.1');
	assert.equal(refused.status, 429);
	assert.ok(Number(refused.headers.get('retry-after')) > 0);
	assert.equal((await refused.json()).type, '/problems/rate-limited');
	streams.push(await open('192.0.2.2'));
	assert.equal(streams.at(-1).status, 200);
	await streams.shift().body.cancel();
	await stack.until('a place is free', async () => {
		const again = await open('192.0.2.1');
		if (again.status === 200) streams.push(again);
		else await again.text();
		return again.status === 200;
	});
	// Of IPv6 the network counts.
	const network = await Promise.all([1, 2, 3, 4].map((i) => open(`2001:db8:5:6::${i}`)));
	assert.equal(network.filter((answer) => answer.status === 429).length, 1);
	streams.push(...network);
	await Promise.all(streams.map((stream) => stream.body.cancel()));
});

test('all addresses together have so many', async (t) => {
	const made = await event(await staff());
	const front = await believing(t, { HOLDFAST_LIVE_READERS_MAX: '3' });
	const where = `/api/v1/events/${made.event_id}`;
	const open = (i) => front(`${where}/stream`, { 'X-Client': `192.0.2.${i}` });
	const streams = await Promise.all([1, 2, 3].map(open));
	assert.deepEqual(streams.map((stream) => stream.status), [200, 200, 200]);
	const refused = await open(4);
	assert.equal(refused.status, 429);
	assert.ok(Number(refused.headers.get('retry-after')) > 0);
	assert.equal((await refused.json()).type, '/problems/rate-limited');
	assert.equal((await front(where, { 'X-Client': '192.0.2.4' })).status, 200, 'the API is open to all');
	await Promise.all(streams.map((stream) => stream.body.cancel()));
});

test('with rate_limit off there is no such limit', async (t) => {
	const made = await event(await staff());
	const front = await believing(t, { HOLDFAST_LIVE_PER_ADDRESS: '1', HOLDFAST_LIVE_READERS_MAX: '1', HOLDFAST_RATE_LIMIT: 'off' });
	const streams = await Promise.all(Array.from({ length: 5 },
		() => front(`/api/v1/events/${made.event_id}/stream`, { 'X-Client': '192.0.2.1' })));
	assert.deepEqual(streams.map((stream) => stream.status), [200, 200, 200, 200, 200]);
	await Promise.all(streams.map((stream) => stream.body.cancel()));
});
