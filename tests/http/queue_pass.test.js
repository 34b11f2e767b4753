// The lines of an event that has a waiting room: who joins them shows a pass that is good.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, post } = require('../lib/client.js');
const line = require('../lib/line.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, hold, move, staff } = require('../lib/world.js');

let olga, ann, bert;

before(async () => {
	[olga, ann, bert] = await Promise.all([staff(), buyer(), buyer()]);
});
after(() => stack.verify());

test('an event that is entered through its queue has lines, which need its pass', async () => {
	const { event_id: id } = await event(olga, { queue: 'on', waiting_room: { admit_per_minute: 60000 } });
	assertProblem(await hold(ann, { event_id: id, seat_ids: ['B1'] }), 403, 'queue-required');
	const join = (who, pass) => line.join(who, id, 'VIP', 2, pass ? { headers: { 'X-Queue-Pass': pass } } : {});
	assert.equal(assertProblem(await join(ann), 403, 'queue-required').pass, 'missing');
	const { pass } = assertStatus(await post('/queue/join', { event_id: id }, { token: ann.token }), 202).body;
	assert.equal(assertProblem(await join(bert, pass), 403, 'queue-required').pass, 'wrong');
	// Also where Redis keeps nothing of the event.
	stack.redis('del', `hf:{${id}}:meta`);
	assert.equal(assertProblem(await join(ann), 403, 'queue-required').pass, 'missing');
	const { token } = assertStatus(await join(ann, pass), 202).body;
	assert.equal(assertStatus(await join(ann), 202).body.token, token, 'who stands there needs none');
	await line.until(token, 'reserved');
	assertStatus(await line.confirm(ann, token), 200);
	assert.equal(assertProblem(await join(ann, pass), 403, 'queue-required').pass, 'spent');
	assert.equal(assertProblem(await hold(ann, { event_id: id, seat_ids: ['VIP-A-9'] }, { headers: { 'X-Queue-Pass': pass } }),
		403, 'queue-required').pass, 'spent');
	stack.redis('del', `hf:{${id}}:meta`, `hf:{${id}}:q::done`);
	assert.equal(assertProblem(await join(ann, pass), 403, 'queue-required').pass, 'spent');
});

test('a pass that was given up or spent opens no line, whatever place the account has had since', async () => {
	const { event_id: id } = await event(olga, { queue: 'on', waiting_room: { admit_per_minute: 60000 } });
	const admitted = async (who) => assertStatus(await post('/queue/join', { event_id: id }, { token: who.token }), 202).body;
	const join = (who, { pass }) => line.join(who, id, 'VIP', 1, { headers: { 'X-Queue-Pass': pass } });
	const refused = async (who, place) => assert.equal(assertProblem(await join(who, place), 403, 'queue-required').pass, 'spent');

	const gone = await admitted(ann);
	assertStatus(await line.leave(ann, gone.token), 204);
	await refused(ann, gone);

	const buys = async (place) => {
		const options = { headers: { 'X-Queue-Pass': place.pass } };
		return assertStatus(await move(bert, await held(bert, id, 1, options), 'confirm'), 200);
	};
	const first = await admitted(bert);
	await buys(first);
	const second = await admitted(bert);
	await refused(bert, first);
	await buys(second);
	await refused(bert, first);
	const third = await admitted(bert);
	assertStatus(await line.leave(bert, third.token), 204);
	for (const place of [first, second, third]) await refused(bert, place);
	// Given up, and in again: the new pass is good, the old one is not.
	const back = await admitted(ann);
	await refused(ann, gone);
	assertStatus(await join(ann, back), 202);
});
