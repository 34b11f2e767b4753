// PostgreSQL stopped and back while people stand in line: they keep their places, and are told so.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus } = require('../lib/client.js');
const line = require('../lib/line.js');
const { signal } = require('../lib/parts.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, move, staff } = require('../lib/world.js');

let people, id, tokens, holds, owner;

before(async () => {
	const olga = await staff();
	people = await Promise.all(Array.from({ length: 4 }, () => buyer()));
	owner = await buyer();
	({ event_id: id } = await event(olga, { sections: [{ name: 'Floor', capacity: 2 }] }));
	holds = [await held(owner, id, 1), await held(owner, id, 1)];
	tokens = [];
	for (const who of people) tokens.push((await line.joined(who, id, 'Floor', 1)).token);
});
after(() => {
	stack.reconcile(id);
	stack.verify();
});

test('frozen: whoever waits is told how they stand, and nobody is served meanwhile', async () => {
	const pid = stack.pidOf('postgres');
	const sessions = stack.workers('postgres');
	signal([pid, ...sessions], 'SIGSTOP');
	try {
		// A place that is free in Redis alone: PostgreSQL has not heard of it.
		stack.redis('hset', `hf:{${id}}:count`, 'h:Floor', 1);
		let told = 0;
		for (let i = 0; i < 4; i++) {
			const answers = await Promise.all(tokens.map((token) => line.status(token)));
			for (const { status, body } of answers) {
				assert.ok(status === 200 || status === 503, JSON.stringify(body));
				if (status !== 200) continue;
				assert.equal(body.status, 'waiting');
				told++;
			}
		}
		// Those whose worker is asking PostgreSQL just then are not.
		assert.ok(told > 0, 'nobody was told');
		// Whether it was sent at all depends on what this worker has met before.
		const left = await line.leave(people[3], tokens[3]);
		assertProblem(left, 503, /unavailable/.test(left.body.type) ? 'unavailable' : 'unknown-outcome');
	} finally {
		signal([...sessions, pid], 'SIGCONT');
	}
	await stack.postgresFound();
	await stack.until('the places are as they were', async () =>
		`${await line.positions(tokens.slice(0, 3))}` === '1,2,3', 30);
	stack.redis('hset', `hf:{${id}}:count`, 'h:Floor', 2);
});

test('frozen between a question and its answer: whoever was given a place is told so', async () => {
	const { event_id: other } = await event(await staff(), { sections: [{ name: 'Floor', capacity: 1 }] });
	const { token: first } = await line.joined(owner, other, 'Floor', 1);
	await line.until(first, 'reserved');
	const { token: second } = await line.joined(people[1], other, 'Floor', 1);
	await stack.connected('queue', async () =>
		assertProblem(await line.confirm(people[1], second), 409, 'not-reserved-yet'));
	assertStatus(await line.leave(people[1], second), 204);
	assertStatus(await line.leave(owner, first), 204);
	await stack.until('the place is free', () => stack.redis('hget', `hf:{${other}}:count`, 'h:Floor') === '0');
	const pid = stack.pidOf('postgres');
	const sessions = stack.workers('postgres');
	const serving = () => stack.redis('hexists', line.key(other, 'Floor', 'serving'), people[0].user_id) === '1';
	let token;
	signal([pid, ...sessions], 'SIGSTOP');
	try {
		({ token } = await line.joined(people[0], other, 'Floor', 1));
		await stack.until('PostgreSQL has been asked', serving);
		// As a comparison finds it as soon as PostgreSQL goes on: nothing is free.
		stack.redis('hset', `hf:{${other}}:count`, 'h:Floor', 1);
		// Longer than a worker waits.
		await stack.pause(5000);
	} finally {
		signal([...sessions, pid], 'SIGCONT');
	}
	await stack.postgresFound();
	await stack.until('PostgreSQL has done it', () =>
		stack.sql(`select count(*) from queue_tickets where event_id = ${other} and outcome = 'reserved'`) === '2');
	await line.until(token, 'reserved', 30);
	stack.reconcile(other);
});

test('stopped: the line stands, and goes on where it was', async () => {
	const pid = stack.pidOf('postgres');
	process.kill(pid, 'SIGINT');
	await stack.until('PostgreSQL has stopped', () => !stack.isAlive(pid));
	for (let i = 0; i < 3; i++) {
		assert.deepEqual(await line.positions(tokens.slice(0, 3)), [1, 2, 3]);
	}
	assertProblem(await line.confirm(people[0], tokens[0]), 503, 'unavailable');
	stack.up();
	await stack.postgresFound();
	assertStatus(await move(owner, holds[0], 'release'), 200);
	await line.until(tokens[0], 'reserved');
	assert.deepEqual(await line.positions(tokens.slice(1, 3)), [1, 2]);
	assertStatus(await line.confirm(people[0], tokens[0]), 200);
	assertStatus(await move(owner, holds[1], 'release'), 200);
	await line.until(tokens[1], 'reserved');
});
