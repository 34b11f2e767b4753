// One key for two requests to stand in line, or to leave it, that are sent at once: one of them takes effect.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, freshKey } = require('../lib/client.js');
const line = require('../lib/line.js');
const stack = require('../lib/stack.js');
const { buyer, event, hold, staff } = require('../lib/world.js');

const ROUNDS = 20;
let id;

before(async () => {
	const [olga, owner] = [await staff(), await buyer()];
	({ event_id: id } = await event(olga, { sections: ['Floor', 'Hall'].map((name) => ({ name, capacity: 1 })) }));
	for (const name of ['Floor', 'Hall']) assertStatus(await hold(owner, { event_id: id, section_id: name, seats_requested: 1 }), 201);
});
after(() => stack.verify());

const people = async () => (await Promise.all(Array.from({ length: ROUNDS }, () => buyer())));
// Of two answers the one that took effect, and the other, which is refused.
function sorted(answers, status) {
	const [done, refused] = answers.sort((one, other) => one.status - other.status);
	assertProblem(refused, 422, 'idempotency-key-reused');
	return assertStatus(done, status);
}

test('two sections: one place, and the same answer again', async () => {
	for (const who of await people()) {
		const key = freshKey();
		const join = (section) => line.join(who, id, section, 1, { key });
		const done = sorted(await Promise.all(['Floor', 'Hall'].map(join)), 202);
		const stands = ['Floor', 'Hall'].map((name) => stack.redis('zscore', line.key(id, name, 'line'), who.user_id) !== '');
		assert.deepEqual(stands, ['Floor', 'Hall'].map((name) => name === done.body.section_id));
		assert.equal(assertStatus(await join(done.body.section_id), 202).text, done.text);
	}
});

test('two tickets: one place is left', async () => {
	for (const who of await people()) {
		const key = freshKey();
		const tokens = [];
		for (const section of ['Floor', 'Hall']) tokens.push((await line.joined(who, id, section, 1)).token);
		sorted(await Promise.all(tokens.map((token) => line.leave(who, token, { key }))), 204);
		const states = await Promise.all(tokens.map(async (token) => (await line.standing(token)).status));
		assert.equal(states.filter((status) => status === 'left').length, 1, states.join());
	}
});
