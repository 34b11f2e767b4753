// Lines whose Redis is flushed, restarted, frozen or gone: nobody loses a place, nobody is overtaken, and
// nobody is served twice.
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, get, post } = require('../lib/client.js');
const line = require('../lib/line.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, hold, move, staff } = require('../lib/world.js');

const events = [];
let olga, people;

before(async () => {
	olga = await staff();
	people = await Promise.all(Array.from({ length: 6 }, () => buyer()));
});
after(() => {
	for (const id of events) stack.reconcile(id);
	stack.verify();
});

// An event whose floor is held in holds of one place each, and people who wait for one each.
async function waiting(capacity, count) {
	const { event_id: id } = await event(olga, { sections: [{ name: 'Floor', capacity }] });
	events.push(id);
	const owner = await buyer();
	const holds = [];
	for (let i = 0; i < capacity; i++) holds.push(await held(owner, id, 1));
	const tokens = [];
	for (const who of people.slice(0, count)) tokens.push((await line.joined(who, id, 'Floor', 1)).token);
	return { id, tokens, release: (n) => move(owner, holds[n], 'release') };
}

const statuses = async (tokens) => (await Promise.all(tokens.map(line.standing))).map((is) => is.status);
const epoch = (id) => Number(stack.redis('hget', line.key(id, 'Floor', 'state'), 'epoch'));
async function killRedis() {
	const pid = stack.pidOf('redis');
	process.kill(pid, 'SIGKILL');
	await stack.until('Redis is dead', () => !stack.isAlive(pid));
}

test('verify finds who is in two states, and who was served with what is not theirs', async () => {
	const { id, tokens, release } = await waiting(1, 3);
	assertStatus(await release(0), 200);
	const { booking_id: booking } = await line.until(tokens[0], 'reserved');
	await stack.until('nobody is being served', () => stack.redis('hlen', line.key(id, 'Floor', 'serving')) === '0');
	const users = people.slice(0, 4).map((who) => who.user_id);
	const [row, serving, done] = ['line', 'serving', 'done'].map((part) => line.key(id, 'Floor', part));
	const nines = () => /^I9 .*/m.exec(stack.program('verify', ['--wait', '1']).stdout)[0];
	assert.match(nines(), /^I9 ok /);
	// Served, and in line again; in line, and being served; served with no booking; served with another's.
	stack.redis('zadd', row, 1, users[0]);
	stack.redis('hset', serving, users[1], `1|${Date.now() + 60000}|0`);
	stack.redis('hset', done, users[2], `1|${randomUUID()}|0`, users[3], `1|${booking}|0`);
	const found = nines();
	assert.match(found, new RegExp(`^I9 FAIL 4 first: event ${id}: line Floor: user `));
	const said = [/waits, with an open booking/, /waits and is being served/, /with no booking/, /another user's booking/];
	assert.ok(said.some((one) => one.test(found)), found);
	stack.redis('zrem', row, users[0]);
	stack.redis('hdel', serving, users[1]);
	stack.redis('hdel', done, users[2], users[3]);
	assert.match(nines(), /^I9 ok /);
});

test('a line that is lost is put together again by its tickets, in their order', async () => {
	const { id, tokens, release } = await waiting(2, 5);
	assert.equal(epoch(id), 1);
	stack.forget(id);
	// Somebody who comes now stands behind all who were there before, whenever they come back.
	const late = await line.joined(people[5], id, 'Floor', 1);
	assert.equal(late.position, 1);
	assert.equal(epoch(id), 2);
	assertStatus(await release(0), 200);
	for (const token of [...tokens].reverse()) assert.equal((await line.standing(token)).status, 'waiting');
	assert.deepEqual(await line.positions([...tokens, late.token]), [1, 2, 3, 4, 5, 6]);
	// Two intervals of asking, in which nobody is served.
	await line.until(tokens[0], 'reserved');
	assert.deepEqual(await line.positions([...tokens.slice(1), late.token]), [1, 2, 3, 4, 5]);
	assertStatus(await release(1), 200);
	await line.until(tokens[1], 'reserved');
	assert.equal((await line.standing(late.token)).status, 'waiting');
});

test('a ticket that is lost while sales are closed keeps its place', async () => {
	const { id, tokens, release } = await waiting(1, 2);
	stack.sql(`update events set status = 'closed' where event_id = ${id}`);
	stack.forget(id);
	for (const token of [...tokens].reverse()) assert.equal((await line.standing(token)).status, 'waiting');
	assert.deepEqual(await line.positions(tokens), [1, 2]);
	stack.sql(`update events set status = 'on_sale' where event_id = ${id}`);
	assertStatus(await release(0), 200);
	await line.until(tokens[0], 'reserved');
	stack.sql(`update events set status = 'closed', sales_start = now() - interval '1 hour',
		sales_end = now() - interval '5 seconds' where event_id = ${id}`);
	stack.forget(id);
	const is = await line.standing(tokens[1]);
	assert.deepEqual([is.status, is.reason], ['expired', 'sales-closed']);
});

test('who joins again after a loss has the reservation of before, at once', async () => {
	const { id, tokens, release } = await waiting(1, 1);
	assertStatus(await release(0), 200);
	const { booking_id: booking } = await line.until(tokens[0], 'reserved');
	stack.forget(id);
	const again = await line.joined(people[0], id, 'Floor', 1);
	assert.deepEqual([again.token, again.status, again.booking_id], [tokens[0], 'reserved', booking]);
});

test('while Redis cannot be asked what comes free is kept for those who wait', async () => {
	const { id, release } = await waiting(1, 1);
	await stack.until('PostgreSQL has been told', () => stack.sql(`select 1 from queue_lines where event_id = ${id} and waits_until > now()`) === '1');
	stack.forget(id);
	assertStatus(await release(0), 200);
	const direct = (who) => hold(who, { event_id: id, section_id: 'Floor', seats_requested: 1 });
	// Not even who stands there has it past the line.
	const refused = async () => {
		for (const who of people.slice(0, 2)) assert.equal(assertProblem(await direct(who), 409, 'sold-out').available, 0);
	};
	await refused();
	// Nor once all but the line is there again.
	stack.reconcile(id);
	assert.equal(stack.redis('hexists', `hf:{${id}}:meta`, 'stamp'), '1');
	await refused();
	stack.sql(`update queue_lines set waits_until = now() where event_id = ${id}`);
	assertStatus(await direct(people[1]), 201);
});

test('while nothing but its line is kept of an event, places are for those in it, whatever PostgreSQL has heard of them', async () => {
	const { id, release } = await waiting(2, 0);
	const { token } = await line.joined(people[0], id, 'Floor', 2);
	assertStatus(await release(0), 200);
	await stack.until('the line has been moved on', () => Number(stack.redis('hget', line.key(id, 'Floor', 'state'), 'driven')) > 0);
	const direct = () => hold(people[1], { event_id: id, section_id: 'Floor', seats_requested: 1 });
	const told = stack.sql(`with was as (update queue_lines set waits_until = null where event_id = ${id} returning line) select * from was`);
	assert.equal(told, 'Floor');
	// Whoever moves the line on has the event built again, which may come between.
	let refused;
	for (let i = 0; i < 5 && !refused; i++) {
		stack.redis('del', `hf:{${id}}:meta`);
		const answer = await direct();
		if (answer.status === 409) refused = assertProblem(answer, 409, 'sold-out');
		else assertStatus(await move(people[1], assertStatus(answer, 201).body, 'release'), 200);
	}
	assert.equal(refused?.available, 0);
	// With the event, it is known that two have no use for the one that is left.
	stack.reconcile(id);
	assertStatus(await direct(), 201);
	assert.equal((await line.standing(token)).status, 'waiting');
});

test('while nothing is kept of the event PostgreSQL knows that people wait, whom it is asked about', async () => {
	const { id } = await waiting(1, 2);
	const told = () => stack.sql(`select 1 from queue_lines where event_id = ${id} and waits_until > now()`) === '1';
	await stack.until('PostgreSQL has been told', told);
	// It is not built anew meanwhile.
	stack.redis('set', `hf:{${id}}:fence`, 'another', 'px', 60000);
	stack.redis('hdel', `hf:{${id}}:meta`, 'stamp');
	const driven = () => stack.redis('hget', line.key(id, 'Floor', 'state'), 'driven');
	for (let i = 0; i < 3; i++) {
		const before = driven();
		await stack.until('the line has been looked at', () => driven() !== before && stack.redis('hlen', line.key(id, 'Floor', 'serving')) === '0');
		assert.ok(told());
	}
	stack.redis('del', `hf:{${id}}:fence`);
});

test('of several lines that are lost each is kept for those who stood in it, until they are back', async () => {
	const { event_id: id } = await event(olga, { sections: [...['Floor', 'Hall', 'Bar'].map((name) => ({ name, capacity: 1 })),
		{ name: 'VIP', kind: 'seated', rows: [{ row: 'A', seats: 1 }] }] });
	events.push(id);
	const wish = (name) => ({ event_id: id, ...(name === 'VIP' ? { seat_ids: ['VIP-A-1'] } : { section_id: name, seats_requested: 1 }) });
	const [owner, other] = people.slice(4);
	const lines = ['Floor', 'Hall', 'VIP'], holds = {}, tokens = {};
	for (const [i, name] of lines.entries()) {
		holds[name] = assertStatus(await hold(owner, wish(name)), 201).body;
		tokens[name] = (await line.joined(people[i], id, name, 1)).token;
	}
	await stack.until('PostgreSQL has been told', () =>
		stack.sql(`select count(*) from queue_lines where event_id = ${id} and waits_until > now()`) === '3');
	// However long this takes.
	stack.sql(`update queue_lines set waits_until = now() + interval '1 hour' where event_id = ${id}`);
	stack.forget(id);
	stack.reconcile(id);
	assert.equal((await line.standing(tokens.Floor)).position, 1);
	for (const name of ['Hall', 'VIP']) assertStatus(await move(owner, holds[name], 'release'), 200);
	assertProblem(await hold(other, wish('Hall')), 409, 'sold-out');
	assertProblem(await hold(other, wish('VIP')), 409, 'seats-unavailable');
	assertStatus(await hold(other, wish('Bar')), 201);
	for (const name of ['Hall', 'VIP']) await line.until(tokens[name], 'reserved');
	assertStatus(await move(owner, holds.Floor, 'release'), 200);
	await line.until(tokens.Floor, 'reserved');
});

test('after a loss nobody is served before the others can be back', async () => {
	const { id, tokens, release } = await waiting(1, 2);
	stack.forget(id);
	const late = await line.joined(people[5], id, 'Floor', 1);
	const began = Date.now();
	assertStatus(await release(0), 200);
	await stack.pause(1500);
	assert.equal((await line.standing(late.token)).status, 'waiting');
	await line.standing(tokens[0]);
	await line.until(tokens[0], 'reserved');
	assert.ok(Date.now() - began > 2000, `served after ${Date.now() - began} ms`);
	assert.deepEqual(await statuses([tokens[1], late.token]), ['waiting', 'waiting']);
});

test('what was served, left or refused before a loss is so after it', async () => {
	const { id, tokens, release } = await waiting(1, 4);
	assertStatus(await line.leave(people[1], tokens[1]), 204);
	assertStatus(await release(0), 200);
	const { booking_id: booking } = await line.until(tokens[0], 'reserved');
	stack.forget(id);
	assert.deepEqual(await statuses(tokens), ['reserved', 'left', 'waiting', 'waiting']);
	assertStatus(await line.confirm(people[0], tokens[0]), 200);
	assert.equal((await line.standing(tokens[0])).booking_id, booking);
	await stack.until('all is sold', async () => (await statuses(tokens.slice(2))).every((one) => one === 'sold_out'));
});

test('two tickets of one account: the older place stands', async () => {
	const { id, tokens } = await waiting(1, 2);
	stack.forget(id);
	const anew = await line.joined(people[0], id, 'Floor', 1);
	await line.joined(people[5], id, 'Floor', 1);
	assert.notEqual(anew.token, tokens[0]);
	assert.equal((await line.standing(tokens[0])).position, 1);
	assert.equal((await line.standing(anew.token)).position, 1);
	assert.equal(line.length(id, 'Floor'), 2);
	assert.equal((await line.standing(tokens[1])).position, 2);
	assertStatus(await line.leave(people[0], anew.token), 204);
	assert.equal((await line.standing(tokens[1])).position, 1);
	assert.deepEqual(await statuses([tokens[0], anew.token]), ['left', 'left']);
});

test('Redis is killed and comes back with its file: the line is whole, and counts anew', async () => {
	const { id, tokens, release } = await waiting(1, 3);
	await stack.until('all is on the disk', () =>
		/aof_last_write_status:ok/.test(stack.redis('info', 'persistence')) && /aof_pending_bio_fsync:0/.test(stack.redis('info', 'persistence')));
	await stack.pause(1100); // everysec
	await killRedis();
	const away = assertProblem(await line.status(tokens[0]), 503, 'unavailable');
	assert.match(away.detail, /place in it is kept/);
	assertProblem(await line.join(people[5], id, 'Floor', 1), 503, 'unavailable');
	assertProblem(await line.confirm(people[0], tokens[0]), 409, 'not-reserved-yet');
	assertStatus(await release(0), 200);
	stack.startRedis();
	await stack.redisFound();
	assert.deepEqual(await line.positions(tokens), [1, 2, 3]);
	const late = await line.joined(people[5], id, 'Floor', 1);
	assert.equal(late.position, 4);
	assert.equal(epoch(id), 2);
	await line.until(tokens[0], 'reserved');
	assert.deepEqual(await line.positions([tokens[1], tokens[2], late.token]), [1, 2, 3]);
});

test('while Redis is away a ticket that has ended is still answered, and places stay as they are', async () => {
	const { id, tokens, release } = await waiting(1, 3);
	assertStatus(await release(0), 200);
	await line.until(tokens[0], 'reserved');
	await killRedis();
	assert.equal((await line.standing(tokens[0])).status, 'reserved');
	assertStatus(await line.confirm(people[0], tokens[0]), 200);
	assertProblem(await line.leave(people[1], tokens[1]), 503, 'unavailable');
	assertProblem(await line.status(tokens[2]), 503, 'unavailable');
	stack.startRedis();
	await stack.redisFound();
	assert.equal((await line.standing(tokens[0])).status, 'confirmed');
	await line.until(tokens[2], 'sold_out');
	assert.deepEqual(await line.positions(tokens.slice(1)), [1, 2]);
	assertStatus(await line.leave(people[1], tokens[1]), 204);
	// Who joins again has a new place.
	const again = await line.joined(people[1], id, 'Floor', 1);
	assert.deepEqual([again.position, (await line.standing(tokens[1])).status], [2, 'left']);
});

test('Redis frozen: answers come in bounded time, and the line goes on', async () => {
	const { id, tokens, release } = await waiting(1, 2);
	const pid = stack.pidOf('redis');
	process.kill(pid, 'SIGSTOP');
	try {
		const began = Date.now();
		assertProblem(await line.status(tokens[0]), 503, 'unavailable');
		assertProblem(await line.join(people[5], id, 'Floor', 1), 503, 'unavailable');
		assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
		assertStatus(await release(0), 200);
	} finally {
		process.kill(pid, 'SIGCONT');
	}
	await stack.redisFound();
	await line.until(tokens[0], 'reserved');
	assert.equal((await line.standing(tokens[1])).position, 1);
});

test('what Redis keeps of an event is damaged: PostgreSQL says who is served', async () => {
	const { id, tokens, release } = await waiting(1, 2);
	stack.redis('hset', `hf:{${id}}:meta`, 'stamp', 'another');
	assertStatus(await release(0), 200);
	await line.until(tokens[0], 'reserved');
	assert.equal((await line.standing(tokens[1])).position, 1);
});

test('an answer kept under a key that nobody can read is none', async () => {
	const [who] = people;
	const lines = await event(olga), rooms = await event(olga, { queue: 'on' });
	for (const [id, more] of [[lines.event_id, { section_id: 'Floor' }], [rooms.event_id, {}]]) {
		const join = (key) => post('/queue/join', { event_id: id, ...more }, { token: who.token, key });
		const key = freshKey();
		const { token } = assertStatus(await join(key), 202).body;
		const name = stack.redis('keys', `hfk:{${id}}:*`).trim();
		const [fingerprint, score, ...rest] = stack.redis('get', name).trim().split(' ');
		for (const bad of ['', '1', 'none of these is a number', `${score} 0 ${rest.slice(1)}`]) {
			stack.redis('set', name, `${fingerprint} ${bad}`);
			assertProblem(await join(key), 503, 'unavailable');
		}
		assert.equal(assertStatus(await join(freshKey()), 202).body.token, token);
	}
});

test('an event that is over leaves nothing in Redis', async () => {
	const { id, tokens } = await waiting(1, 2);
	stack.sql(`update events set status = 'closed', sales_start = now() - interval '3 days',
		sales_end = now() - interval '2 days', event_date = now() - interval '2 days' where event_id = ${id}`);
	await stack.until('nothing is kept', () => {
		assert.equal(stack.program('reconcile', ['--full']).status, 0);
		return stack.redis('keys', `hf:{${id}}:*`) === '';
	}, 20);
	const is = await line.standing(tokens[0]);
	assert.deepEqual([is.status, is.reason], ['expired', 'sales-closed']);
	assert.equal(stack.redis('keys', `hf:{${id}}:*`), '');
});
