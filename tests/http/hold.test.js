// Holds: what may be held, what is refused, and with what words.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, get, put } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, confirmed, event, held, hold, move, nextYear, staff } =
	require('../lib/world.js');

let olga, ann, bob;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
});
after(stack.verify);

const seats = (id, ...list) => ({ event_id: id, seat_ids: list });
const floor = (id, n) => ({ event_id: id, section_id: 'Floor', seats_requested: n });
const items = (id, ...list) => ({ event_id: id, items: list });

test('a hold of numbered seats', async () => {
	const { event_id: id } = await event(olga);
	const answer = assertStatus(await hold(ann, seats(id, 'B2', 'VIP-A-3')), 201);
	const { booking_id, created_at, expires_at, ...rest } = answer.body;
	assert.equal(answer.headers.location, `/api/v1/bookings/${booking_id}`);
	assert.match(booking_id, /^[0-9a-f-]{36}$/);
	assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
	assert.ok(Math.abs(Date.parse(expires_at) - Date.parse(created_at) - 600000) < 2);
	const item = (seat_id, price) =>
		({ section_id: 'VIP', seat_id, quantity: 1, unit_price: price, amount: price });
	assert.deepEqual(rest, { event_id: id, status: 'HOLD', items: [item('VIP-A-3', 900), item('B2', 700)],
		total: 1600, currency: 'EUR', confirmed_at: null, cancelled_at: null, payment: null, version: 1 });
	assert.deepEqual((await get(`/bookings/${booking_id}`, { token: ann.token })).body, answer.body);
	await assertSeats(id, 'aahaaaaaaaahaa');
});

test('a hold of general admission, and of both', async () => {
	const { event_id: id } = await event(olga);
	const one = assertStatus(await hold(ann, floor(id, 3)), 201).body;
	assert.deepEqual(one.items,
		[{ section_id: 'Floor', seat_id: null, quantity: 3, unit_price: 500, amount: 1500 }]);
	assert.equal(one.total, 1500);
	const both = assertStatus(await hold(ann,
		items(id, { section_id: 'Floor', quantity: 2 }, { seat_id: 'B1' })), 201).body;
	assert.equal(both.total, 1700);
	assert.deepEqual(both.items.map((i) => [i.seat_id, i.quantity]), [['B1', 1], [null, 2]]);
	await assertPlaces(id, { Floor: [5, 5, 0],
		VIP: [13, 1, 0] });
});

test('all or none', async () => {
	const { event_id: id } = await event(olga);
	await held(ann, id, ['VIP-A-2', 'VIP-A-4']);
	const refused = await hold(bob, seats(id, 'VIP-A-1', 'VIP-A-2', 'VIP-A-3', 'VIP-A-4', 'B1'));
	assert.deepEqual(assertProblem(refused, 409, 'seats-unavailable').seat_ids, ['VIP-A-2', 'VIP-A-4']);
	assertProblem(await hold(bob, items(id, { section_id: 'Floor', quantity: 1 }, { seat_id: 'VIP-A-2' })),
		409, 'seats-unavailable');
	assertProblem(await hold(bob, items(id, { section_id: 'Floor', quantity: 11 }, { seat_id: 'B1' })),
		422, 'invalid');
	await assertPlaces(id, { Floor: [10, 0, 0],
		VIP: [12, 2, 0] });
	await held(bob, id, ['VIP-A-1', 'VIP-A-3', 'B1']);
});

test('sold out says how many are left', async () => {
	const { event_id: id } = await event(olga);
	await held(ann, id, 7);
	const refused = assertProblem(await hold(bob, floor(id, 4)), 409, 'sold-out');
	assert.equal(refused.available, 3);
	assert.equal(refused.section_id, 'Floor');
	await held(bob, id, 3);
	assert.equal(assertProblem(await hold(bob, floor(id, 1)), 409, 'sold-out').available, 0);
	assert.equal(assertProblem(await hold(bob, items(id, { section_id: 'Floor', quantity: 1 },
		{ seat_id: 'B1' })), 409, 'sold-out').available, 0);
	await assertPlaces(id, { VIP: [14, 0, 0] });
});

test('what is wrong with a hold is named', async () => {
	const { event_id: id } = await event(olga);
	const many = Array.from({ length: 1000 }, (_, i) => `VIP-A-${i}`);
	const wrong = [
		[{ seat_ids: ['B1'] }, '/event_id'],
		[{ event_id: Number(id), seat_ids: ['B1'] }, '/event_id'],
		[{ event_id: id }, ''],
		[{ event_id: id, seat_ids: [] }, '/seat_ids'],
		[{ event_id: id, items: [] }, '/items'],
		[{ event_id: id, seat_ids: 'B1' }, '/seat_ids'],
		[{ event_id: id, seat_ids: ['B1'], section_id: 'Floor', seats_requested: 1 }, ''],
		[{ event_id: id, seat_ids: ['B1'], items: [{ seat_id: 'B2' }] }, ''],
		[{ event_id: id, section_id: 'Floor' }, '/seats_requested'],
		[{ event_id: id, seats_requested: 1 }, '/section_id'],
		[floor(id, 0), '/seats_requested'], [floor(id, -1), '/seats_requested'],
		[floor(id, 1.5), '/seats_requested'], [floor(id, '1'), '/seats_requested'],
		[floor(id, 2 ** 31), '/seats_requested'], [floor(id, 1e15), '/seats_requested'],
		[floor(id, 11), '/seats_requested'],
		[items(id, { section_id: 'Floor', quantity: 11 }), '/items/0/quantity'],
		[{ event_id: id, section_id: 'Nowhere', seats_requested: 1 }, '/section_id'],
		[{ event_id: id, section_id: 'VIP', seats_requested: 1 }, '/section_id'],
		[seats(id, 'Nowhere', 'B1', 'VIP-A-99'), '/seat_ids/0', '/seat_ids/2'],
		[seats(id, 'Floor'), '/seat_ids/0'], [seats(id, 'b1'), '/seat_ids/0'],
		[seats(id, 'B1', 'B2', 'B1'), '/seat_ids/2'],
		[seats(id, ''), '/seat_ids/0'], [seats(id, 'x'.repeat(10000)), '/seat_ids/0'],
		[seats(id, 'B1', 7, null, ['B2'], {}), '/seat_ids/1', '/seat_ids/2', '/seat_ids/3', '/seat_ids/4'],
		[{ event_id: id, seat_ids: many }, '/seat_ids'],
		[seats(id, ...Array.from({ length: 10 }, (_, i) => `VIP-A-${i + 1}`), 'B1'), '/seat_ids/10'],
		[items(id, 'B1'), '/items/0'], [items(id, null), '/items/0'], [items(id, {}), '/items/0'],
		[items(id, { seat_id: 'B1', quantity: 1 }), '/items/0'],
		[items(id, { seat_id: 'B1', section_id: 'VIP' }), '/items/0'],
		[items(id, { section_id: 'Floor' }), '/items/0'], [items(id, { quantity: 1 }), '/items/0'],
		[items(id, { section_id: 'Floor', quantity: 0 }), '/items/0/quantity'],
		[items(id, { section_id: 'Floor', quantity: 1 }, { section_id: 'Floor', quantity: 1 }),
			'/items/1/section_id'],
		[items(id, { seat_id: 'B1' }, { seat_id: 'B1' }), '/items/1/seat_id'],
		[items(id, { seat_id: 'B1', price: 1 }), '/items/0/price'],
		[items(id, { section_id: 'Floor', quantity: 9 }, { seat_id: 'B1' }, { seat_id: 'B2' }),
			'/items'],
		[{ ...seats(id, 'B1'), seat_id: 'B1' }, '/seat_id'],
		[{ ...seats(id, 'B1'), price: 1, total: 0 }, '/price', '/total'],
		[{ ...seats(id, 'B1'), user_id: bob.user_id }, '/user_id'],
		[{ ...seats(id, 'B1'), expires_at: '2099-01-01' }, '/expires_at'],
	];
	const before_ = stack.books();
	for (const [body, ...pointers] of wrong) assertInvalid(await hold(ann, body), ...pointers);
	assert.equal(stack.books(), before_);
	const tooMany = assertProblem(await hold(ann, floor(id, 11)), 422, 'invalid');
	assert.equal(tooMany.max_seats_per_booking, 10);
});

test('an event that is not there, or not to be seen', async () => {
	const draft = await event(olga, { status: 'draft' });
	for (const id of ['99999999', '0', '-1', 'x', '1 ', '2147483648', draft.event_id])
		assertProblem(await hold(ann, seats(id, 'B1')), 404, 'not-found');
});

test('outside the time of sale', async () => {
	const start = `${nextYear}-01-01T00:00:00Z`;
	const early = await event(olga, { sales_start: start });
	const late = await event(olga, { sales_start: '2020-01-01', sales_end: '2020-02-01' });
	const closed = await event(olga, { status: 'closed' });
	for (const e of [early, late, closed]) {
		for (const body of [floor(e.event_id, 1), seats(e.event_id, 'B1')]) {
			const refused = assertProblem(await hold(ann, body), 409, 'sales-closed');
			for (const [name, is] of [['event_status', e.status], ['sales_start', e.sales_start], ['sales_end', e.sales_end]])
				assert.equal(refused[name], is);
		}
	}
	assert.equal(early.sales_start, start);
});

test('the limit of a booking and of a buyer', async () => {
	const { event_id: id } = await event(olga, { max_seats_per_booking: 3, max_seats_per_user: 5 });
	assertInvalid(await hold(ann, floor(id, 4)), '/seats_requested');
	const one = await held(ann, id, 3);
	const two = await held(ann, id, ['B1', 'B2']);
	const refused = assertProblem(await hold(ann, floor(id, 1)), 409, 'limit-exceeded');
	assert.deepEqual([refused.limit, refused.current, refused.requested], [5, 5, 1]);
	assert.equal(assertProblem(await hold(ann, seats(id, 'B1', 'B3')), 409, 'limit-exceeded').current, 5);
	await held(bob, id, 3);
	// What has ended does not count; what is confirmed does.
	assertStatus(await move(ann, one, 'release'), 200);
	assertStatus(await move(ann, two, 'confirm'), 200);
	await held(ann, id, 2);
	assertProblem(await hold(ann, floor(id, 2)), 409, 'limit-exceeded');
	assertStatus(await move(ann, two, 'cancel'), 200);
	const three = await held(ann, id, 3);
	stack.expire(three.booking_id);
	await held(ann, id, 3);
});

test('holding again what one holds is the same booking, before any limit', async () => {
	const { event_id: id } = await event(olga, { max_seats_per_user: 2 });
	const first = await held(ann, id, ['VIP-A-1', 'B4']);
	for (const body of [seats(id, 'VIP-A-1', 'B4'), seats(id, 'B4', 'VIP-A-1'),
		items(id, { seat_id: 'B4' }, { seat_id: 'VIP-A-1' })]) {
		const again = assertStatus(await hold(ann, body), 200);
		assert.deepEqual(again.body, first);
		assert.equal(again.headers.location, `/api/v1/bookings/${first.booking_id}`);
	}
	assertProblem(await hold(bob, seats(id, 'VIP-A-1', 'B4')), 409, 'seats-unavailable');
	assertStatus(await put(`/admin/events/${id}`, { max_seats_per_booking: 1 }, { token: olga.token }), 200);
	assert.deepEqual(assertStatus(await hold(ann, seats(id, 'VIP-A-1', 'B4')), 200).body, first);
});

test('any other overlap with one’s own hold is refused', async () => {
	const { event_id: id } = await event(olga);
	await held(ann, id, ['VIP-A-1', 'VIP-A-2']);
	const sold = await confirmed(ann, id, ['B1']);
	for (const [body, ...taken] of [
		[seats(id, 'VIP-A-1'), 'VIP-A-1'],
		[seats(id, 'VIP-A-1', 'VIP-A-2', 'VIP-A-3'), 'VIP-A-1', 'VIP-A-2'],
		[seats(id, 'VIP-A-3', 'VIP-A-2'), 'VIP-A-2'],
		[items(id, { seat_id: 'VIP-A-1' }, { seat_id: 'VIP-A-2' }, { section_id: 'Floor', quantity: 1 }),
			'VIP-A-1', 'VIP-A-2'],
		[seats(id, 'B1'), 'B1'],
	])
		assert.deepEqual(assertProblem(await hold(ann, body), 409, 'seats-unavailable').seat_ids, taken);
	assert.equal(sold.status, 'CONFIRMED');
	await assertPlaces(id, { Floor: [10, 0, 0] });
});

test('general admission is a new hold each time', async () => {
	const { event_id: id } = await event(olga);
	const [one, two] = [await held(ann, id, 2), await held(ann, id, 2)];
	assert.notEqual(one.booking_id, two.booking_id);
	await assertPlaces(id, { Floor: [6, 4, 0] });
});

test('a hold lives as long as its event says, by the clock of the database', async () => {
	const { event_id: id } = await event(olga, { hold_seconds: 4 });
	const first = await held(ann, id, ['B1']);
	const ga = await held(ann, id, 10);
	assert.ok(Math.abs(Date.parse(first.expires_at) - Date.parse(first.created_at) - 4000) < 2);
	assertProblem(await hold(bob, seats(id, 'B1')), 409, 'seats-unavailable');
	assertProblem(await hold(bob, floor(id, 1)), 409, 'sold-out');
	await stack.until('the holds are due', () => Date.now() > Date.parse(ga.expires_at) + 20);
	for (const booking of [first, ga]) {
		const shown = assertStatus(await get(`/bookings/${booking.booking_id}`, { token: ann.token }), 200);
		assert.equal(shown.body.status, 'EXPIRED');
		assertProblem(await move(ann, booking, 'confirm'), 410, 'hold-expired');
	}
	await assertPlaces(id, { Floor: [10, 0, 0],
		VIP: [14, 0, 0] });
	const seat = await held(bob, id, ['B1', 'B2']);
	await held(bob, id, 10);
	assert.equal(seat.status, 'HOLD');
	assertProblem(await move(ann, first, 'confirm'), 410, 'hold-expired');
	assertProblem(await move(ann, ga, 'confirm'), 410, 'hold-expired');
	assert.equal((await get(`/bookings/${first.booking_id}`, { token: ann.token })).body.status, 'EXPIRED');
});

test('an expired hold gives back no more than it had, however many take it over', async () => {
	const { event_id: id } = await event(olga);
	const old = await held(ann, id, ['VIP-A-1', 'VIP-A-2', 'VIP-A-3']);
	stack.expire(old.booking_id);
	await Promise.all(['VIP-A-1', 'VIP-A-2'].map((seat) => held(bob, id, [seat])));
	await assertPlaces(id, { VIP: [12, 2, 0] });
	assertProblem(await move(ann, old, 'confirm'), 410, 'hold-expired');
	await held(bob, id, ['VIP-A-3']);
	await assertPlaces(id, { VIP: [11, 3, 0] });
});

test('busy: a lock not had in time is a 409 that says when to come again', async () => {
	const { event_id: id } = await event(olga, { max_seats_per_user: 5 });
	const { spawn } = require('node:child_process');
	const blocker = spawn('psql', [stack.env.DATABASE_URL, '-XAtq'], { stdio: ['pipe', 'pipe', 'ignore'] });
	try {
		const locked = new Promise((resolve) => blocker.stdout.once('data', resolve));
		blocker.stdin.write(`begin; select pg_advisory_xact_lock(
			hashtextextended('${id}/${ann.user_id}', 2)); select 'locked';\n`);
		await locked;
		const began = Date.now();
		const answer = await hold(ann, seats(id, 'B1'));
		assertProblem(answer, 409, 'busy');
		assert.equal(answer.headers['retry-after'], '1');
		assert.ok(Date.now() - began < 2500);
	} finally {
		blocker.stdin.end('rollback;\n');
	}
	await stack.until('the lock is free', async () =>
		[200, 201].includes((await hold(ann, seats(id, 'B1'))).status));
});
