// More time for a hold: so often, so long, and told to everybody who looks.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, freshKey, get, put } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertSeats, buyer, confirmed, event, held, hold, move, staff } = require('../lib/world.js');

let olga, ann, bob;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
});
after(stack.verify);

const more = (who, booking, options) => move(who, booking, 'extend', undefined, options);

// As if a hold had been made so many seconds ago.
const age = (booking, seconds) => stack.sql(['bookings', 'seat_claims', 'ga_claims'].map((table) => `
	update ${table} set expires_at = expires_at - interval '${seconds} s' where booking_id = '${booking.booking_id}';`).join(''));

test('a hold is given more time, and says how often it can be given more', async () => {
	const { event_id: id } = await event(olga, { hold_seconds: 100 });
	const booking = await held(ann, id, ['B1', 'B2']);
	age(booking, 60);
	let last = Date.parse(booking.expires_at) - 60000;
	for (const left of [2, 1, 0]) {
		const { body } = assertStatus(await more(ann, booking), 200);
		const { expires_at, extensions_left, version } = body;
		assert.deepEqual(body, { ...booking, expires_at, extensions_left: left, version: 4 - left });
		assert.equal(extensions_left, left);
		assert.ok(Date.parse(expires_at) > last);
		assert.ok(Math.abs(Date.parse(expires_at) - Date.now() - 100000) < 60000);
		last = Date.parse(expires_at);
	}
	const refused = assertProblem(await more(ann, booking), 409, 'limit-exceeded');
	assert.deepEqual([refused.limit, refused.current], [3, 3]);
	assert.match(refused.detail, /extended/);
	const shown = assertStatus(await get(`/bookings/${booking.booking_id}`, { token: ann.token }), 200).body;
	assert.equal(shown.expires_at, new Date(last).toISOString());
	assert.ok(!('extensions_left' in shown));
	await assertSeats(id, 'aaaaaaaaaahhaa');
});

test('Redis keeps the seats for as long as PostgreSQL does', async () => {
	const { event_id: id } = await event(olga, { hold_seconds: 4 });
	const booking = await held(ann, id, ['B1']);
	assertStatus(await put(`/admin/events/${id}`, { hold_seconds: 600 }, { token: olga.token }), 200);
	assertStatus(await more(ann, booking), 200);
	await stack.until('it would have ended', () => Date.now() > Date.parse(booking.expires_at) + 500);
	assertProblem(await hold(bob, { event_id: id, seat_ids: ['B1'] }), 409, 'seats-unavailable');
	await assertSeats(id, 'aaaaaaaaaahaaa');
	assertStatus(await move(ann, booking, 'confirm'), 200);
});

test('the same key is one extension', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, 2);
	const key = freshKey();
	const first = assertStatus(await more(ann, booking, { key }), 200);
	const second = assertStatus(await more(ann, booking, { key }), 200);
	assert.equal(second.text, first.text);
	assert.equal(second.headers['idempotent-replayed'], 'true');
	assert.equal(first.body.extensions_left, 2);
	assert.equal(assertStatus(await more(ann, booking, { key: freshKey() }), 200).body.extensions_left, 1);
	assertProblem(await more(ann, await held(ann, id, 1), { key }), 422, 'idempotency-key-reused');
	const together = await Promise.all(Array.from({ length: 4 }, () => more(ann, booking)));
	assert.deepEqual(together.map((a) => a.status).sort(), [200, 409, 409, 409], 'one was left');
});

test('only a live hold, of the caller, while it is sold', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1']);
	assertProblem(await more(bob, booking), 404, 'not-found');
	assertProblem(await more(ann, 'nonsense'), 404, 'not-found');
	assertInvalid(await move(ann, booking, 'extend', { seconds: 9000 }), '/seconds');
	stack.expire(booking.booking_id);
	assertProblem(await more(ann, booking), 410, 'hold-expired');
	assert.equal(assertProblem(await more(ann, await confirmed(ann, id, ['B2'])), 409, 'wrong-state').current_status, 'CONFIRMED');
	const free = await held(ann, id, ['B3']);
	assertStatus(await move(ann, free, 'release'), 200);
	assert.equal(assertProblem(await more(ann, free), 409, 'wrong-state').current_status, 'RELEASED');
	const last = await held(ann, id, ['B4']);
	assertStatus(await put(`/admin/events/${id}`, { status: 'closed' }, { token: olga.token }), 200);
	assertProblem(await more(ann, last), 409, 'sales-closed');
	assertStatus(await move(ann, last, 'confirm'), 200);
});

test('no hold lives longer than is allowed', async () => {
	stack.up({ hold_life_max_seconds: 700 });
	try {
		const { event_id: id } = await event(olga, { hold_seconds: 600 });
		const booking = await held(ann, id, ['B1']);
		assertStatus(await put(`/admin/events/${id}`, { hold_seconds: 86400 }, { token: olga.token }), 200);
		const { body } = assertStatus(await more(ann, booking), 200);
		assert.equal(Date.parse(body.expires_at) - Date.parse(booking.created_at), 700000);
		const refused = assertProblem(await more(ann, booking), 409, 'limit-exceeded');
		assert.deepEqual([refused.limit, refused.current], [700, 700]);
	} finally {
		stack.up({ hold_life_max_seconds: 3600 });
	}
});
