// Buying with money: checkout, notices of the provider in whatever order and number, money that is late.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, call, freshKey, post, put } = require('../lib/client.js');
const pay = require('../lib/pay.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, event, held, hold, move, staff } = require('../lib/world.js');

let olga, ann, bob, stripe;

before(async () => {
	stripe = await pay.open();
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
});
after(async () => {
	stack.verify();
	await pay.close(stripe);
});

// A booking that is being paid: {id: of the event, booking, payment}.
async function started(places = ['B1', 'B2']) {
	const { event_id: id } = await pay.soldEvent(olga);
	const booking = await held(ann, id, places);
	const offer = await pay.offered(ann, booking);
	return { id, booking, payment: offer.payment_id, offer };
}

test('a purchase, from the hold to the seats', async () => {
	const { id, booking, payment, offer } = await started();
	const intent = stripe.intents.get(payment);
	assert.deepEqual({ amount: intent.amount, currency: intent.currency },
		{ amount: booking.total, currency: 'eur' });
	assert.deepEqual(offer, { payment_id: payment, provider: 'stripe', client_secret: intent.client_secret,
		status: 'open', amount: booking.total, currency: 'EUR', booking_id: booking.booking_id,
		expires_at: offer.expires_at });
	assert.ok(Date.parse(offer.expires_at) >= Date.parse(booking.expires_at));
	await pay.shows(ann, booking, { status: 'RESERVED', expires_at: offer.expires_at,
		payment: { payment_id: payment, provider: 'stripe', status: 'open', amount: booking.total,
			currency: 'EUR', captured: 0, refunded: 0, refund_owed: 0 } });
	await assertSeats(id, 'aaaaaaaaaarraa');
	assert.deepEqual(await pay.offered(ann, booking), offer, 'again: the same payment');
	assert.equal(stripe.intents.size, 1);
	assertProblem(await move(ann, booking, 'confirm', { payment_id: payment }), 409, 'payment-required');
	stripe.pay(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'confirmed');
	await pay.shows(ann, booking, { status: 'CONFIRMED', expires_at: null,
		payment: { payment_id: payment, provider: 'stripe', status: 'succeeded', amount: booking.total,
			currency: 'EUR', captured: booking.total, refunded: 0, refund_owed: 0 } });
	await assertSeats(id, 'aaaaaaaaaabbaa');
	assertStatus(await move(ann, booking, 'confirm', { payment_id: payment }), 200);
	assert.deepEqual(await pay.offered(ann, booking),
		{ ...offer, status: 'succeeded', client_secret: null, expires_at: null });
});

test('general admission is bought in the same way', async () => {
	const { id, booking, payment } = await started(3);
	await assertPlaces(id, { Floor: [7, 3, 0] });
	stripe.pay(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'confirmed');
	await assertPlaces(id, { Floor: [7, 0, 3] });
	assert.equal((await pay.show(ann, booking)).status, 'CONFIRMED');
});

test('a card that is declined gives the hold back, and the same payment another try', async () => {
	const { id, booking, payment, offer } = await started();
	stripe.pay(payment, 'pm_card_chargeDeclined');
	assert.equal(await pay.told(stripe.notice(payment)), 'back-to-hold');
	await pay.shows(ann, booking, { status: 'HOLD', expires_at: offer.expires_at });
	await assertSeats(id, 'aaaaaaaaaahhaa');
	const again = await pay.offered(ann, booking);
	assert.deepEqual([again.payment_id, again.status], [payment, 'failed']);
	assert.equal((await pay.show(ann, booking)).status, 'RESERVED');
	stripe.pay(payment, 'pm_card_chargeDeclined');
	assert.equal(await pay.told(stripe.notice(payment)), 'back-to-hold');
	stripe.pay(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'confirmed', 'money for a hold');
	await assertSeats(id, 'aaaaaaaaaabbaa');
});

test('a payment that the provider has cancelled is followed by another', async () => {
	const { booking, payment } = await started();
	await stripe.client().paymentIntents.cancel(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'back-to-hold');
	const second = await pay.offered(ann, booking);
	assert.notEqual(second.payment_id, payment);
	assert.equal(stripe.intents.get(second.payment_id).metadata.holdfast_attempt, '2');
	await stripe.client().paymentIntents.cancel(second.payment_id);
	const third = await pay.offered(ann, booking);
	assert.equal(stripe.intents.get(third.payment_id).metadata.holdfast_attempt, '3',
		'also where the notice has not come yet');
	stripe.pay(third.payment_id);
	assert.equal(await pay.told(stripe.notice(second.payment_id)), 'noted');
	assert.equal(await pay.told(stripe.notice(third.payment_id)), 'confirmed');
});

test('a notice acts once, however often and beside whatever it comes', async () => {
	const { booking, payment } = await started();
	stripe.pay(payment, 'pm_card_chargeDeclined');
	const failed = stripe.notice(payment);
	stripe.pay(payment);
	const paid = stripe.notice(payment);
	const outcomes = await Promise.all([...Array(10).fill(paid), ...Array(10).fill(failed)]
		.map((notice) => pay.told(notice)));
	assert.equal(outcomes.filter((outcome) => outcome === 'confirmed').length, 1, `${outcomes}`);
	assert.equal(outcomes.filter((outcome) => outcome === 'replay').length, 18, `${outcomes}`);
	assert.equal(await pay.told(failed), 'replay');
	const { status, payment: money, version } = await pay.show(ann, booking);
	assert.deepEqual([status, money.captured, money.refund_owed], ['CONFIRMED', booking.total, 0]);
	assert.equal(await pay.told({ ...paid, id: 'evt_another' }), 'noted');
	assert.equal((await pay.show(ann, booking)).version, version);
});

test('what is not signed by the provider changes nothing', async () => {
	const { booking, payment } = await started();
	stripe.pay(payment);
	const notice = stripe.notice(payment);
	const text = JSON.stringify(notice);
	const now = Math.floor(Date.now() / 1000);
	for (const [name, how] of Object.entries({
		'another secret': { by: 'whsec_other' },
		'no header': { header: '' },
		'too old': { at: now - 400 },
		'of tomorrow': { at: now + 86400 },
		'another body': { header: pay.sign(text.replace(payment, 'pi_other'), pay.secret) },
		'a space more': { header: pay.sign(`${text} `, pay.secret) },
		'no signature': { header: `t=${now}` },
		rubbish: { header: 't=1,v1=,v1=zz'.repeat(300) },
	})) {
		const answer = await pay.notify(notice, how);
		assertProblem(answer, 400, 'malformed-request');
		assert.equal((await pay.show(ann, booking)).status, 'RESERVED', name);
	}
	for (const rubbish of ['', '{', '[]', '"x"', '{"id":"evt_x"}', '{"id":"evt_x","type":"payment_intent.succeeded",' +
		'"data":{"object":{"id":"pi_x"}}}'])
		assertProblem(await pay.notify(rubbish), 400, 'malformed-request');
	assert.equal(await pay.told(notice), 'confirmed');
});

test('notices may be long, and say more than anybody asked for', async () => {
	const { payment } = await started();
	stripe.pay(payment);
	const notice = { ...stripe.notice(payment), unknown: { deep: [[[{}]]], text: 'ä'.repeat(100000) } };
	const text = JSON.stringify(notice);
	assertProblem(await pay.notify(text + ' '.repeat(262145 - Buffer.byteLength(text))), 413, 'body-too-large');
	assert.equal(await pay.told(text + ' '.repeat(262144 - Buffer.byteLength(text))), 'confirmed');
	assertProblem(await pay.checkout(ann, 'x', { body: ' '.repeat(70000) }), 413, 'body-too-large');
});

test('what is told of others is taken and changes nothing', async () => {
	const other = await stripe.client().paymentIntents.create(
		{ amount: 900, currency: 'eur', automatic_payment_methods: { enabled: true }, metadata: { shop: 'x' } });
	stripe.pay(other.id);
	assert.equal(await pay.told(stripe.notice(other.id)), 'unknown');
	assert.equal(await pay.told({ ...stripe.notice(other.id), id: 'evt_x1', type: 'customer.created' }), 'ignored');
	const { booking, payment } = await started();
	const intent = { ...stripe.intents.get(payment), status: 'canceled', id: 'pi_of_nobody' };
	const site = intent.metadata.holdfast_site;
	assert.match(site, /^[0-9a-f]{16}$/);
	const nobodys = booking.booking_id.replace(/.{6}$/, '000000');
	for (const [metadata, what, want] of [
		[{ holdfast_booking: booking.booking_id, holdfast_attempt: '7' }, 'canceled', 'unknown'],
		[{ holdfast_booking: nobodys, holdfast_attempt: '1', holdfast_site: site }, 'processing', 'unknown'],
		[{ holdfast_booking: nobodys, holdfast_attempt: '1', holdfast_site: site }, 'succeeded', 409],
		[{ holdfast_booking: nobodys, holdfast_attempt: '1' }, 'succeeded', 409],
		[{ holdfast_booking: nobodys, holdfast_attempt: '1', holdfast_site: 'another' }, 'succeeded', 'ignored'],
		[{ holdfast_booking: 'no-booking', holdfast_attempt: '1' }, 'succeeded', 'unknown'],
		[{ holdfast_booking: booking.booking_id }, 'succeeded', 'unknown'],
	]) {
		const answer = await pay.notify({ id: `evt_${freshKey()}`, type: `payment_intent.${what}`,
			data: { object: { ...intent, metadata } } });
		if (want === 409) assertProblem(answer, 409, 'payment-unknown');
		else assert.equal(assertStatus(answer, 200).body.outcome, want);
	}
	assert.equal((await pay.show(ann, booking)).status, 'RESERVED');
});

test('secrets of notices change while both are good', async () => {
	const { payment } = await started();
	stripe.pay(payment);
	const notice = stripe.notice(payment);
	try {
		await stack.change({ stripe_webhook_secret: `whsec_new,${pay.secret}` }, 'webhooks');
		assert.equal(await pay.told(notice), 'confirmed');
		assert.equal(await pay.told(notice, { by: 'whsec_new' }), 'replay');
		await stack.change({ stripe_webhook_secret: 'whsec_new' }, 'webhooks');
		assertProblem(await pay.notify(notice), 400, 'malformed-request');
		assert.equal(await pay.told(notice, { by: 'whsec_new' }), 'replay');
	} finally {
		await stack.change({ stripe_webhook_secret: pay.secret }, 'webhooks');
	}
});

test('money that is late gets the same seats while they are free', async () => {
	for (const places of [['B1', 'B2'], 3]) {
		const { id, booking, payment } = await started(places);
		stack.expire(booking.booking_id);
		await pay.job('janitor');
		assert.equal((await pay.show(ann, booking)).status, 'EXPIRED');
		stripe.pay(payment);
		assert.equal(await pay.told(stripe.notice(payment)), 'confirmed-late');
		assert.equal((await pay.show(ann, booking)).status, 'CONFIRMED');
		if (places === 3) await assertPlaces(id, { Floor: [7, 0, 3] });
		else await assertSeats(id, 'aaaaaaaaaabbaa');
	}
});

test('money that is late for seats that others have goes back', async () => {
	const { id, booking, payment } = await started();
	stack.expire(booking.booking_id);
	await held(bob, id, ['B2']);
	stripe.pay(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'unfulfilled');
	await assertSeats(id, 'aaaaaaaaaaahaa');
	const unfulfilled = await pay.show(ann, booking);
	assert.equal(unfulfilled.status, 'PAID_UNFULFILLED');
	assert.deepEqual([unfulfilled.payment.captured, unfulfilled.payment.refund_owed], [booking.total, booking.total]);
	assertProblem(await move(ann, booking, 'confirm'), 409, 'wrong-state');
	await pay.refund();
	await pay.shows(ann, booking, { status: 'REFUNDED', payment: { ...unfulfilled.payment,
		refunded: booking.total, refund_owed: 0 } });
	assert.deepEqual(stripe.refundsOf(payment).map((refund) => refund.amount), [booking.total]);
});

test('nobody is asked to pay for an event that is cancelled', async () => {
	const { id, booking, payment } = await started();
	const [bought, hers] = [await started(), await held(ann, id, ['B3'])];
	stripe.pay(bought.payment);
	assert.equal(await pay.told(stripe.notice(bought.payment)), 'confirmed');
	for (const each of [id, bought.id])
		assertStatus(await call('PUT', `/admin/events/${each}`, { body: { status: 'cancelled' }, token: olga.token }), 200);
	assertProblem(await pay.checkout(ann, booking), 409, 'sales-closed');
	assertProblem(await pay.checkout(ann, hers), 409, 'sales-closed');
	assert.equal((await pay.offered(ann, bought.booking)).status, 'succeeded', 'what is paid is told as it stands');
	stripe.pay(payment);
	assert.equal(await pay.told(stripe.notice(payment)), 'unfulfilled', 'money that comes all the same goes back');
	assertProblem(await pay.checkout(ann, booking), 409, 'wrong-state');
	await pay.refund();
	await pay.shows(ann, booking, { status: 'REFUNDED' });
});

test('a release waits for the payment, which is cancelled; money may be quicker', async () => {
	const { id, booking, payment } = await started();
	assertProblem(await move(ann, booking, 'release'), 409, 'payment-in-progress');
	assertProblem(await pay.checkout(ann, booking), 409, 'payment-in-progress');
	await pay.job('payment-sweep');
	assert.equal(stripe.intents.get(payment).status, 'canceled');
	assert.equal((await pay.show(ann, booking)).status, 'RELEASED');
	await assertSeats(id, 'aaaaaaaaaaaaaa');
	const quick = await started();
	assertProblem(await move(ann, quick.booking, 'release'), 409, 'payment-in-progress');
	stripe.pay(quick.payment);
	await pay.job('payment-sweep');
	assert.equal((await pay.show(ann, quick.booking)).status, 'CONFIRMED');
	await assertSeats(quick.id, 'aaaaaaaaaabbaa');
});

test('who may pay for what', async () => {
	const { event_id: free } = await pay.soldEvent(olga, { payment: 'none' });
	const unpaid = await held(ann, free, ['B1']);
	assertProblem(await pay.checkout(ann, unpaid), 409, 'wrong-state');
	assertStatus(await move(ann, unpaid, 'confirm'), 200);
	const { booking } = await started();
	assertProblem(await pay.checkout(bob, booking), 404, 'not-found');
	assertProblem(await pay.checkout(ann, 'no-booking'), 404, 'not-found');
	assertProblem(await pay.checkout({}, booking), 401, 'unauthenticated');
	assertProblem(await pay.checkout(ann, booking, { body: { amount: 1 } }), 422, 'invalid');
	const due = (await started()).booking;
	stack.expire(due.booking_id);
	assertProblem(await pay.checkout(ann, due), 410, 'hold-expired');
	assertProblem(await hold(ann, { event_id: due.event_id, seat_ids: ['B9'] }), 422, 'invalid');
});

test('a key of a checkout is one of that booking', async () => {
	const { event_id: id } = await pay.soldEvent(olga);
	const [one, two] = [await held(ann, id, ['B1']), await held(ann, id, ['B2'])];
	const key = freshKey();
	const [a, b] = await Promise.all([pay.checkout(ann, one, { key }), pay.checkout(ann, one, { key })]);
	const good = [a, b].filter((answer) => answer.status === 200);
	assert.ok(good.length >= 1, a.text + b.text);
	for (const answer of [a, b])
		if (answer.status !== 200) assertProblem(answer, 409, 'idempotency-in-flight');
	assert.equal(assertStatus(await pay.checkout(ann, one, { key }), 200).text, good[0].text);
	assertProblem(await pay.checkout(ann, two, { key }), 422, 'idempotency-key-reused');
});

test('prices that the provider cannot take are refused when they are made', async () => {
	const make = (more) => post('/admin/events', { title: 'Dinars', event_date: '2999-01-01', currency: 'KWD', payment: 'stripe',
		sections: [{ name: 'Floor', capacity: 5, base_price: 1010 }], ...more }, { token: olga.token });
	assertInvalid(await make({ currency: 'MGA' }), '/payment');
	assertInvalid(await make({ sections: [{ name: 'Floor', capacity: 5, base_price: 1005 }] }), '/sections');
	const { event_id: id } = assertStatus(await make(), 201).body;
	const change = (body, of = id) => put(`/admin/events/${of}`, body, { token: olga.token });
	assertInvalid(await change({ sections: [{ section_id: 'Floor', price: 1001 }] }), '/sections');
	assertInvalid(await change({ pricing: { enabled: true, round_to: 1 } }), '/pricing/round_to');
	assertStatus(await change({ sections: [{ section_id: 'Floor', price: 1020 }] }), 200);
	const free = assertStatus(await make({ currency: 'MGA', payment: 'none' }), 201).body.event_id;
	assertInvalid(await change({ payment: 'stripe' }, free), '/payment');
});
