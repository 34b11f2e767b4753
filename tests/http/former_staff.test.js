// A token outlives the role that it was given for: whoever is no staff any more is told nothing by any call of
// staff, and does nothing.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, call, freshKey, get, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { buyer, event, eventBody, held, staff } = require('../lib/world.js');

const ids = {};
let olga, boss;

const become = (who, role) =>
	assert.equal(stack.program('user', ['role', '--email', who.email, '--role', role]).status, 0);
const disable = (who) => assert.equal(stack.program('user', ['disable', '--email', who.email]).status, 0);

before(async () => {
	[olga, boss] = await Promise.all([staff(), staff('admin')]);
	ids.event_id = (await event(olga)).event_id;
	ids.booking_id = (await held(await buyer(), ids.event_id, 1)).booking_id;
	ids.webhook_id = assertStatus(await post('/admin/webhooks', { url: 'https://shop.example.test/hook' },
		{ token: olga.token }), 201).body.webhook_id;
});
after(stack.verify);

// What the calls of staff need in order to get as far as the database.
const bodies = {
	'POST /admin/events': eventBody(), 'POST /events': eventBody(), 'PUT /admin/events/{event_id}': { title: 'Mine' },
	'POST /admin/bookings/{booking_id}/paid': {}, 'POST /admin/bookings/{booking_id}/refunds': { action: 'done' },
	'POST /admin/venues': { name: 'Hall' }, 'POST /admin/webhooks': { url: 'https://shop.example.test/hook' },
};

// [method, path, body] of every route for staff: a new one has to be right too.
function calls() {
	const found = stack.program('admin', ['--routes']).stdout.trim().split('\n')
		.map((line) => line.split(' ')).filter(([, , , , flags]) => flags.split(',').includes('staff'))
		.map(([, method, where]) => [method, where.replace(/{(\w+)}/g, (all, name) => ids[name]), bodies[`${method} ${where}`]]);
	assert.ok(found.length >= 14, `${found.length}`);
	return found;
}

async function refused(who, but = []) {
	const books = stack.books();
	for (const [method, where, body] of calls().filter(([m, w]) => !but.includes(`${m} ${w}`))) {
		const answer = await call(method, where, { body, token: who.token });
		assert.equal(answer.status, 403, `${method} ${where}: ${answer.text}`);
		assertProblem(answer, 403, 'forbidden');
	}
	assert.equal(stack.books(), books);
}

test('an organizer who is a buyer again', async () => {
	become(olga, 'user');
	await refused(olga);
	become(olga, 'organizer');
});

test('an organizer whose account is disabled', async () => {
	disable(olga);
	await refused(olga);
	assert.equal(stack.program('user', ['enable', '--email', olga.email]).status, 0);
});

test('an admin who is a buyer again', async () => {
	become(boss, 'user');
	await refused(boss);
	become(boss, 'admin');
});

test('an admin who is an organizer: an admin\'s token is worth nothing but for what is one\'s own', async () => {
	become(boss, 'organizer');
	await refused(boss, ['POST /admin/venues', 'POST /admin/webhooks', 'GET /admin/webhooks']);
	become(boss, 'admin');
});

test('a draft is nothing to them', async () => {
	const { event_id: draft } = await event(olga, { status: 'draft' });
	const seen = async (who, status) => {
		for (const what of ['', '/availability', '/seats', '/seatmap', '/seatmap/status'])
			assertStatus(await get(`/events/${draft}${what}`, { token: who.token }), status);
	};
	await seen(olga, 200);
	await seen(boss, 200);
	become(olga, 'user');
	disable(boss);
	await seen(olga, 404);
	await seen(boss, 404);
});

test('nor does a key bring back what was answered before', async () => {
	const anna = await staff();
	const key = freshKey();
	const make = () => post('/admin/venues', { name: 'Once' }, { token: anna.token, key });
	assertStatus(await make(), 201);
	become(anna, 'user');
	assertProblem(await make(), 403, 'forbidden');
});
