// A payment provider that is slow, away, refuses or forgets to tell: what buyers see, and what the jobs
// bring to an end.
'use strict';

const assert = require('node:assert/strict');
const { after, before, beforeEach, test } = require('node:test');

const { assertProblem, assertStatus, post, put } = require('../lib/client.js');
const pay = require('../lib/pay.js');
const stack = require('../lib/stack.js');
const { assertSeats, buyer, event, held, move, staff } = require('../lib/world.js');

const create = /^POST \/v1\/payment_intents$/;

let olga, ann, bob, stripe;

before(async () => {
	stripe = await pay.open();
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
});
beforeEach(() => {
	stripe.calm();
});
after(async () => {
	stack.verify();
	await pay.close(stripe);
});

const begun = (places) => pay.begun(olga, ann, places);
const bought = (places) => pay.bought(stripe, olga, ann, places);
const intentsOf = (booking) => [...stripe.intents.values()]
	.filter((intent) => intent.metadata.holdfast_booking === booking.booking_id);

test('the stand-in speaks as Stripe’s own client expects', async () => {
	const client = stripe.client();
	const made = await client.paymentIntents.create({ amount: 1200, currency: 'eur',
		automatic_payment_methods: { enabled: true }, metadata: { a: 'b' } }, { idempotencyKey: 'k-1' });
	assert.deepEqual([made.object, made.status, made.metadata.a], ['payment_intent', 'requires_payment_method', 'b']);
	await assert.rejects(client.paymentIntents.create({ amount: 1300, currency: 'eur',
		automatic_payment_methods: { enabled: true } }, { idempotencyKey: 'k-1' }), { type: 'StripeIdempotencyError' });
	await assert.rejects(client.paymentIntents.confirm(made.id, { payment_method: 'pm_card_chargeDeclined' }),
		{ type: 'StripeCardError', code: 'card_declined' });
	assert.equal((await client.paymentIntents.confirm(made.id, { payment_method: 'pm_card_visa' })).amount_received, 1200);
	assert.equal((await client.paymentIntents.retrieve(made.id)).status, 'succeeded');
	await assert.rejects(client.paymentIntents.cancel(made.id), { code: 'payment_intent_unexpected_state' });
	const refund = await client.refunds.create({ payment_intent: made.id, amount: 200 });
	assert.equal(refund.status, 'succeeded');
	await assert.rejects(client.refunds.create({ payment_intent: made.id, amount: 1001 }),
		{ code: 'charge_already_refunded' });
	assert.deepEqual((await client.refunds.list({ payment_intent: made.id })).data.map((one) => one.id), [refund.id]);
	const { webhooks } = client;
	const text = JSON.stringify(stripe.notice(refund.id));
	assert.equal(webhooks.constructEvent(text, pay.sign(text, 'whsec_x'), 'whsec_x').type, 'refund.created');
});

test('a provider that does not answer is waited for so long, and asked again under the same key', async () => {
	// A connection that was kept and is cut before the answer is made anew once, by itself.
	for (const [kind, options] of [['slow', { ms: 4500 }], ['error'], ['busy'], ['cut', { times: 2 }]]) {
		const { booking } = await begun();
		stripe.fault(create, kind, options);
		const asked = Date.now();
		const answer = await pay.checkout(ann, booking);
		assertProblem(answer, 503, 'unavailable');
		assert.ok(Date.now() - asked < 7000, `${kind}: ${Date.now() - asked} ms`);
		assert.equal((await pay.show(ann, booking)).status, 'RESERVED', kind);
		stripe.calm();
		const offer = await pay.offered(ann, booking);
		assert.equal(intentsOf(booking).length, 1, kind);
		assert.equal(offer.payment_id, intentsOf(booking)[0].id);
		stripe.pay(offer.payment_id);
		assert.equal(await pay.told(stripe.notice(offer.payment_id)), 'confirmed');
	}
});

test('a provider that is not there costs a checkout, and no hold', async () => {
	const { booking } = await begun();
	await stripe.stop();
	try {
		assertProblem(await pay.checkout(ann, booking), 503, 'unavailable');
		assert.equal((await pay.start('payment-sweep')).status, 0, 'nothing is due');
		pay.allDue();
		assert.equal((await pay.start('payment-sweep')).status, 75, 'it is away');
		const { event_id: other } = await event(olga);
		await held(bob, other, ['B1']);
	} finally {
		await stripe.start(stripe.port);
	}
	const offer = await pay.offered(ann, booking);
	assert.equal(offer.status, 'open');
});

test('while all workers wait for the provider, others hold and confirm', async () => {
	const waiting = [];
	for (let i = 0; i < 4; i++) waiting.push((await begun([`VIP-A-${i + 1}`])).booking);
	stripe.fault(create, 'slow', { times: 100, ms: 4500 });
	const answers = Promise.all(waiting.map((booking) => pay.checkout(ann, booking)));
	const { event_id: other } = await event(olga);
	const began = Date.now();
	for (let i = 1; i <= 4; i++) {
		const one = await held(bob, other, [`B${i}`]);
		assertStatus(await move(bob, one, 'confirm'), 200);
	}
	const took = Date.now() - began;
	for (const answer of await answers) assert.equal(answer.status, 503, answer.text);
	assert.ok(took < 6000, `eight calls took ${took} ms beside a provider that hangs`);
});

test('a provider that hangs keeps no notice waiting, and is left alone after a while', async () => {
	const paid = await begun();
	const { payment_id: payment } = await pay.offered(ann, paid.booking);
	stripe.pay(payment);
	const waiting = [];
	for (let i = 0; i < 12; i++) waiting.push((await begun([`VIP-A-${i % 10 + 1}`])).booking);
	try {
		// Workers that have waited in vain for nobody yet.
		await stack.change({ payment_timeout_ms: 1900 }, 'payment');
		stripe.fault(create, 'slow', { times: 100, ms: 4500 });
		const began = Date.now();
		let answered = 0;
		const answers = Promise.all(waiting.map((booking) => pay.checkout(ann, booking).finally(() => { answered++; })));
		await stack.until('a call of each worker', () => stripe.faults[0].times <= 96);
		assert.equal(await pay.told(stripe.notice(payment)), 'confirmed');
		const before_ = answered, took = Date.now() - began;
		for (const answer of await answers) assertProblem(answer, 503, 'unavailable');
		// A machine that takes so long for the notice cannot tell.
		assert.ok(before_ === 0 || took > 1800, `checkouts were answered before the notice, which took ${took} ms`);
		const asked = 100 - stripe.faults[0].times;
		assert.ok(asked < 12, `the provider was asked ${asked} times by twelve`);
	} finally {
		stripe.calm();
		await stack.change({ payment_timeout_ms: 2000 }, 'payment');
	}
	assert.equal((await pay.offered(ann, waiting[0])).status, 'open');
});

test('a payment that is refused for good is another one the next time', async () => {
	for (const kind of ['refuse', 'kept']) {
		const { id, booking } = await begun();
		stripe.fault(create, kind);
		if (kind === 'kept') assertProblem(await pay.checkout(ann, booking), 503, 'unavailable');
		assertProblem(await pay.checkout(ann, booking), 409, 'payment-refused');
		await pay.shows(ann, booking, { status: 'HOLD' });
		await assertSeats(id, 'aaaaaaaaaahhaa');
		await pay.offered(ann, booking);
		assert.deepEqual(intentsOf(booking).map((intent) => intent.metadata.holdfast_attempt), ['2']);
	}
	const { event_id: cheap } = await pay.soldEvent(olga,
		{ sections: [{ name: 'Floor', capacity: 10, base_price: 10 }] });
	assertProblem(await pay.checkout(ann, await held(ann, cheap, 1)), 409, 'payment-refused');
});

test('a key that is not good is nobody’s fault who buys', async () => {
	const { booking } = await begun();
	try {
		await stack.change({ stripe_api_key: 'sk_test_other' }, 'payment');
		assertProblem(await pay.checkout(ann, booking), 503, 'unavailable');
		assert.equal((await pay.show(ann, booking)).status, 'RESERVED');
	} finally {
		await stack.change({ stripe_api_key: 'sk_test_holdfast' }, 'payment');
	}
	await pay.offered(ann, booking);
});

test('an answer that makes no sense opens no payment, and ends none', async () => {
	const { booking } = await begun();
	const other = { id: 'pi_1', object: 'payment_intent', status: 'requires_payment_method', amount: booking.total,
		currency: 'eur', client_secret: 'pi_1_secret', metadata: {} };
	const others = [{ amount: booking.total - 1 }, { amount: `${booking.total}` }, { currency: 'usd' }, { currency: null },
		{ id: '' }, { id: '../refunds' }, { id: 'pi 1' }, { id: 1 }].map((change) => JSON.stringify({ ...other, ...change }));
	for (const text of [...pay.senseless, ...others]) {
		stripe.fault(create, 'answer', { status: 200, text });
		assertProblem(await pay.checkout(ann, booking), 503, 'unavailable');
		assert.equal((await pay.show(ann, booking)).status, 'RESERVED', text);
	}
	const offer = await pay.offered(ann, booking);
	assert.deepEqual(intentsOf(booking).map((intent) => intent.id), [offer.payment_id]);
	const look = /^GET \/v1\/payment_intents\//;
	for (const text of pay.senseless) {
		stripe.fault(look, 'answer', { status: 200, text });
		assertProblem(await pay.checkout(ann, booking), 503, 'unavailable');
	}
	stripe.fault(look, 'error');
	assertProblem(await pay.checkout(ann, booking), 503, 'unavailable');
	assert.equal((await pay.offered(ann, booking)).payment_id, offer.payment_id);
});

test('what no notice told, the sweep asks', async () => {
	const [paid, lost, late, gone, open] = await Promise.all(Array.from({ length: 5 }, () => begun()));
	for (const one of [paid, late, gone, open]) one.payment = (await pay.offered(ann, one.booking)).payment_id;
	stripe.fault(create, 'cut', { times: 2 });
	assertProblem(await pay.checkout(ann, lost.booking), 503, 'unavailable');
	stripe.calm();
	for (const one of [paid, late]) stripe.pay(one.payment);
	for (const one of [late, gone]) stack.expire(one.booking.booking_id);
	await pay.sweep();
	const statuses = async () => Promise.all([paid, lost, late, gone, open].map(async ({ booking }) =>
		(await pay.show(ann, booking)).status));
	assert.deepEqual(await statuses(), ['CONFIRMED', 'RESERVED', 'CONFIRMED', 'EXPIRED', 'RESERVED']);
	assert.equal(stripe.intents.get(gone.payment).status, 'canceled');
	assert.equal(stripe.intents.get(open.payment).status, 'requires_payment_method');
	const [found] = intentsOf(lost.booking);
	assert.equal((await pay.show(ann, lost.booking)).payment.payment_id, found.id);
	stripe.pay(found.id);
	assert.match(stack.program('payment-sweep', ['--dry-run']).stderr, / payments_open=[1-9]\d* payments_due=\d/);
	await pay.sweep();
	assert.deepEqual(await statuses(), ['CONFIRMED', 'CONFIRMED', 'CONFIRMED', 'EXPIRED', 'RESERVED']);
	assert.match(await pay.job('payment-sweep'), / rows=0 /, 'what was just asked about is left alone');
});

test('several payments are asked about at once, and several refunds sent', async () => {
	await pay.sweep(); // what others have left
	const sold = await Promise.all(['VIP-A-1', 'VIP-A-2', 'VIP-A-3'].map((seat) => begun([seat])));
	for (const one of sold) {
		one.payment = (await pay.offered(ann, one.booking)).payment_id;
		stripe.pay(one.payment);
	}
	const all = async (status) => assert.deepEqual(
		await Promise.all(sold.map(async ({ booking }) => (await pay.show(ann, booking)).status)), sold.map(() => status));
	stripe.fault(/^GET \/v1\/payment_intents\/pi_/, 'together', { times: 3 });
	await pay.sweep();
	await all('CONFIRMED');
	for (const { booking } of sold) assertStatus(await move(ann, booking, 'cancel'), 200);
	stripe.fault(/^POST \/v1\/refunds$/, 'together', { times: 3 });
	await pay.refund();
	await all('REFUNDED');
	for (const { booking, payment } of sold)
		assert.deepEqual(stripe.refundsOf(payment).map((one) => one.amount), [booking.total]);
	// One that fails, and one that is looked for first, beside one that is new.
	const [first, ...others] = await Promise.all(['VIP-A-1', 'VIP-A-2', 'VIP-A-3'].map((seat) => bought([seat])));
	stripe.fault(/^POST \/v1\/refunds$/, 'cut', { times: 2 });
	assertStatus(await move(ann, first.booking, 'cancel'), 200);
	await pay.start('outbox');
	stripe.calm();
	for (const { booking } of others) assertStatus(await move(ann, booking, 'cancel'), 200);
	stripe.fault(/^POST \/v1\/refunds$/, 'refuse');
	await pay.refund();
	const owed = await Promise.all([first, ...others].map(async ({ booking, payment }) =>
		[(await pay.show(ann, booking)).status, stripe.refundsOf(payment).length]));
	assert.deepEqual(owed[0], ['REFUNDED', 1]);
	assert.deepEqual(owed.slice(1).sort(), [['CANCELLED', 0], ['REFUNDED', 1]]);
});

test('the provider is asked no more in a second than it takes', async () => {
	await pay.sweep();
	const { event_id: id } = await pay.soldEvent(olga);
	for (let seat = 1; seat <= 9; seat++) await pay.offered(ann, await held(ann, id, [`VIP-A-${seat}`]));
	const before = stripe.calls.length;
	assert.match(await pay.sweep(), / rows=(9|[1-9]\d) /);
	// A refund of before may be on its way beside them.
	const times = stripe.times.slice(before).filter((_, i) => stripe.calls[before + i].startsWith('GET /v1/payment_intents'));
	// Eight at once, and the next when eight would have been made one by one.
	assert.ok(times[8] - times[0] >= 400, `${times[8] - times[0]} ms`);
});

test('a decline counts once, by notice or sweep, and the next one again', async () => {
	const { booking } = await begun();
	const { payment_id: payment } = await pay.offered(ann, booking);
	const told = () => stack.sql(`select count(*) from notices_new where booking_id = '${booking.booking_id}'
		and kind = 'payment.failed'`).trim();
	const decline = () => stripe.pay(payment, 'pm_card_chargeDeclined') && stripe.notice(payment);
	const stands = async (status, failures) => {
		assert.deepEqual([(await pay.show(ann, booking)).status, told()], [status, failures]);
	};
	assert.equal(await pay.told(decline()), 'back-to-hold');
	await pay.offered(ann, booking);
	await pay.sweep();
	await stands('RESERVED', '1'); // while its buyer types another card
	const second = decline();
	await pay.sweep();
	await stands('HOLD', '2');
	await pay.offered(ann, booking);
	assert.equal(await pay.told(second), 'noted', 'what the sweep has heard before');
	await stands('RESERVED', '2');
	stripe.pay(payment);
	await pay.sweep();
	await stands('CONFIRMED', '2');
});

test('a payment that nobody answered for, of a booking that has ended, ends too', async () => {
	const { booking } = await begun();
	stripe.fault(create, 'error');
	assertProblem(await pay.checkout(ann, booking), 503, 'unavailable');
	stack.expire(booking.booking_id);
	await pay.sweep();
	assert.deepEqual(intentsOf(booking).map((intent) => intent.status), ['canceled']);
	assert.equal((await pay.show(ann, booking)).payment.status, 'cancelled');
});

test('an event that becomes free of charge gives nothing to who is paying', async () => {
	const { id, booking } = await begun();
	const { payment_id: payment } = await pay.offered(ann, booking);
	assertStatus(await put(`/admin/events/${id}`, { payment: 'none' }, { token: olga.token }), 200);
	assertProblem(await move(ann, booking, 'confirm'), 409, 'payment-in-progress');
	stripe.pay(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'confirmed');
});

test('money of another currency alone leaves an answer that can be read', async () => {
	const { booking } = await begun();
	const { payment_id: payment } = await pay.offered(ann, booking);
	stripe.pay(payment);
	const notice = structuredClone(stripe.notice(payment));
	notice.data.object.currency = 'usd';
	assert.equal(await pay.told(notice), 'refunding');
	assert.deepEqual((await pay.show(ann, booking)).payment.captured, 0);
	await pay.refund();
});
