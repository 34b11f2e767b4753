// What those in line are told, and when: what comes free within a moment, only what is on the disk, why a ticket is of no
// use any more, and that a place may have to be paid for.
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

// Those at the head of a line for as many places, all of which are held by another.
async function heads(count) {
	const sold = await line.soldFloor(olga, 10 * count);
	const people = await Promise.all(Array.from({ length: count }, () => buyer()));
	const tokens = [];
	for (const who of people) tokens.push((await line.joined(who, sold.id, 'Floor', 10)).token);
	return { ...sold, tokens };
}

test('what comes free is told to the head within a moment, while somebody asks', async () => {
	const { release, tokens } = await heads(5);
	for (const [i, token] of tokens.entries()) {
		assertStatus(await release(i), 200);
		const began = Date.now();
		await line.until(token, 'reserved');
		// Half a second, and what a busy machine takes.
		assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`);
	}
});

test('what somebody is told of is on the disk', async () => {
	const { release, tokens } = await heads(8);
	// So that the server brings nothing there by itself meanwhile.
	const writer = (change) => {
		stack.sql(`alter system ${change}`, 'postgres');
		stack.sql('select pg_reload_conf()', 'postgres');
	};
	writer("set wal_writer_delay = '10s'");
	try {
		for (const [i, token] of tokens.entries()) {
			// Written without waiting for the disk: what comes after it is there no sooner.
			const to = stack.sql(`begin; set local synchronous_commit = off; select pg_logical_emit_message(true, 'test', '');
				commit; select pg_current_wal_insert_lsn()`).split('\n').at(-1);
			assertStatus(await release(i), 200);
			await line.until(token, 'reserved');
			assert.equal(stack.sql(`select pg_current_wal_flush_lsn() >= '${to}'`), 't');
		}
	} finally {
		writer('reset wal_writer_delay');
	}
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
