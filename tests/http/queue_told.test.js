// What those in line are told, and when: what comes free within a moment, why a ticket is of no use any more, and that a
// place may have to be paid for.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus } = require('../lib/client.js');
const line = require('../lib/line.js');
const pay = require('../lib/pay.js');
const stack = require('../lib/stack.js');
const { buyer, staff } = require('../lib/world.js');

let olga, ann, bert, stripe;

before(async () => {
	stripe = await pay.open();
	[olga, ann, bert] = await Promise.all([staff(), buyer(), buyer()]);
});
after(async () => {
	await pay.close(stripe);
	stack.verify();
});

test('what comes free is told to the head within a moment, while somebody asks', async () => {
	const { release, tokens } = await line.heads(olga, 9);
	const took = [];
	for (const [i, token] of tokens.entries()) {
		assertStatus(await release(i), 200);
		const began = Date.now();
		await line.until(token, 'reserved');
		took.push(Date.now() - began);
	}
	// Half a second; a busy machine takes longer now and then, but not often. For the first it may have been time anyway.
	const quick = took.slice(1).filter((ms) => ms < 2000);
	assert.ok(quick.length >= 6, `${took} ms`);
});

test('an older ticket is of no use once a newer one of the account has been served', async () => {
	const { id, release } = await line.soldFloor(olga, 1);
	const { token: older } = await line.joined(ann, id, 'Floor', 1);
	stack.forget(id);
	const { token: newer } = await line.joined(ann, id, 'Floor', 1);
	assert.notEqual(newer, older);
	assertStatus(await release(0), 200);
	const { booking_id: booking } = await line.until(newer, 'reserved');
	const is = await line.standing(older);
	assert.deepEqual([is.status, is.reason, is.position, is.poll_after_seconds, is.booking_id], ['left', 'superseded', null, null, null]);
	assertProblem(await line.confirm(ann, older), 409, 'not-reserved-yet');
	assert.equal((await line.standing(newer)).booking_id, booking);
});

test('an older ticket stands as long as it is not known what becomes of the newer one', async () => {
	const { id, release } = await line.soldFloor(olga, 1);
	const { token: older } = await line.joined(ann, id, 'Floor', 1);
	stack.forget(id);
	await line.joined(ann, id, 'Floor', 1);
	// As a batch does that has just begun, and ends with nothing.
	const [queue, serving] = ['line', 'serving'].map((part) => line.key(id, 'Floor', part));
	const score = stack.redis('zscore', queue, ann.user_id).trim();
	stack.redis('zrem', queue, ann.user_id);
	stack.redis('hset', serving, ann.user_id, `${score}|${Date.now() + 4000}|d`);
	const is = await line.standing(older);
	assert.deepEqual([is.status, is.reason, is.position, is.poll_after_seconds], ['waiting', null, 1, 2]);
	await stack.until('the batch has ended', async () => {
		assert.equal((await line.standing(older)).status, 'waiting');
		return stack.redis('hlen', serving).trim() === '0';
	});
	assertStatus(await release(0), 200);
	await line.until(older, 'reserved');
});

test('what a line gives of an event that takes money is paid for before it is confirmed', async () => {
	const { event_id: id } = await pay.soldEvent(olga);
	const { token } = await line.joined(bert, id, 'Floor', 2);
	const { booking_id: booking } = await line.until(token, 'reserved');
	assertProblem(await line.confirm(bert, token), 409, 'payment-required');
	const { payment_id: payment } = await pay.offered(bert, booking);
	assert.equal((await line.standing(token)).status, 'reserved');
	assertProblem(await line.confirm(bert, token), 409, 'payment-required');
	assertProblem(await line.leave(bert, token), 409, 'payment-in-progress');
	stripe.pay(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'confirmed');
	assert.equal((await line.until(token, 'confirmed')).booking_id, booking);
	assert.equal(assertStatus(await line.confirm(bert, token), 200).body.booking_id, booking);
});
