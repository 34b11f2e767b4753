// Money that no provider has: staff say that it has come, and that it was given back.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, freshKey, post } = require('../lib/client.js');
const pay = require('../lib/pay.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, event, held, hold, move, staff } = require('../lib/world.js');

let olga, otto, root, ann, bob, stripe;

before(async () => {
	stripe = await pay.open();
	[olga, otto, root, ann, bob] = await Promise.all([staff(), staff(), staff('admin'), buyer(), buyer()]);
});
after(async () => {
	stack.verify();
	await pay.close(stripe);
});

const word = (who, booking, verb, body, options) =>
	post(`/admin/bookings/${booking.booking_id ?? booking}/${verb}`, body, { token: who.token, ...options });

test('the word of staff confirms a hold', async () => {
	const { event_id: id } = await pay.soldEvent(olga);
	const booking = await held(ann, id, ['B1', 'B2']);
	assertProblem(await word(ann, booking, 'paid'), 403, 'forbidden');
	assertProblem(await word(otto, booking, 'paid'), 404, 'not-found');
	assertProblem(await word(olga, 'nonsense', 'paid'), 404, 'not-found');
	assertInvalid(await word(olga, booking, 'paid', { reference: '' }), '/reference');
	assertInvalid(await word(olga, booking, 'paid', { amount: 1 }), '/amount');
	const key = freshKey();
	const first = assertStatus(await word(olga, booking, 'paid', { reference: 'till 3' }, { key }), 200);
	assert.equal(first.body.status, 'CONFIRMED');
	assert.deepEqual(first.body.payment, { payment_id: null, provider: 'elsewhere', status: 'succeeded',
		amount: booking.total, currency: 'EUR', captured: booking.total, refunded: 0, refund_owed: 0 });
	const again = assertStatus(await word(olga, booking, 'paid', { reference: 'till 3' }, { key }), 200);
	assert.equal(again.text, first.text);
	assert.equal(again.headers['idempotent-replayed'], 'true');
	assert.deepEqual(assertStatus(await word(root, booking, 'paid'), 200).body, first.body);
	assert.deepEqual(await pay.show(ann, booking), first.body);
	const { payment_id: payment, provider, status } = await pay.offered(ann, booking);
	assert.deepEqual([payment, provider, status], [null, 'elsewhere', 'succeeded'], 'a checkout finds it paid');
	await assertSeats(id, 'aaaaaaaaaabbaa');
});

test('not while the buyer is paying, and late only as long as the places are free', async () => {
	const { event_id: id } = await pay.soldEvent(olga);
	const [paying, late, lost] = [await held(ann, id, ['B1']), await held(ann, id, ['B2', 'B3']), await held(ann, id, ['B4'])];
	await pay.offered(ann, paying);
	assertProblem(await word(olga, paying, 'paid'), 409, 'payment-in-progress');
	for (const booking of [late, lost]) stack.expire(booking.booking_id);
	assert.equal(stack.program('janitor').status, 0);
	assertStatus(await hold(bob, { event_id: id, seat_ids: ['B4'] }), 201);
	assert.equal(assertStatus(await word(olga, late, 'paid'), 200).body.status, 'CONFIRMED');
	assert.deepEqual(assertProblem(await word(olga, lost, 'paid'), 409, 'seats-unavailable').seat_ids, ['B4']);
	assert.equal((await pay.show(ann, lost)).payment, null);
	await assertSeats(id, 'aaaaaaaaaarbbh');
	assertProblem(await hold(bob, { event_id: id, seat_ids: ['B2'] }), 409, 'seats-unavailable');
});

test('what Redis did not hear of it is told as soon as it is back, also of what had ended', async () => {
	const { event_id: id } = await pay.soldEvent(olga);
	const each = (seats) => Promise.all(seats.map((seat) => held(ann, id, [seat])));
	const late = await each(['VIP-A-1', 'VIP-A-2', 'VIP-A-3']);
	for (const booking of late) stack.expire(booking.booking_id);
	assert.equal(stack.program('janitor').status, 0);
	stack.reconcile(id);
	const live = await each(['B1', 'B2', 'B3']);
	const bookings = live.flatMap((booking, i) => [booking, late[i]]);
	const entry = (booking) => stack.redis('hget', `hf:{${id}}:entry`, booking.booking_id);
	assert.deepEqual(bookings.map((booking) => entry(booking).slice(0, 1)), ['h', '', 'h', '', 'h', '']);
	const pid = stack.pidOf('redis');
	process.kill(pid, 'SIGSTOP');
	try {
		for (const booking of bookings) assertStatus(await word(olga, booking, 'paid'), 200);
	} finally {
		process.kill(pid, 'SIGCONT');
	}
	await stack.until('all are sold in Redis', () => bookings.every((booking) => entry(booking).startsWith('b|')));
	await assertSeats(id, 'bbbaaaaaaabbba');
});

test('what goes back of it is owed until staff say that it was given back', async () => {
	const { event_id: id } = await pay.soldEvent(olga);
	const booking = await held(ann, id, 4);
	assertStatus(await word(olga, booking, 'paid'), 200);
	assertStatus(await move(ann, booking, 'cancel', { items: [{ section_id: 'Floor', quantity: 1 }] }), 200);
	await pay.refund();
	assert.deepEqual([(await pay.show(ann, booking)).payment.refund_owed, stripe.refunds.size], [500, 0]);
	assertProblem(await word(otto, booking, 'refunds', { action: 'done' }), 404, 'not-found');
	assertInvalid(await word(olga, booking, 'refunds', {}), '/action');
	assertInvalid(await word(olga, booking, 'refunds', { action: 'never' }), '/action');
	const { payment } = assertStatus(await word(olga, booking, 'refunds', { action: 'again' }), 200).body;
	assert.equal(payment.refund_owed, 500, 'no job has failed at it');
	const key = freshKey();
	const done = assertStatus(await word(olga, booking, 'refunds', { action: 'done' }, { key }), 200);
	assert.deepEqual([done.body.payment.refunded, done.body.payment.refund_owed], [500, 0]);
	assert.equal(assertStatus(await word(olga, booking, 'refunds', { action: 'done' }, { key }), 200).text, done.text);
	assertStatus(await move(ann, booking, 'cancel'), 200);
	assert.equal(assertStatus(await word(root, booking, 'refunds', { action: 'done' }), 200).body.status, 'REFUNDED');
	await assertPlaces(id, { Floor: [10, 0, 0] });
});

test('one that was free stays cancelled, whatever staff say', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1']);
	assertStatus(await move(ann, booking, 'confirm'), 200);
	const cancelled = assertStatus(await move(ann, booking, 'cancel'), 200).body;
	for (const action of ['done', 'again'])
		assert.deepEqual(assertStatus(await word(olga, booking, 'refunds', { action }), 200).body, cancelled);
});

test('a policy says what of it goes back', async () => {
	const until = new Date(Date.now() + 3600000).toISOString();
	const { event_id: id } = await pay.soldEvent(olga, { refund_policy: [{ until, percent: 33, fee: 7 }] });
	const booking = await held(ann, id, ['B1', 'B2', 'VIP-A-1']);
	assertStatus(await word(olga, booking, 'paid'), 200);
	const part = { items: [{ seat_id: 'B1' }, { seat_id: 'B2' }] };
	const { body } = assertStatus(await move(ann, booking, 'cancel', part), 200);
	assert.equal(body.payment.refund_owed, 462 - 7);
	assert.equal(assertStatus(await move(ann, booking, 'cancel'), 200).body.payment.refund_owed, 462 - 7 + 297 - 7);
});
