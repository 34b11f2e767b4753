// Refunds: sent once, whatever the provider says of them or forgets to tell, and owed until they are done.
'use strict';

const assert = require('node:assert/strict');
const { after, before, beforeEach, test } = require('node:test');

const { assertProblem, assertStatus, post } = require('../lib/client.js');
const pay = require('../lib/pay.js');
const stack = require('../lib/stack.js');
const { buyer, move, staff } = require('../lib/world.js');

let olga, ann, stripe;

before(async () => {
	stripe = await pay.open();
	[olga, ann] = await Promise.all([staff(), buyer()]);
});
beforeEach(() => {
	stripe.calm();
	stripe.refundsPend = false;
});
after(async () => {
	stack.verify();
	await pay.close(stripe);
});

const begun = (places) => pay.begun(olga, ann, places);
const bought = (places) => pay.bought(stripe, olga, ann, places);

test('a refund is sent once, however often it is tried', async () => {
	const { booking, payment } = await bought();
	assertStatus(await move(ann, booking, 'cancel'), 200);
	for (const [kind, sent] of [['error', 0], ['busy', 0], ['cut', 1]]) {
		stripe.fault(/^POST \/v1\/refunds$/, kind, { times: 2 });
		await pay.start('outbox');
		stripe.calm();
		assert.equal((await pay.show(ann, booking)).status, 'CANCELLED', kind);
		assert.equal(stripe.refundsOf(payment).length, sent, kind);
		pay.refundsDue();
	}
	// Also when the provider has forgotten the key.
	stripe.keys.clear();
	await pay.refund();
	assert.equal((await pay.show(ann, booking)).status, 'REFUNDED');
	assert.deepEqual(stripe.refundsOf(payment).map((one) => one.amount), [booking.total]);
});

const refundOf = (booking) => stack.sql(`select status || ' ' || tries from refunds where booking_id = '${booking.booking_id}'`).trim();

test('a refund is refused by the provider alone, and in its own words', async () => {
	const { booking, payment } = await bought();
	assertStatus(await move(ann, booking, 'cancel'), 200);
	const html = '<html>no</html>';
	const unknown = [['answer', { status: 408, text: html }], ['answer', { status: 400, text: html }],
		['answer', { status: 404, text: '{"error": "Not found"}' }], ['answer', { status: 418, text: '{}' }],
		['answer', { status: 404, text: '{"error": {"type": "invalid_request_error", "message": "Unrecognized request URL"}}' }],
		['answer', { status: 403, text: html }], ['answer', { status: 401, text: html }], ['kept', {}]];
	for (const [at, [kind, options]] of unknown.entries()) {
		stripe.fault(/^POST \/v1\/refunds$/, kind, options);
		pay.refundsDue();
		await pay.start('outbox');
		assert.equal(refundOf(booking), `requested ${at + 1}`, `${kind} ${options.status}`);
	}
	// The fault that is kept under the key, once more; then whoever looks for it finds no such thing.
	await pay.refund();
	assert.equal(refundOf(booking), `requested ${unknown.length + 1}`);
	stripe.fault(/^GET \/v1\/refunds\?/, 'refuse');
	await pay.refund();
	assert.equal(refundOf(booking), `requested ${unknown.length + 2}`);
	stripe.keys.clear();
	stripe.refundsPend = true;
	await pay.refund();
	stripe.fault(/^GET \/v1\/refunds\/re_/, 'answer',
		{ status: 404, text: '{"error": {"type": "invalid_request_error", "message": "No such refund", "code": "resource_missing"}}' });
	await pay.refund();
	assert.equal(refundOf(booking), `sent ${unknown.length + 4}`, 'one that is not shown has not failed');
	const [sent] = stripe.refundsOf(payment);
	stripe.settle(sent, 'succeeded');
	await pay.refund();
	assert.equal((await pay.show(ann, booking)).status, 'REFUNDED');
	assert.equal(stripe.refundsOf(payment).length, 1);
});

const again = (booking) => post(`/admin/bookings/${booking.booking_id}/refunds`, { action: 'again' }, { token: olga.token });

test('a refund that is sent again is not sent twice', async () => {
	const { booking, payment } = await bought();
	assertStatus(await move(ann, booking, 'cancel'), 200);
	// It was made, and what came back said no.
	stripe.fault(/^POST \/v1\/refunds$/, 'refuse');
	await pay.refund();
	assert.match(refundOf(booking), /^failed /);
	const [id] = stack.sql(`select refund_id from refunds where booking_id = '${booking.booking_id}'`).trim().split('\n');
	stripe.refund({ payment_intent: payment, amount: `${booking.total}`, metadata: { holdfast_refund: id } });
	assertStatus(await again(booking), 200);
	await pay.refund();
	assert.equal((await pay.show(ann, booking)).status, 'REFUNDED');
	assert.equal(stripe.refundsOf(payment).length, 1);
	assert.equal(await pay.told(stripe.notice(stripe.refundsOf(payment)[0].id)), 'noted', 'its notice finds it too');
});

test('a list of refunds that makes no sense is asked for again, and nothing sent meanwhile', async () => {
	const { booking, payment } = await bought();
	assertStatus(await move(ann, booking, 'cancel'), 200);
	stripe.fault(/^POST \/v1\/refunds$/, 'refuse');
	await pay.refund();
	assertStatus(await again(booking), 200);
	const [id] = stack.sql(`select refund_id from refunds where booking_id = '${booking.booking_id}'`).trim().split('\n');
	const list = /^GET \/v1\/refunds\?/;
	for (const text of [...pay.senseless, '{"data": {}}', '{"data": null}', '{"data": [], "has_more": true}']) {
		stripe.fault(list, 'answer', { status: 200, text });
		await pay.refund();
		assert.match(refundOf(booking), /^requested /, text);
		assert.deepEqual(stripe.refundsOf(payment), [], text);
	}
	// Single ones of which nobody can say what they are, are not it.
	const one = { id: '../re_1', status: 'succeeded', amount: booking.total, currency: 'eur', payment_intent: payment,
		metadata: { holdfast_refund: id } };
	stripe.fault(list, 'answer', { status: 200, text: JSON.stringify({ data: [1, null, [], {}, one], has_more: false }) });
	await pay.refund();
	assert.equal((await pay.show(ann, booking)).status, 'REFUNDED');
	assert.deepEqual(stripe.refundsOf(payment).map((sent) => sent.amount), [booking.total]);
});

test('a refund that fails after all is owed, whatever a late notice says, and can be sent again', async () => {
	const { booking, payment } = await bought();
	assertStatus(await move(ann, booking, 'cancel'), 200);
	await pay.refund();
	const [first] = stripe.refundsOf(payment);
	const late = stripe.notice(first.id);
	stripe.settle(first, 'failed');
	assert.equal(await pay.told(stripe.notice(first.id, 'refund.failed')), 'noted');
	assert.equal(await pay.told(stripe.notice(first.id, 'refund.failed')), 'replay');
	assert.equal(await pay.told(late), 'noted');
	const { status, payment: money } = await pay.show(ann, booking);
	assert.deepEqual([status, money.refunded, money.refund_owed], ['REFUNDED', 0, booking.total]);
	stack.verify();
	assertStatus(await again(booking), 200);
	await pay.refund();
	assert.deepEqual((await pay.show(ann, booking)).payment.refund_owed, 0);
	assert.deepEqual(stripe.refundsOf(payment).map((one) => one.status), ['failed', 'succeeded']);
});

test('what happens at the provider alone is written down, or told', async () => {
	const { booking, payment } = await bought();
	const made = await stripe.client().refunds.create({ payment_intent: payment, amount: 300 });
	assert.equal(await pay.told(stripe.notice(made.id)), 'outside');
	assert.equal(await pay.told(stripe.notice(made.id)), 'replay');
	const { status, payment: money } = await pay.show(ann, booking);
	assert.deepEqual([status, money.refunded, money.refund_owed], ['CONFIRMED', 300, 0]);
	const dispute = stripe.dispute(payment);
	assert.equal(await pay.told(stripe.notice(dispute.id)), 'disputed');
	assert.equal(await pay.told(stripe.notice(dispute.id)), 'replay');
	assertStatus(await move(ann, booking, 'cancel'), 200);
	await pay.refund();
	assert.deepEqual((await pay.show(ann, booking)).payment.refunded, booking.total);
	const more = structuredClone(stripe.notice(made.id));
	Object.assign(more, { id: 'evt_more' });
	more.data.object.id = 're_more';
	assert.equal(await pay.told(more), 'unfit');
	// Before its payment's notice: to be sent again.
	const { booking: other } = await begun();
	const { payment_id: paid } = await pay.offered(ann, other);
	stripe.pay(paid);
	const early = await stripe.client().refunds.create({ payment_intent: paid, amount: 100 });
	assertProblem(await pay.notify(stripe.notice(early.id)), 409, 'payment-unknown');
	assert.equal(await pay.told(stripe.notice(paid)), 'confirmed');
	assert.equal(await pay.told(stripe.notice(early.id)), 'outside');
});

test('a refund that takes its time is told of, or asked about', async () => {
	stripe.refundsPend = true;
	const [one, two] = [await bought(), await bought()];
	for (const { booking } of [one, two]) assertStatus(await move(ann, booking, 'cancel'), 200);
	await pay.refund();
	for (const { booking, payment } of [one, two]) {
		const { status, payment: money } = await pay.show(ann, booking);
		assert.deepEqual([status, money.refunded, money.refund_owed], ['CANCELLED', 0, booking.total]);
		stripe.settle(stripe.refundsOf(payment)[0], 'succeeded');
	}
	const notice = stripe.notice(stripe.refundsOf(one.payment)[0].id, 'refund.updated');
	assert.deepEqual(await Promise.all([1, 2, 3].map(() => pay.told(notice))).then((all) => all.sort()),
		['refunded', 'replay', 'replay']);
	await pay.refund();
	for (const { booking } of [one, two]) assert.equal((await pay.show(ann, booking)).status, 'REFUNDED');
});

test('a refund that fails stays owed', async () => {
	const { booking, payment } = await bought();
	assertStatus(await move(ann, booking, 'cancel'), 200);
	stripe.fault(/^POST \/v1\/refunds$/, 'refuse');
	await pay.refund();
	assert.match(stripe.calls.at(-1), /^POST \/v1\/refunds$/);
	const { status, payment: money } = await pay.show(ann, booking);
	assert.deepEqual([status, money.refund_owed], ['CANCELLED', booking.total]);
	assert.equal(stripe.refundsOf(payment).length, 0);
	stripe.calls.length = 0;
	await pay.refund();
	assert.deepEqual(stripe.calls, [], 'nobody tries again but by hand');
	stack.verify();
});

test('a provider that hangs puts off one turn of refunds, and those behind it wait for the next run', async () => {
	const sold = await Promise.all(Array.from({ length: 10 }, () => bought()));
	for (const { booking } of sold) assertStatus(await move(ann, booking, 'cancel'), 200);
	const statuses = async () => (await Promise.all(sold.map(({ booking }) => pay.show(ann, booking)))).map((one) => one.status);
	stripe.fault(/refunds/, 'slow', { times: 100, ms: 4500 });
	const done = await pay.start('outbox');
	assert.equal(done.status, 75, done.stderr);
	assert.match(done.stderr, / refunds=8 .* error=unavailable/);
	stripe.calm();
	pay.refundsDue();
	assert.match(await pay.job('outbox', '--limit', '3'), / rows=3 .* refunds=3 /);
	await pay.refund();
	assert.deepEqual(new Set(await statuses()), new Set(['REFUNDED']));
	for (const { booking, payment } of sold)
		assert.deepEqual(stripe.refundsOf(payment).map((one) => one.amount), [booking.total]);
});
