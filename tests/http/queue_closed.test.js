// Lines of events that are not on sale: not yet, for a while, or never again.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, put } = require('../lib/client.js');
const line = require('../lib/line.js');
const stack = require('../lib/stack.js');
const { buyer, event, move, nextYear, staff } = require('../lib/world.js');

let olga, ann, bert, cleo;

before(async () => {
	olga = await staff();
	[ann, bert, cleo] = await Promise.all([buyer(), buyer(), buyer()]);
});
after(() => stack.verify());

const change = async (id, fields) => assertStatus(await put(`/admin/events/${id}`, fields, { token: olga.token }), 200);

test('events that are not on sale have no line', async () => {
	const draft = await event(olga, { status: 'draft' });
	assertProblem(await line.join(ann, draft.event_id, 'Floor'), 404, 'not-found');
	const closed = await event(olga, { status: 'closed' });
	assertProblem(await line.join(ann, closed.event_id, 'Floor'), 409, 'sales-closed');
	const soon = await event(olga, { sales_start: new Date(Date.now() + 3600000).toISOString() });
	const { sales_start: from } = assertProblem(await line.join(ann, soon.event_id, 'Floor'), 409, 'sales-closed');
	assert.equal(Date.parse(from), Math.floor(Date.parse(soon.sales_start) / 1000) * 1000);
});

test('sales that close keep the places, and tell', async () => {
	const { id, release } = await line.soldFloor(olga, 2);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	stack.sql(`update events set status = 'closed' where event_id = ${id}`);
	stack.forget(0);
	assertStatus(await release(0), 200);
	const is = await stack.until('the line is told', async () => {
		const now = await line.standing(token);
		return now.reason === 'sales-closed' && now;
	});
	assert.deepEqual([is.status, is.position, is.estimated_wait_seconds], ['waiting', 1, null]);
	stack.sql(`update events set status = 'on_sale' where event_id = ${id}`);
	await line.until(token, 'reserved');
});

test('whoever waits for an event that is cancelled is told so, and asks no more', async () => {
	const { id, holds, owner } = await line.soldFloor(olga, 11);
	const people = [ann, bert, cleo];
	const tokens = [];
	for (const who of people) tokens.push((await line.joined(who, id, 'Floor', 1)).token);
	assertStatus(await move(owner, holds[1], 'release'), 200);
	await line.until(tokens[0], 'reserved');
	await change(id, { status: 'cancelled' });
	for (const token of tokens.slice(1)) {
		const is = await line.until(token, 'expired');
		assert.deepEqual([is.reason, is.position, is.ahead, is.poll_after_seconds, is.booking_id],
			['sales-closed', null, null, null, null]);
	}
	const refused = assertProblem(await line.confirm(bert, tokens[1]), 409, 'sales-closed');
	assert.ok(refused.event_status === 'cancelled' && Date.parse(refused.sales_end) > Date.now());
	// Whatever comes free is nobody's, and what was given is not confirmed.
	assertStatus(await move(owner, holds[0], 'release'), 200);
	assertProblem(await line.confirm(ann, tokens[0]), 409, 'sales-closed');
	assert.equal((await line.standing(tokens[1])).status, 'expired');
	assertProblem(await line.join(bert, id, 'Floor', 1), 409, 'sales-closed');
	// Also where Redis knows nothing of it any more.
	assertStatus(await line.leave(bert, tokens[1]), 204);
	stack.forget(id);
	assert.deepEqual([(await line.standing(tokens[1])).status, (await line.standing(tokens[2])).status], ['left', 'expired']);
	assert.equal(stack.sql(`select count(*) from queue_tickets where event_id = ${id} and outcome = 'reserved'`), '1');
});

test('sales that have ended are told as such, and the places are there should they be put off', async () => {
	const { id, release } = await line.soldFloor(olga, 1);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	const { token: second } = await line.joined(bert, id, 'Floor', 1);
	await change(id, { sales_end: new Date(Date.now() + 1000).toISOString() });
	const is = await line.until(token, 'expired');
	assert.deepEqual([is.reason, is.poll_after_seconds], ['sales-closed', null]);
	// Closed besides: that is no more than it was.
	await change(id, { status: 'closed' });
	await line.until(second, 'expired');
	await change(id, { status: 'on_sale', sales_end: `${nextYear}-05-01T19:00:00Z` });
	assert.deepEqual(await line.positions([token, second]), [1, 2]);
	assertStatus(await release(0), 200);
	await line.until(token, 'reserved');
});

test('what was served stays so, also where its ticket is old and sales begin again', async () => {
	const { event_id: id } = await event(olga, { sections: [{ name: 'Floor', capacity: 2, base_price: 500 }] });
	const tokens = [];
	for (const who of [ann, bert]) {
		const { token } = await line.joined(who, id, 'Floor', 1);
		tokens.push([token, (await line.until(token, 'reserved')).booking_id]);
	}
	assertStatus(await line.confirm(bert, tokens[1][0]), 200);
	stack.sql(['bookings', 'ga_claims'].map((table) => `update ${table} set expires_at = now() - interval '1 second'
		where booking_id = '${tokens[0][1]}'`).join(';'));
	stack.redis('hdel', `hf:{${id}}:entry`, ...tokens.map(([, booking]) => booking));
	await line.until(tokens[0][0], 'expired');
	stack.sql(`update events set sales_start = now() - interval '40 days', sales_end = now() - interval '31 days' where event_id = ${id}`);
	await stack.until('its tickets have gone', () => stack.sql(`select queue_trim(1000); select count(*) from queue_tickets
		where event_id = ${id}`).split('\n').at(-1) === '0');
	const ends = () => Promise.all(tokens.map(async ([token, booking]) => {
		const is = await line.standing(token);
		assert.deepEqual([is.booking_id, is.reason], [booking, null]);
		return is.status;
	}));
	assert.deepEqual(await ends(), ['expired', 'confirmed'], 'while the line is kept');
	stack.forget(id);
	assert.deepEqual(await ends(), ['expired', 'confirmed'], 'and where it is lost');
	await change(id, { sales_end: `${nextYear}-05-01T19:00:00Z` });
	assert.deepEqual(await ends(), ['expired', 'confirmed'], 'and on sale again');
	assertProblem(await line.leave(bert, tokens[1][0]), 409, 'wrong-state');
	assertStatus(await line.leave(ann, tokens[0][0]), 204);
	const { token } = await line.joined(cleo, id, 'Floor', 1);
	await line.until(token, 'reserved');
	assert.deepEqual(await ends(), ['expired', 'confirmed']);
});

test('what Redis alone takes for the end of sales is none', async () => {
	const { id } = await line.soldFloor(olga, 1);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	const until = stack.redis('hget', `hf:{${id}}:meta`, 'until');
	stack.redis('hset', `hf:{${id}}:meta`, 'until', 1);
	stack.redis('hset', line.key(id, 'Floor', 'state'), 'closed', 1);
	const is = await line.standing(token);
	stack.redis('hset', `hf:{${id}}:meta`, 'until', until);
	assert.notEqual(is.status, 'expired');
	assert.equal(is.position, 1);
	assert.ok(is.poll_after_seconds > 0);
});

test('while an event is closed by its organizer places are kept', async () => {
	const { id, release } = await line.soldFloor(olga, 1);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	await change(id, { status: 'closed' });
	assertStatus(await release(0), 200);
	const is = await stack.until('the line is told', async () => {
		const now = await line.standing(token);
		return now.reason === 'sales-closed' && now;
	});
	assert.deepEqual([is.status, is.position], ['waiting', 1]);
	assert.ok(is.poll_after_seconds > 0);
	assertProblem(await line.confirm(ann, token), 409, 'not-reserved-yet');
	await change(id, { status: 'on_sale' });
	await line.until(token, 'reserved');
});
