// The log of an event, and webhooks as organizers make and end them.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, call, get, post, put } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

let organizer, other, admin, buyer;

after(stack.verify);
before(async () => {
	[organizer, other, admin] = await Promise.all(['organizer', 'organizer', 'admin'].map((r) => world.staff(r)));
	buyer = await world.buyer();
});

const log = (id, query = '', who = organizer) => get(`/admin/events/${id}/log${query}`, { token: who.token });
const notices = async (id, query) => assertStatus(await log(id, query), 200).body;
const kinds = async (id) => (await notices(id)).items.map((n) => `${n.position} ${n.kind}`);

test('what happens to an event is in its log, in order and at once', async () => {
	const { event_id: id } = await world.event(organizer);
	const booking = await world.confirmed(buyer, id, ['B1', 'B2']);
	assert.deepEqual(await kinds(id), ['1 event.created', '2 booking.confirmed']);
	assertStatus(await world.move(buyer, await world.held(buyer, id, 1), 'release'), 200);
	assertStatus(await world.move(buyer, booking, 'confirm'), 200);
	assertStatus(await world.move(buyer, booking, 'cancel', { items: [{ seat_id: 'B2' }] }), 200);
	assertStatus(await world.move(buyer, booking, 'cancel'), 200);
	assertStatus(await put(`/admin/events/${id}`, { title: 'Another' }, { token: organizer.token }), 200);
	assertStatus(await put(`/admin/events/${id}`, { status: 'cancelled' }, { token: organizer.token }), 200);
	const { items, after: last, next_cursor: next } = await notices(id);
	assert.deepEqual(items.map((n) => `${n.position} ${n.kind}`), ['1 event.created', '2 booking.confirmed',
		'3 booking.cancelled', '4 booking.cancelled', '5 event.changed', '6 event.cancelled']);
	assert.equal(last, 6);
	assert.equal(next, null);
	assert.deepEqual(items.map((n) => n.booking_id),
		[null, booking.booking_id, booking.booking_id, booking.booking_id, null, null]);
	assert.deepEqual(items[1].data, { places: 2, total: 1400, currency: 'EUR' });
	assert.deepEqual(items[2].data.seat_ids, ['B2']);
	assert.equal(items[2].data.whole, false);
	assert.equal(items[3].data.whole, true);
	assert.deepEqual(items[4].data.fields, ['title']);
	assert.ok(items.every((n) => n.event_id === String(id) && Math.abs(Date.parse(n.at) - Date.now()) < 600000));
	assert.ok(!JSON.stringify(items).includes('@'), 'nothing of a person');
});

test('confirm by every door', async () => {
	const { event_id: id } = await world.event(organizer);
	await world.held(buyer, id, ['B1']);
	assertStatus(await post('/booking/confirm', { show_id: String(id), seat_ids: ['B1'], request_id: 'r1' },
		{ token: buyer.token }), 200);
	const booked = assertStatus(await post(`/events/${id}/book`, { section_id: 'Floor', quantity: 1 },
		{ token: buyer.token, key: 'k1' }), 201).body;
	assertStatus(await post(`/reservations/${booked.reservation_id}/confirm`, {}, { token: buyer.token }), 200);
	assert.deepEqual(await kinds(id), ['1 event.created', '2 booking.confirmed', '3 booking.confirmed']);
});

test('pages', async () => {
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 4; i++) await world.confirmed(buyer, id, 1);
	const first = assertStatus(await log(id, '?limit=2'), 200);
	assert.deepEqual(first.body.items.map((n) => n.position), [1, 2]);
	assert.equal(first.body.next_cursor, '2');
	assert.match(first.headers.link, /cursor=2>; rel="next"/);
	assert.deepEqual((await notices(id, '?limit=2&cursor=2')).items.map((n) => n.position), [3, 4]);
	const last = await notices(id, '?after=4&limit=2');
	assert.deepEqual(last.items.map((n) => n.position), [5]);
	assert.equal(last.next_cursor, null);
	assert.deepEqual(await notices(id, '?after=5'), { after: 5, items: [], next_cursor: null });
	assert.deepEqual((await notices(id, '?after=99')).after, 99);
	for (const query of ['after=-1', 'after=x', 'limit=0', 'limit=1001', 'cursor=x', 'from=1'])
		assertInvalid(await log(id, `?${query}`), `/${query.split('=')[0]}`);
});

test('staff of the event alone read it', async () => {
	const { event_id: id } = await world.event(organizer);
	assertProblem(await log(id, '', other), 404, 'not-found');
	assertProblem(await log(id, '', buyer), 403, 'forbidden');
	assertProblem(await get(`/admin/events/${id}/log`), 401, 'unauthenticated');
	assert.equal(assertStatus(await log(id, '', admin), 200).body.items.length, 1);
	assertProblem(await log(2 ** 31 - 1), 404, 'not-found');
});

test('a reader who polls misses nothing of eight who write, and sees nothing twice', async () => {
	const { event_id: id } = await world.event(organizer,
		{ sections: [{ name: 'Floor', capacity: 1000, base_price: 500 }], max_seats_per_booking: 10 });
	const seen = [];
	let position = 0, writing = true;
	const poll = async () => {
		const page = await notices(id, `?after=${position}&limit=7`);
		for (const n of page.items) {
			assert.equal(n.position, seen.length + 1, 'dense and rising');
			seen.push(n);
		}
		position = page.after;
		return page.items.length;
	};
	const reader = (async () => { while (writing) await poll(); })();
	const made = [];
	await Promise.all(Array.from({ length: 8 }, async (_, i) => {
		const who = await world.buyer();
		for (let n = 0; n < 6; n++) {
			const booking = await world.confirmed(who, id, 1);
			made.push(`booking.confirmed ${booking.booking_id}`);
			if ((n + i) % 2) {
				assertStatus(await world.move(who, booking, 'cancel'), 200);
				made.push(`booking.cancelled ${booking.booking_id}`);
			}
		}
	})).finally(() => { writing = false; });
	await reader;
	while (await poll());
	assert.deepEqual(seen.slice(1).map((n) => `${n.kind} ${n.booking_id}`).sort(), made.sort());
	const order = new Map();
	for (const n of seen) {
		if (n.kind === 'booking.cancelled') assert.ok(order.has(n.booking_id), 'a cancel comes behind its confirm');
		order.set(n.booking_id, n.position);
	}
});

// ---- webhooks ------------------------------------------------------------------------------------

const make = (body, who = organizer) => post('/admin/webhooks', body, { token: who.token });
const list = async (who) => assertStatus(await get('/admin/webhooks', { token: who.token }), 200).body.items;
const end = (id, who = organizer) => call('DELETE', `/admin/webhooks/${id}`, { token: who.token });

test('made, listed without the secret, ended', async () => {
	const who = await world.staff();
	const answer = assertStatus(await make({ url: 'https://hooks.example.com/a?b=c', kinds: ['booking.confirmed'] }, who), 201);
	const { secret, ...made } = answer.body;
	assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
	assert.equal(answer.headers.location, `/api/v1/admin/webhooks/${made.webhook_id}`);
	assert.equal(made.status, 'enabled');
	assert.deepEqual(made.kinds, ['booking.confirmed']);
	const second = assertStatus(await make({ url: 'https://hooks.example.com/' }, who), 201).body;
	assert.equal(second.kinds, null);
	assert.notEqual(second.secret, secret);
	const { secret: _, ...rest } = second;
	assert.deepEqual(await list(who), [made, rest]);
	const page = assertStatus(await get('/admin/webhooks?limit=1', { token: who.token }), 200).body;
	assert.deepEqual(page.items, [made]);
	assert.deepEqual(assertStatus(await get(`/admin/webhooks?limit=1&cursor=${page.next_cursor}`, { token: who.token }), 200)
		.body, { items: [rest], next_cursor: null });
	const third = assertStatus(await make({ url: 'https://hooks.example.com/3' }, who), 201).body;
	// Where a page has ended the list goes on, also when its last one has gone.
	const { next_cursor: between } = assertStatus(
		await get(`/admin/webhooks?limit=1&cursor=${page.next_cursor}`, { token: who.token }), 200).body;
	assertStatus(await end(rest.webhook_id, who), 204);
	const later = assertStatus(await get(`/admin/webhooks?cursor=${between}`, { token: who.token }), 200).body;
	assert.deepEqual(later.items.map((item) => item.webhook_id), [third.webhook_id]);
	assertInvalid(await get('/admin/webhooks?cursor=x', { token: who.token }), '/cursor');
	assertProblem(await end(made.webhook_id, other), 404, 'not-found');
	assertStatus(await end(made.webhook_id, who), 204);
	assertProblem(await end(made.webhook_id, who), 404, 'not-found');
	assertStatus(await end(third.webhook_id, admin), 204);
	assertProblem(await end('x', who), 404, 'not-found');
	assert.deepEqual(await list(who), []);
	assertProblem(await make({ url: 'https://hooks.example.com/' }, buyer), 403, 'forbidden');
	assertProblem(await call('PUT', `/admin/webhooks/${made.webhook_id}`, { token: who.token, body: {} }), 405, 'method-not-allowed');
});

test('addresses that may not be called are refused', async () => {
	const bad = ['http://hooks.example.com/', 'https://', 'x', 'ftp://hooks.example.com/', 'https://u:p@hooks.example.com/',
		'https://localhost/', 'https://LOCALHOST./', 'https://a.localhost/', 'https://intranet/', 'https://a.internal/', 'https://printer.local/',
		'https://127.0.0.1/', 'https://127.0.0.1./', 'https://10.0.0.1../', 'https://%ff%fe.example.com/',
		'https://127.1/', 'https://2130706433/', 'https://0x7f.0.0.1/', 'https://0177.0.0.1/', 'https://10.1.2.3/',
		'https://172.16.0.1/', 'https://192.168.1.1/', 'https://169.254.169.254/latest/meta-data', 'https://100.64.0.1/',
		'https://0.0.0.0/', 'https://[::1]/', 'https://[fe80::1]/', 'https://[fc00::1]/', 'https://[::ffff:127.0.0.1]/',
		'https://[::ffff:7f00:1]/', 'https://[64:ff9b::7f00:1]/', 'https://[2002:7f00:1::]/', 'https://224.0.0.1/', 'https://hooks.example.com/#a',
		'https://hooks.example.com/ a', 'https://hooks.example.com/\r\nX: y', `https://hooks.example.com/${'a'.repeat(2000)}`, ''];
	for (const url of bad) assertInvalid(await make({ url }), '/url');
	assertInvalid(await make({}), '/url');
	assertInvalid(await make({ url: 'https://hooks.example.com/', kinds: [] }), '/kinds');
	assertInvalid(await make({ url: 'https://hooks.example.com/', kinds: ['booking.confirmed', 'x'] }), '/kinds/1');
	assertInvalid(await make({ url: 'https://hooks.example.com/', kinds: [1] }), '/kinds/0');
	assertInvalid(await make({ url: 'https://hooks.example.com/', secret: 'mine' }), '/secret');
	for (const url of ['https://8.8.8.8/', 'https://[2606:4700::1111]:8443/a', 'https://hooks.example.com:444/?a=b']) {
		const { webhook_id: id } = assertStatus(await make({ url }), 201).body;
		assertStatus(await end(id), 204);
	}
});

test('an account has at most twenty', async () => {
	const who = await world.staff();
	for (let i = 0; i < 20; i++) assertStatus(await make({ url: `https://hooks.example.com/${i}` }, who), 201);
	assertInvalid(await make({ url: 'https://hooks.example.com/20' }, who), '/url');
	for (const { webhook_id: id } of await list(who)) assertStatus(await end(id, who), 204);
});
