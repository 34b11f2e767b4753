// What becomes of a hold: confirm, release, cancel, expiry; whose it is; and the history of a buyer.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, get, pages, post, put } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, confirmed, event, held, hold, move, staff } =
	require('../lib/world.js');

let olga, ann, bob;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
});
after(stack.verify);

const show = async (who, booking) =>
	assertStatus(await get(`/bookings/${booking.booking_id}`, { token: who.token }), 200).body;
const setEvent = async (id, changes) =>
	assertStatus(await put(`/admin/events/${id}`, changes, { token: olga.token }), 200);

test('a hold is confirmed, and confirming again is the same answer', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1', 'B2']);
	const answer = assertStatus(await move(ann, booking, 'confirm'), 200);
	const { confirmed_at } = answer.body;
	assert.ok(Math.abs(Date.parse(confirmed_at) - Date.now()) < 60000);
	assert.deepEqual(answer.body,
		{ ...booking, status: 'CONFIRMED', confirmed_at, expires_at: null, version: 2 });
	assert.equal((await move(ann, booking, 'confirm')).text, answer.text);
	assert.deepEqual(await show(ann, booking), answer.body);
	await assertPlaces(id, { VIP: [12, 0, 2] });
	await assertSeats(id, 'aaaaaaaaaabbaa');
});

test('a release frees the seats at once', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1']);
	const floor = await held(ann, id, 10);
	for (const one of [booking, floor]) {
		const answer = assertStatus(await move(ann, one, 'release'), 200);
		assert.deepEqual(answer.body, { ...one, status: 'RELEASED', expires_at: null, version: 2 });
		assert.equal((await move(ann, one, 'release')).text, answer.text);
	}
	await held(bob, id, ['B1']);
	await held(bob, id, 10);
	assert.equal(assertProblem(await move(ann, booking, 'confirm'), 409, 'wrong-state').current_status,
		'RELEASED');
	assertProblem(await move(ann, booking, 'cancel'), 409, 'wrong-state');
});

test('a cancel frees the seats at once', async () => {
	const { event_id: id } = await event(olga);
	const booking = await confirmed(ann, id, ['B1', 'B3']);
	const answer = assertStatus(await move(ann, booking, 'cancel', { reason: 'Rain' }), 200);
	assert.equal(answer.body.status, 'CANCELLED');
	assert.ok(answer.body.cancelled_at);
	assert.deepEqual(answer.body.items, booking.items);
	assert.equal((await move(ann, booking, 'cancel')).text, answer.text);
	await held(bob, id, ['B1', 'B3']);
	assertProblem(await move(ann, booking, 'confirm'), 409, 'wrong-state');
	assertProblem(await move(ann, booking, 'release'), 409, 'wrong-state');
	assert.equal((await show(ann, booking)).status, 'CANCELLED');
});

test('moves that are not allowed', async () => {
	const { event_id: id } = await event(olga);
	const live = await held(ann, id, 1);
	const sold = await confirmed(ann, id, 1);
	assert.equal(assertProblem(await move(ann, live, 'cancel'), 409, 'wrong-state').current_status, 'HOLD');
	assert.equal(assertProblem(await move(ann, sold, 'release'), 409, 'wrong-state').current_status,
		'CONFIRMED');
	for (const booking of [live, sold]) assertProblem(await move(ann, booking, 'checkout'), 409, 'wrong-state');
});

test('a hold past its deadline is gone, whoever asks and whatever has run', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['VIP-A-1']);
	stack.expire(booking.booking_id);
	for (let i = 0; i < 2; i++) {
		assertProblem(await move(ann, booking, 'confirm'), 410, 'hold-expired');
		assertProblem(await move(ann, booking, 'release'), 410, 'hold-expired');
		assertProblem(await move(ann, booking, 'cancel'), 410, 'hold-expired');
		assert.equal((await show(ann, booking)).status, 'EXPIRED');
	}
	const expired = await get('/bookings?status=EXPIRED', { token: ann.token });
	assert.ok(expired.body.items.some((b) => b.booking_id === booking.booking_id));
	const live = await get('/bookings?status=HOLD&limit=100', { token: ann.token });
	assert.ok(!live.body.items.some((b) => b.booking_id === booking.booking_id));
	await held(bob, id, ['VIP-A-1']);
});

test('somebody else’s booking is not there, in every call', async () => {
	const { event_id: id } = await event(olga);
	for (const booking of [await held(ann, id, ['B1']), await confirmed(ann, id, ['B2'])]) {
		const before_ = stack.books();
		for (const who of [bob, olga]) {
			assertProblem(await get(`/bookings/${booking.booking_id}`, { token: who.token }), 404,
				'not-found');
			for (const verb of ['confirm', 'release', 'cancel', 'extend', 'checkout'])
				assertProblem(await move(who, booking, verb), 404, 'not-found');
			assertProblem(await post(`/reservations/${booking.booking_id}/confirm`, {},
				{ token: who.token }), 404, 'not-found');
			assertProblem(await move(who, booking, 'cancel', { items: [{ seat_id: 'B1' }] }), 404,
				'not-found');
		}
		assert.equal(stack.books(), before_);
	}
});

test('a booking that is not there', async () => {
	const { event_id: id } = await event(olga);
	const { booking_id: real } = await held(ann, id, 1);
	const flipped = real.slice(0, -1) + (real.endsWith('0') ? '1' : '0');
	const elsewhere = `${(Number(id) + 1).toString(16).padStart(8, '0')}${real.slice(8)}`;
	for (const name of [flipped, elsewhere, '0', '-1', 'x', '1', `${real}0`, real.slice(0, -1),
		'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
		`${real}'`, '%00x', '%20', `{${real}}`, real.replaceAll('-', '')]) {
		const malformed = name === '%00x';
		const check = (answer) => (malformed ? assertProblem(answer, 400, 'malformed-request')
			: assertProblem(answer, 404, 'not-found'));
		check(await get(`/bookings/${name}`, { token: ann.token }));
		for (const verb of ['confirm', 'release', 'cancel', 'extend', 'checkout'])
			check(await move(ann, name, verb));
	}
});

test('part of a booking is cancelled; the rest stands', async () => {
	const { event_id: id } = await event(olga);
	const booking = assertStatus(await hold(ann, { event_id: id,
		items: [{ seat_id: 'B1' }, { seat_id: 'B2' }, { section_id: 'Floor', quantity: 3 }] }), 201).body;
	const part = (items) => move(ann, booking, 'cancel', { items });
	assertProblem(await part([{ seat_id: 'B1' }]), 409, 'wrong-state');
	assertStatus(await move(ann, booking, 'confirm'), 200);
	const one = assertStatus(await part([{ seat_id: 'B1' }, { section_id: 'Floor', quantity: 1 }]), 200).body;
	assert.equal(one.status, 'CONFIRMED');
	assert.deepEqual(one.items.map((i) => [i.seat_id, i.quantity]), [['B2', 1], [null, 2]]);
	assert.equal(one.total, 1700);
	await assertPlaces(id, { Floor: [8, 0, 2], VIP: [13, 0, 1] });
	await held(bob, id, ['B1']);
	const before_ = stack.books();
	const detail = async (item) => assertProblem(await part([item]), 422, 'invalid').errors[0].detail;
	assert.match(await detail({ section_id: 'Floor', quantity: 3 }), /has 2 of these places/);
	assert.match(await detail({ seat_id: 'VIP-A-1' }), /not in this booking/);
	for (const [items, ...pointers] of [
		[null, '/items'],
		[[{ seat_id: 'B1' }], '/items/0/seat_id'],
		[[{ seat_id: 'VIP-A-1' }], '/items/0/seat_id'],
		[[{ seat_id: 'Nowhere' }], '/items/0/seat_id'],
		[[{ seat_id: 'B2' }, { section_id: 'Floor', quantity: 3 }], '/items/1/quantity'],
		[[{ section_id: 'VIP', quantity: 1 }], '/items/0/section_id'],
		[[{ seat_id: 'B2' }, { seat_id: 'B2' }], '/items/1/seat_id'],
		[[], '/items'],
	])
		assertInvalid(await part(items), ...pointers);
	assert.equal(stack.books(), before_);
	const rest = assertStatus(await part([{ seat_id: 'B2' }, { section_id: 'Floor', quantity: 2 }]), 200);
	assert.equal(rest.body.status, 'CANCELLED');
	await assertPlaces(id, { Floor: [10, 0, 0], VIP: [13, 1, 0] });
});

test('what is wrong with the body of a move is named', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, 1);
	const before_ = stack.books();
	for (const [verb, body, ...pointers] of [
		['confirm', { user_id: ann.user_id }, '/user_id'],
		['confirm', { payment_id: 7 }, '/payment_id'],
		['confirm', { total: 0 }, '/total'],
		['release', { reason: 'x' }, '/reason'],
		['cancel', { reason: 'x'.repeat(501) }, '/reason'],
		['cancel', { reason: 1 }, '/reason'],
		['cancel', { items: {} }, '/items'],
	])
		assertInvalid(await move(ann, booking, verb, body), ...pointers);
	assert.equal(stack.books(), before_);
});

test('an event that is cancelled confirms nothing, and cancels everything', async () => {
	const { event_id: id } = await event(olga);
	const live = await held(ann, id, ['B1']);
	const sold = await confirmed(ann, id, ['B2']);
	await setEvent(id, { status: 'cancelled' });
	assertProblem(await move(ann, live, 'confirm'), 409, 'sales-closed');
	assertProblem(await move(ann, live, 'extend'), 409, 'sales-closed');
	assertProblem(await move(ann, live, 'checkout'), 409, 'sales-closed');
	assertProblem(await hold(ann, { event_id: id, seat_ids: ['B3'] }), 409, 'sales-closed');
	assertStatus(await move(ann, live, 'release'), 200);
	assert.equal((await move(ann, sold, 'cancel')).body.status, 'CANCELLED');
});

test('a hold is confirmed though sales have closed meanwhile', async () => {
	const { event_id: id } = await event(olga);
	const live = await held(ann, id, ['B1']);
	await setEvent(id, { status: 'closed' });
	assertProblem(await hold(ann, { event_id: id, seat_ids: ['B2'] }), 409, 'sales-closed');
	assertStatus(await move(ann, live, 'confirm'), 200);
});

test('an event that takes payment confirms nothing unpaid, but what is free', async () => {
	const { event_id: id } = await event(olga, { sections: [
		{ name: 'Floor', capacity: 10, base_price: 500 }, { name: 'Free', capacity: 10 }] });
	stack.sql(`update events set payment = 'stripe' where event_id = ${id}`);
	const priced = await held(ann, id, 1);
	assertProblem(await move(ann, priced, 'confirm'), 409, 'payment-required');
	const away = assertProblem(await move(ann, priced, 'checkout'), 503, 'unavailable');
	assert.match(away.detail, /No payment provider/);
	assert.equal((await show(ann, priced)).status, 'HOLD');
	assertProblem(await move(bob, priced, 'checkout'), 404, 'not-found');
	const free = assertStatus(await hold(ann,
		{ event_id: id, section_id: 'Free', seats_requested: 1 }), 201).body;
	assertStatus(await move(ann, free, 'confirm'), 200);
	await setEvent(id, { status: 'cancelled' });
	assertProblem(await move(ann, priced, 'checkout'), 409, 'sales-closed');
});

test('a release waits for a payment that is under way', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1', 'B2']);
	stack.sql(`select reserve(${id}, '${booking.booking_id}', '${ann.user_id}', 600, 3600)`);
	assert.equal((await show(ann, booking)).status, 'RESERVED');
	const refused = await move(ann, booking, 'release');
	assertProblem(refused, 409, 'payment-in-progress');
	assert.equal(refused.headers['retry-after'], '60', 'the sweep runs each minute');
	assert.equal((await show(ann, booking)).status, 'RESERVED');
	assert.equal(assertStatus(await hold(ann, { event_id: id, seat_ids: ['B2', 'B1'] }), 200)
		.body.booking_id, booking.booking_id);
	stack.forget(id);
	await assertSeats(id, 'aaaaaaaaaarraa');
	assert.equal((await move(ann, booking, 'confirm')).body.status, 'CONFIRMED');
});

test('an event that is entered through its queue', async () => {
	const { event_id: id } = await event(olga);
	stack.sql(`update events set queue = 'on' where event_id = ${id}`);
	assertProblem(await hold(ann, { event_id: id, seat_ids: ['B1'] }), 403, 'queue-required');
});

test('the history is one’s own, newest first, page by page, whatever is added', async () => {
	const who = await buyer();
	const { event_id: one } = await event(olga, { max_seats_per_booking: 2 });
	const { event_id: two } = await event(olga);
	const made = [];
	for (let i = 0; i < 5; i++) {
		made.unshift((await held(who, one, 1)).booking_id);
		made.unshift((await held(who, two, 1)).booking_id);
	}
	const list = async (query, between = async () => {}) => {
		const seen = [];
		for await (const page of pages(`/bookings?${query}`, { token: who.token })) {
			seen.push(...page.map((b) => b.booking_id));
			await between();
		}
		return seen;
	};
	assert.deepEqual(await list(''), made);
	assert.deepEqual(await list('limit=3'), made);
	assert.deepEqual(await list('limit=1'), made);
	assert.deepEqual(await list(`event_id=${one}&limit=2`), made.filter((_, i) => i % 2));
	assert.deepEqual(await list('event_id=99999999'), []);
	assert.deepEqual(await list('event_id=x'), []);
	assert.deepEqual(await list('limit=4', () => move(who, made[0], 'release')), made);
	assertStatus(await move(who, made[3], 'confirm'), 200);
	assert.deepEqual(await list('status=CONFIRMED'), [made[3]]);
	assert.deepEqual(await list('status=RELEASED'), [made[0]]);
	assert.deepEqual(await list('status=HOLD'), made.filter((_, i) => i !== 0 && i !== 3));
	assert.deepEqual((await get('/bookings', { token: (await buyer()).token })).body,
		{ items: [], next_cursor: null });
	const before_ = made.length;
	let added = 0;
	const seen = await list('limit=3', async () => {
		if (added++ < 2) made.unshift((await held(who, one, 1)).booking_id);
	});
	assert.deepEqual(seen, made.slice(-before_));
	for (const [query, pointer] of [['status=SOLD', '/status'], ['status=', '/status'], ['limit=0', '/limit'],
		['cursor=x', '/cursor'], ['user_id=1', '/user_id'], ['limit=1&limit=2', '/limit']])
		assertInvalid(await get(`/bookings?${query}`, { token: who.token }), pointer);
	const { next_cursor: theirs } = (await get('/events?limit=1')).body;
	if (theirs) assertInvalid(await get(`/bookings?cursor=${theirs}`, { token: who.token }), '/cursor');
	assertInvalid(await get(`/bookings/${made[0]}?x=1`, { token: who.token }), '/x');
});

test('another’s cursor shows nothing of theirs', async () => {
	const { event_id: id } = await event(olga);
	for (let i = 0; i < 3; i++) await held(ann, id, 1);
	const { next_cursor: cursor } = (await get('/bookings?limit=1', { token: ann.token })).body;
	const who = await buyer();
	const answer = assertStatus(await get(`/bookings?cursor=${cursor}`, { token: who.token }), 200);
	assert.deepEqual(answer.body.items, []);
});
