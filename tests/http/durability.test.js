// What an answer tells of is on the disk. Needs a stack whose PostgreSQL is its own: whatever else is committed there
// brings to the disk what was written before.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertStatus, freshKey, post } = require('../lib/client.js');
const line = require('../lib/line.js');
const pay = require('../lib/pay.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, move, staff } = require('../lib/world.js');

const tries = 8;
let olga, ann, stripe;

const superuser = (text) => stack.sql(text, 'postgres');

before(async () => {
	// So that the server brings nothing there by itself meanwhile.
	superuser("alter system set wal_writer_delay = '10s'");
	superuser('select pg_reload_conf()');
	stripe = await pay.open();
	[olga, ann] = await Promise.all([staff(), buyer()]);
});
after(async () => {
	superuser('alter system reset wal_writer_delay');
	superuser('select pg_reload_conf()');
	stack.verify();
	await pay.close(stripe);
});

// What was committed without waiting for the disk, as money is, before it is flushed: up to where.
const written = () => stack.sql(`begin; set local synchronous_commit = off; select pg_logical_emit_message(true, 'test', '');
	commit; select pg_current_wal_insert_lsn()`).split('\n').at(-1);
const isOnDisk = (to) => stack.sql(`select pg_current_wal_flush_lsn() >= '${to}'`) === 't';

test('of money, also where others have done it', async () => {
	const { event_id: paid } = await pay.soldEvent(olga);
	const booking = await held(ann, paid, ['B1', 'B2']);
	const { payment_id: payment } = await pay.offered(ann, booking);
	const options = { key: freshKey() };
	assertStatus(await pay.checkout(ann, booking, options), 200);
	stripe.pay(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'confirmed');
	const { event_id: free } = await event(olga);
	const one = await held(ann, free, ['B1']);
	const seats = { user_id: ann.user_id, show_id: free, seat_ids: ['B1'] };
	const [key, other] = [freshKey(), freshKey()];
	for (const [what, ask] of Object.entries({
		'a checkout of what is paid': () => pay.checkout(ann, booking),
		'the same with the key of the payment': () => pay.checkout(ann, booking, options),
		'a confirm': () => move(ann, one, 'confirm'),
		'a confirm again with its key': () => move(ann, one, 'confirm', undefined, { key }),
		'a confirm by seats': () => post('/booking/confirm', seats, { token: ann.token }),
		'the same with its key': () => post('/booking/confirm', { ...seats, request_id: other }, { token: ann.token }),
		'the word of staff on a refund with its key': () => post(`/admin/bookings/${booking.booking_id}/refunds`, { action: 'done' },
			{ token: olga.token, key }),
	})) {
		assertStatus(await ask(), 200);
		for (let i = 0; i < tries; i++) {
			const to = written();
			assertStatus(await ask(), 200);
			assert.ok(isOnDisk(to), what);
		}
	}
});

test('of a place that a line gave', async () => {
	const { release, tokens } = await line.heads(olga, tries);
	for (const [i, token] of tokens.entries()) {
		const to = written();
		assertStatus(await release(i), 200);
		await line.until(token, 'reserved');
		assert.ok(isOnDisk(to));
	}
});

test('and nothing else brings it there meanwhile, but for the server itself once in ten seconds', () => {
	const kept = Array.from({ length: tries }, () => isOnDisk(written())).filter((is) => !is).length;
	assert.ok(kept > tries / 2, `${tries - kept} of ${tries} were on the disk`);
});
