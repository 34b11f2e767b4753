// Workers of the pool of payments, and the jobs that ask the provider and send money back, die or lose a
// connection between any two side effects. Needs a build with fault points: `make check-fault`.
'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, before, test } = require('node:test');

const crowd = require('../lib/crowd.js');
const faults = require('../lib/faults.js');
const pay = require('../lib/pay.js');
const stack = require('../lib/stack.js');

const BUYERS = 10;
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1e9));
const pools = ['payment', 'webhooks'];
let stripe, sizes, event;

before(async () => {
	stripe = await pay.open();
	await stack.until('the pools', () => pools.every((pool) => crowd.workers(pool).length > 0));
	sizes = pools.map((pool) => crowd.workers(pool).length);
	event = await crowd.eventWith({ seats: 300, places: 5000, payment: 'stripe' });
	await crowd.redisBuild(event);
});
afterEach(() => {
	faults.disarm();
	stripe.calm();
});
after(() => pay.close(stripe));

// Often where few come by.
const rates = [[/^(sweep|refund)|opened|checkout/, 150], [/./, 60]];
const rateOf = (point) => rates.find(([pattern]) => pattern.test(point))[1];

// What Stripe does with a notice: again until it is taken.
async function deliver(notice) {
	for (let tries = 0; tries < 50; tries++) {
		const answer = await pay.notify(notice).catch(() => null);
		if (answer?.status === 200) return;
		assert.ok(!answer || [409, 502, 503].includes(answer.status), answer?.text);
		await crowd.sleep(50);
	}
	assert.fail(`never taken: ${JSON.stringify(notice)}`);
}

const lately = (payment) => stripe.events.filter((one) => one.data.object.id === payment && !/created/.test(one.type));

// Buys again and again in ways of all kinds: declined first, paid too late, never, twice told or not at all,
// cancelled after it.
async function buy(who, i, isOver) {
	for (let round = i; !isOver(); round++) {
		const what = round % 3 ? crowd.holdPlaces(who, event, 1 + (round % 3))
			: crowd.hold(who, event, [1 + ((i * 29 + round) % 300)]);
		const held = await crowd.insist(what);
		if (held.status !== 201) continue;
		const id = held.body.booking_id;
		const offer = await crowd.insist(crowd.move(who, 'checkout', id));
		if (offer.status !== 200) {
			assert.match(offer.slug, /^(hold-expired|wrong-state)$/, offer.text);
			continue;
		}
		const payment = offer.body.payment_id;
		if (round % 5 === 1) stripe.pay(payment, 'pm_card_chargeDeclined');
		if (round % 7 === 2) stack.expire(id);
		if (round % 7 === 3) await crowd.send(crowd.move(who, 'release', id)).catch(() => null);
		if (round % 7 !== 4 && /^requires/.test(stripe.intents.get(payment).status)) stripe.pay(payment);
		if (round % 6 !== 5) await Promise.all(lately(payment).flatMap((one) => [deliver(one), deliver(one)]));
		if (round % 4 === 0) await crowd.insist(crowd.move(who, 'cancel', id));
	}
}

// A job over and over, also when it is killed.
async function run(name, due, isOver) {
	while (!isOver()) {
		due();
		const done = await pay.start(name);
		assert.ok(done.signal === 'SIGKILL' || [0, 1, 75].includes(done.status), done.stderr);
		await crowd.sleep(50);
	}
}

// Everything that is not settled is asked about, everything that is owed is sent.
async function settle() {
	await stack.until('all workers', () => pools.every((pool, i) => crowd.workers(pool).length === sizes[i]));
	stack.sql(`update bookings set expires_at = now() - interval '1 second'
			where event_id = ${event} and status in ('HOLD', 'RESERVED');
		update seat_claims set expires_at = now() - interval '1 second' where event_id = ${event} and state in ('h', 'r');
		update ga_claims set expires_at = now() - interval '1 second' where event_id = ${event} and state in ('h', 'r')`);
	// Which has not heard of these deadlines.
	stack.forget(event);
	for (let i = 0; i < 2; i++) {
		await pay.sweep();
		await pay.refund();
	}
	await pay.job('janitor');
	await pay.job('reconcile', '--full');
}

// The provider's books against ours: what it has of each booking is what that costs as it stands.
function audit() {
	const ours = new Map(JSON.parse(stack.sql(`select coalesce(json_agg(json_build_object('id', k.booking_id,
		'status', k.status, 'total', k.total)), '[]') from bookings k where k.event_id = ${event}`))
		.map((one) => [one.id, one]));
	const money = new Map();
	for (const intent of stripe.intents.values()) {
		const id = intent.metadata.holdfast_booking;
		const back = stripe.refundsOf(intent.id).reduce((sum, one) => sum + one.amount, 0);
		if (ours.has(id)) money.set(id, (money.get(id) ?? 0) + intent.amount_received - back);
		assert.ok(!/^requires_/.test(intent.status), `${intent.id} of ${ours.get(id)?.status} is ${intent.status}`);
	}
	let confirmed = 0;
	for (const { id, status, total } of ours.values()) {
		assert.equal(money.get(id) ?? 0, status === 'CONFIRMED' ? total : 0, `${id} is ${status}`);
		if (status === 'CONFIRMED') confirmed++;
	}
	assert.ok(confirmed > 0 && stripe.refunds.size > 0, `${confirmed} confirmed, ${stripe.refunds.size} refunds`);
}

async function survive(t, rules) {
	t.diagnostic(`seed ${seed}`);
	let over = false, failed;
	const isOver = () => over;
	const running = [
		...crowd.buyers(BUYERS).map((who, i) => buy(who, i, isOver)),
		run('payment-sweep', pay.allDue, isOver), run('outbox', pay.refundsDue, isOver),
	].map((one) => one.catch((error) => { failed ??= error; }));
	faults.arm(seed, rules);
	try {
		const counts = await faults.allFired(seed, rules, { busy: () => {
			if (failed) throw failed;
		} });
		t.diagnostic(Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', '));
	} finally {
		faults.disarm();
		over = true;
		await Promise.all(running);
	}
	if (failed) throw failed;
	await settle();
	audit();
	stack.verify();
}

for (const action of ['kill', 'cut-postgres', 'cut-redis']) {
	test(`money is whole though processes meet ${action} at every point`, async (t) => {
		const points = faults.pointsOf(['payment', 'sweep', 'refund'], action);
		assert.ok(points.length > 6);
		await survive(t, points.map((point) => [point, action, rateOf(point)]));
	});
}
