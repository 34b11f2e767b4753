// The same calls under the names that existing clients use: other bodies, the same rules.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, freshKey, get, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, confirmed, event, held, hold, move, staff } =
	require('../lib/world.js');

let olga, ann, bob;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
});
after(stack.verify);

const lock = (who, body, options) => post('/seat-lock', body, { token: who.token, ...options });
const confirm = (who, body, options) => post('/booking/confirm', body, { token: who.token, ...options });
const book = (who, id, body, options) =>
	post(`/events/${id}/book`, body, { token: who.token, key: freshKey(), ...options });

test('seat-lock is a hold', async () => {
	const { event_id: id } = await event(olga);
	const body = { show_id: id, seat_ids: ['B2', 'B1'], user_id: ann.user_id };
	const answer = assertStatus(await lock(ann, body), 200);
	const { booking_id, expires_at } = answer.body;
	assert.deepEqual(answer.body, { success: true, seat_ids: ['B1', 'B2'], booking_id, expires_at });
	const shown = (await get(`/bookings/${booking_id}`, { token: ann.token })).body;
	assert.equal(shown.status, 'HOLD');
	assert.equal(shown.expires_at, expires_at);
	assert.equal((await lock(ann, body)).text, answer.text, 'locking again what one holds');
	assert.deepEqual(assertProblem(await lock(bob, { show_id: id, seat_ids: ['B1', 'B3'] }), 409,
		'seats-unavailable').seat_ids, ['B1']);
	await assertSeats(id, 'aaaaaaaaaahhaa');
	assertProblem(await lock(ann, { ...body, user_id: bob.user_id }), 403, 'forbidden');
	assertProblem(await lock(ann, { ...body, show_id: '99999999' }), 404, 'not-found');
	assertProblem(await post('/seat-lock', body), 401, 'unauthenticated');
	assertInvalid(await lock(ann, { show_id: id }), '/seat_ids');
	assertInvalid(await lock(ann, { show_id: id, seat_ids: [] }), '/seat_ids');
	assertInvalid(await lock(ann, { show_id: id, seat_ids: ['B3', 'B3'] }), '/seat_ids/1');
	assertInvalid(await lock(ann, { show_id: id, seat_ids: ['B3', 'Nowhere'] }), '/seat_ids/1');
	assertInvalid(await lock(ann, { event_id: id, seat_ids: ['B3'] }), '/event_id', '/show_id');
});

test('booking/confirm books exactly the caller’s held seats, of one hold or several', async () => {
	const { event_id: id } = await event(olga);
	const one = await held(ann, id, ['VIP-A-1', 'VIP-A-2']);
	const two = await held(ann, id, ['B1']);
	await held(bob, id, ['B2']);
	const body = (...seats) => ({ show_id: id, seat_ids: seats });
	const whole = body('B1', 'VIP-A-1', 'VIP-A-2');
	assert.deepEqual(assertProblem(await confirm(ann, body('VIP-A-1', 'B1')), 409, 'seats-unavailable')
		.seat_ids, ['VIP-A-1']);
	assertProblem(await confirm(ann, body('VIP-A-1', 'VIP-A-2', 'B2')), 409, 'seats-unavailable');
	assertProblem(await confirm(ann, body('B4')), 409, 'seats-unavailable');
	assertProblem(await confirm(bob, whole), 409, 'seats-unavailable');
	await assertPlaces(id, { VIP: [10, 4, 0] });
	const key = freshKey();
	const answer = assertStatus(await confirm(ann, { ...whole, request_id: key, user_id: ann.user_id }), 200);
	const { message, booking_ids, ...rest } = answer.body;
	assert.equal(typeof message, 'string');
	assert.deepEqual(rest, { success: true, booked_seats: ['VIP-A-1', 'VIP-A-2', 'B1'],
		booking_id: booking_ids[0] });
	assert.deepEqual([...booking_ids].sort(), [one.booking_id, two.booking_id].sort());
	await assertPlaces(id, { VIP: [10, 1, 3] });
	const again = assertStatus(await confirm(ann, { ...whole, request_id: key, user_id: ann.user_id }), 200);
	assert.equal(again.text, answer.text);
	assert.equal(again.headers['idempotent-replayed'], 'true');
	assert.equal((await confirm(ann, whole)).text, answer.text, 'what is confirmed already');
	assertProblem(await confirm(ann, { ...body('VIP-A-1'), request_id: key }), 422,
		'idempotency-key-reused');
	assertProblem(await confirm(ann, { ...whole, user_id: bob.user_id }), 403, 'forbidden');
	assertInvalid(await confirm(ann, body('Nowhere')), '/seat_ids/0');
	assertInvalid(await confirm(ann, body('B1', 'B1')), '/seat_ids/1');
	assertProblem(await confirm(ann, { ...whole, show_id: '99999999' }), 404, 'not-found');
	assertProblem(await post('/booking/confirm', whole), 401, 'unauthenticated');
});

test('booking/confirm after the deadline', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1', 'B2']);
	stack.expire(booking.booking_id);
	const body = { show_id: id, seat_ids: ['B1', 'B2'] };
	assertProblem(await confirm(ann, body), 410, 'hold-expired');
	assertProblem(await confirm(bob, body), 409, 'seats-unavailable');
	await held(bob, id, ['B1']);
	assertProblem(await confirm(ann, body), 409, 'seats-unavailable');
	await assertPlaces(id, { VIP: [13, 1, 0] });
});

test('booking/confirm of seats whose hold has more', async () => {
	const { event_id: id } = await event(olga);
	const mixed = assertStatus(await hold(ann, { event_id: id,
		items: [{ seat_id: 'B1' }, { section_id: 'Floor', quantity: 1 }] }), 201).body;
	assertProblem(await confirm(ann, { show_id: id, seat_ids: ['B1'] }), 409, 'seats-unavailable');
	assertStatus(await move(ann, mixed, 'confirm'), 200);
});

test('book is a hold of general admission, with a key', async () => {
	const { event_id: id } = await event(olga, { sections: [{ name: 'Only', capacity: 5, base_price: 300 }] });
	const key = freshKey();
	const answer = assertStatus(await book(ann, id, { quantity: 2 }, { key }), 201);
	const { reservation_id, ...booking } = answer.body;
	assert.equal(reservation_id, booking.booking_id);
	assert.equal(answer.headers.location, `/api/v1/bookings/${reservation_id}`);
	assert.equal(booking.total, 600);
	assert.deepEqual((await get(`/bookings/${reservation_id}`, { token: ann.token })).body, booking);
	const again = assertStatus(await book(ann, id, { quantity: 2 }, { key }), 201);
	assert.equal(again.text, answer.text);
	assert.equal(again.headers['idempotent-replayed'], 'true');
	assertProblem(await book(ann, id, { quantity: 3 }, { key }), 422, 'idempotency-key-reused');
	assertStatus(await book(ann, id, { quantity: 1, section_id: 'Only', request_id: freshKey() },
		{ key: undefined }), 201);
	assertProblem(await book(ann, id, { quantity: 1 }, { key: undefined }), 400, 'idempotency-key-invalid');
	assert.equal(assertProblem(await book(bob, id, { quantity: 3 }), 409, 'sold-out').available, 2);
	assertInvalid(await book(ann, id, {}), '/quantity');
	assertInvalid(await book(ann, id, { quantity: 11 }), '/quantity');
	assertInvalid(await book(ann, id, { quantity: 1, section_id: 'Nowhere' }), '/section_id');
	assertInvalid(await book(ann, id, { quantity: 1, event_id: id }), '/event_id');
	for (const unknown of ['99999999', 'x', '0'])
		assertProblem(await book(ann, unknown, { quantity: 1 }), 404, 'not-found');
	const draft = await event(olga, { status: 'draft', sections: [{ name: 'Only', capacity: 5 }] });
	assertProblem(await book(ann, draft.event_id, { quantity: 1 }), 404, 'not-found');
	const several = await event(olga);
	assertInvalid(await book(ann, several.event_id, { quantity: 1 }), '/section_id');
	assertInvalid(await book(ann, several.event_id, { quantity: 1, section_id: 'VIP' }), '/section_id');
	assertProblem(await post(`/events/${id}/book`, { quantity: 1 }), 401, 'unauthenticated');
});

test('reservations/confirm is confirm', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, 2);
	const call = (who, name) => post(`/reservations/${name}/confirm`, undefined, { token: who.token });
	assertProblem(await call(bob, booking.booking_id), 404, 'not-found');
	const answer = assertStatus(await call(ann, booking.booking_id), 200);
	assert.equal(answer.body.status, 'CONFIRMED');
	assert.equal((await call(ann, booking.booking_id)).text, answer.text);
	const late = await held(ann, id, 2);
	stack.expire(late.booking_id);
	assertProblem(await call(ann, late.booking_id), 410, 'hold-expired');
	assertProblem(await call(ann, 'x'), 404, 'not-found');
});

test('an alias is the operation it stands for: its key under another spelling is another request',
	async () => {
		const { event_id: id } = await event(olga);
		const key = freshKey();
		const booking = await held(ann, id, ['B1'], { key });
		assertProblem(await lock(ann, { show_id: id, seat_ids: ['B1'] }, { key }), 422,
			'idempotency-key-reused');
		assertProblem(await book(ann, id, { section_id: 'Floor', quantity: 1 }, { key }), 422,
			'idempotency-key-reused');
		assertStatus(await move(ann, booking, 'confirm', undefined, { key }), 200);
		assertProblem(await post(`/reservations/${booking.booking_id}/confirm`, undefined,
			{ token: ann.token, key }), 422, 'idempotency-key-reused');
		assertProblem(await confirm(ann, { show_id: id, seat_ids: ['B1'] }, { key }), 422,
			'idempotency-key-reused');
	});

test('a hold under one name is confirmed under another', async () => {
	const { event_id: id } = await event(olga);
	const locked = assertStatus(await lock(ann, { show_id: id, seat_ids: ['B1'] }), 200).body;
	assertStatus(await move(ann, locked.booking_id, 'confirm'), 200);
	const mine = await confirmed(ann, id, ['B2']);
	const both = assertStatus(await confirm(ann, { show_id: id, seat_ids: ['B1', 'B2'] }), 200).body;
	assert.deepEqual(both.booking_ids.sort(), [locked.booking_id, mine.booking_id].sort());
});
