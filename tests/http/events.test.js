// Events as staff make and change them, and the venues that they start from.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, freshKey, get, pages, post, put } =
	require('../lib/client.js');
const stack = require('../lib/stack.js');
const { buyer, confirmed, event, eventBody, held, hold, move, nextYear, places, staff } =
	require('../lib/world.js');

let olga, other, admin, bob;

before(async () => {
	[olga, other, admin, bob] = await Promise.all([staff(), staff(), staff('admin'), buyer()]);
});
after(stack.verify);

const create = (body, options) => post('/admin/events', body, { token: olga.token, ...options });
const change = (id, body, options) =>
	put(`/admin/events/${id}`, body, { token: olga.token, ...options });

test('an event has every field, at the value given or its default', async () => {
	const answer = assertStatus(await create(eventBody()), 201);
	const { event_id: id, sales_start, ...rest } = answer.body;
	assert.equal(answer.headers.location, `/api/v1/events/${id}`);
	assert.equal(answer.headers.etag, '"1"');
	assert.ok(Math.abs(Date.parse(sales_start) - Date.now()) < 60000, 'sales begin now');
	const section = (section_id, kind, capacity, price) => ({ section_id,
		ticket_type_id: `${id}:${section_id}`, name: section_id, kind, capacity,
		base_price: price, price, available: capacity });
	assert.deepEqual(rest, {
		title: 'An evening', description: '', venue: null, event_date: `${nextYear}-05-01T19:00:00Z`,
		timezone: 'UTC', sales_end: `${nextYear}-05-01T19:00:00Z`, status: 'on_sale', hold_seconds: 600,
		max_seats_per_booking: 10, max_seats_per_user: null, queue: 'off', payment: 'none',
		refund_policy: [], currency: 'EUR', version: 1,
		sections: [section('Floor', 'ga', 10, 500), section('VIP', 'seated', 14, 700)],
	});
	const shown = assertStatus(await get(`/events/${id}`), 200);
	assert.deepEqual(shown.body, answer.body);
	const given = { description: 'All of it', timezone: 'Europe/Berlin',
		sales_start: '2020-01-01T00:00:00Z', sales_end: `${nextYear}-04-30T12:00:00+02:00`,
		currency: 'CHF', hold_seconds: 90, max_seats_per_booking: 4, max_seats_per_user: 6,
		status: 'closed', payment: 'none', queue: 'off',
		refund_policy: [{ until: `${nextYear}-04-01`, percent: 50, fee: 100 }] };
	const made = await event(olga, given);
	for (const [name, value] of Object.entries(given)) {
		if (name === 'sales_end') assert.equal(made.sales_end, `${nextYear}-04-30T10:00:00Z`);
		else assert.deepEqual(made[name], value, name);
	}
});

test('a bare date is the local midnight', async () => {
	const made = await event(olga, { event_date: `${nextYear}-07-01`, timezone: 'America/New_York' });
	assert.equal(made.event_date, `${nextYear}-07-01T04:00:00Z`);
	assert.equal(made.sales_end, made.event_date);
});

test('ids of sections and seats are made of names, or are as given', async () => {
	const made = await event(olga, { sections: [
		{ name: 'Loge 1. Rang (Süd)', capacity: 3 },
		{ name: 'Anything', section_id: 'B_x-9', capacity: 1 },
		{ name: 'S', rows: [{ row: 'R', seats: 2 }, { row: 7, seats: ['x:1', 'a/b', 'é 1'] }] },
	] });
	assert.deepEqual(made.sections.map((s) => s.section_id), ['Loge-1--Rang--S-d-', 'B_x-9', 'S']);
	assert.deepEqual(made.sections.map((s) => s.kind), ['ga', 'ga', 'seated']);
	const seats = assertStatus(await get(`/events/${made.event_id}/seats`), 200).body.items;
	assert.deepEqual(seats.map((s) => s.seat_id), ['S-R-1', 'S-R-2', 'x:1', 'a/b', 'é 1']);
	const one = await held(bob, made.event_id, ['x:1', 'a/b', 'é 1']);
	assert.deepEqual(one.items.map((i) => i.seat_id), ['x:1', 'a/b', 'é 1']);
});

test('the names that existing clients use make an event too', async () => {
	assertStatus(await post('/events', eventBody(), { token: olga.token }), 201);
	assertProblem(await post('/events', eventBody(), { token: bob.token }), 403, 'forbidden');
});

test('what is wrong with an event is named', async () => {
	const rows = (...list) => [{ name: 'S', rows: list }];
	const wrong = [
		[{ title: undefined }, '/title'],
		[{ title: '' }, '/title'],
		[{ title: 'x'.repeat(201) }, '/title'],
		[{ title: 'a\nb' }, '/title'],
		[{ title: 7 }, '/title'],
		[{ event_date: undefined }, '/event_date'],
		[{ event_date: 'tomorrow' }, '/event_date'],
		[{ event_date: `${nextYear}-02-30` }, '/event_date'],
		[{ event_date: `${nextYear}-05-01T25:00:00Z` }, '/event_date'],
		[{ event_date: `${nextYear}-05-01T19:00:00` }, '/event_date'],
		[{ timezone: 'Mars/Olympus' }, '/timezone'],
		[{ sales_start: `${nextYear + 1}-01-01` }, '/sales_start'],
		[{ currency: 'eur' }, '/currency'],
		[{ hold_seconds: 0 }, '/hold_seconds'],
		[{ hold_seconds: 1.5 }, '/hold_seconds'],
		[{ hold_seconds: '60' }, '/hold_seconds'],
		[{ max_seats_per_booking: 0 }, '/max_seats_per_booking'],
		[{ max_seats_per_user: -1 }, '/max_seats_per_user'],
		[{ status: 'sold' }, '/status'],
		[{ payment: 'stripe' }, '/payment'],
		[{ payment: 'cash' }, '/payment'],
		[{ queue: 'maybe' }, '/queue'],
		[{ refund_policy: [{ until: `${nextYear}-01-01`, percent: 101 }] }, '/refund_policy/0/percent'],
		[{ sections: undefined }, '/sections'],
		[{ sections: [] }, '/sections'],
		[{ sections: [{ name: 'A' }] }, '/sections/0/capacity'],
		[{ sections: [{ name: 'A', capacity: 0 }] }, '/sections/0/capacity'],
		[{ sections: [{ name: 'A', capacity: 1, base_price: -1 }] }, '/sections/0/base_price'],
		[{ sections: [{ name: 'A', kind: 'seated' }] }, '/sections/0/rows'],
		[{ sections: [{ name: 'A', kind: 'standing', capacity: 1 }] }, '/sections/0/kind'],
		[{ sections: [{ name: 'A', capacity: 1, color: 'red' }] }, '/sections/0/color'],
		[{ sections: [{ name: 'A b', capacity: 1 }, { name: 'A-b', capacity: 1 }] },
			'/sections/1/section_id'],
		[{ sections: [{ name: 'A', section_id: 'a b', capacity: 1 }] }, '/sections/0/section_id'],
		[{ sections: rows() }, '/sections/0/rows'],
		[{ sections: rows({ row: 'A', seats: 0 }) }, '/sections/0/rows/0/seats'],
		[{ sections: rows({ row: 'A', seats: [] }) }, '/sections/0/rows/0/seats'],
		[{ sections: rows({ row: 'A', seats: ['x', ''] }) }, '/sections/0/rows/0/seats/1'],
		[{ sections: rows({ row: 'A', seats: ['x', 'x'] }) }, '/sections/0/rows/0/seats'],
		[{ sections: rows({ row: 'A', seats: 1 }, { row: 'A', seats: 2 }) }, '/sections/0/rows/1/row'],
		[{ sections: [{ name: 'A', capacity: 5, rows: [{ row: 'A', seats: 4 }] }] },
			'/sections/0/capacity'],
		[{ colour: 'red', title: '' }, '/colour', '/title'],
		[{ event_id: '9' }, '/event_id'],
		[{ layout: 'Small', sections: undefined }, '/layout'],
	];
	const before_ = stack.books();
	for (const [changes, ...pointers] of wrong)
		assertInvalid(await create(eventBody(changes)), ...pointers);
	assertProblem(await create(eventBody({ venue_id: '999999' })), 404, 'not-found');
	assertProblem(await create(eventBody({ venue_id: 'nowhere' })), 404, 'not-found');
	assert.equal(stack.books(), before_);
});

test('an event is changed by who made it, and by an admin', async () => {
	const made = await event(olga);
	const id = made.event_id;
	const body = { title: 'Another evening', description: 'New' };
	assertProblem(await put(`/admin/events/${id}`, body), 401, 'unauthenticated');
	assertProblem(await change(id, body, { token: bob.token }), 403, 'forbidden');
	assertProblem(await change(id, body, { token: other.token }), 404, 'not-found');
	const answer = assertStatus(await change(id, body), 200);
	assert.deepEqual(answer.body, { ...made, ...body, version: 2 });
	assert.equal(answer.headers.etag, '"2"');
	assertStatus(await change(id, { title: 'Admin was here' }, { token: admin.token }), 200);
	const shown = assertStatus(await get(`/events/${id}`), 200).body;
	assert.equal(shown.title, 'Admin was here');
	assert.equal(shown.version, 3);
	for (const unknown of ['0', '-1', '1x', '2147483648', '99999999999999999999', 'x', '%20'])
		assertProblem(await change(unknown, body), 404, 'not-found');
	assertInvalid(await change(id, { currency: 'USD' }), '/currency');
	assertInvalid(await change(id, { event_id: '1' }), '/event_id');
	assertInvalid(await change(id, { status: 'gone' }), '/status');
});

test('a change on condition of a version that has gone is refused', async () => {
	const { event_id: id } = await event(olga);
	const tag = (await get(`/events/${id}`)).headers.etag;
	const when = (condition, title) => change(id, { title }, { headers: { 'If-Match': condition } });
	for (const condition of ['"2"', 'W/"1"', '"x"', 'nonsense', '"2", "3"', '""'])
		assertProblem(await when(condition, 'No'), 412, 'precondition-failed');
	assertStatus(await when(tag, 'Two'), 200);
	assertProblem(await when(tag, 'No'), 412, 'precondition-failed');
	assertStatus(await when('"9", "2"', 'Three'), 200);
	assertStatus(await when('*', 'Four'), 200);
	assertProblem(await change(id, { title: 'No', version: 3 }), 412, 'precondition-failed');
	assertStatus(await change(id, { title: 'Five', version: 4 }), 200);
	assert.equal((await get(`/events/${id}`)).body.title, 'Five');
});

test('of ten who change one version at once, one does', async () => {
	const { event_id: id } = await event(olga);
	const answers = await Promise.all(Array.from({ length: 10 }, (_, i) =>
		change(id, { title: `Title ${i}` }, { headers: { 'If-Match': '"1"' } })));
	assert.equal(answers.filter((a) => a.status === 200).length, 1);
	for (const lost of answers.filter((a) => a.status !== 200))
		assertProblem(lost, 412, 'precondition-failed');
});

test('capacity never falls below what is taken', async () => {
	const { event_id: id } = await event(olga);
	await confirmed(bob, id, 3);
	await held(bob, id, 2);
	const resize = (capacity) => change(id, { sections: [{ section_id: 'Floor', capacity }] });
	const refused = assertProblem(await resize(4), 409, 'capacity-in-use');
	assert.equal(refused.section_id, 'Floor');
	assert.equal(refused.taken, 5);
	assertStatus(await resize(5), 200);
	assertProblem(await hold(bob, { event_id: id, section_id: 'Floor', seats_requested: 1 }), 409,
		'sold-out');
	assertStatus(await resize(6), 200);
	await held(bob, id, 1);
	assert.deepEqual((await places(id)).Floor, { available: 0, held: 3, sold: 3 });
});

test('a seat that is taken stays; others go out of sale and come back', async () => {
	const { event_id: id } = await event(olga);
	await held(bob, id, ['VIP-A-2']);
	const rows = (a) => ({ sections: [{ section_id: 'VIP',
		rows: [{ row: 'A', seats: a }, { row: 'B', seats: ['B1', 'B2', 'B3', 'B4'] }] }] });
	assert.deepEqual(assertProblem(await change(id, rows(1)), 409, 'capacity-in-use').seat_ids,
		['VIP-A-2']);
	assertStatus(await change(id, rows(2)), 200);
	assert.deepEqual((await places(id)).VIP, { available: 5, held: 1, sold: 0 });
	assert.match((await get(`/events/${id}/seatmap/status`)).body.status, /^ahx{8}aaaa$/);
	assertProblem(await hold(bob, { event_id: id, seat_ids: ['VIP-A-3'] }), 409, 'seats-unavailable');
	assertStatus(await change(id, rows(3)), 200);
	await held(bob, id, ['VIP-A-3']);
	assert.deepEqual((await places(id)).VIP, { available: 5, held: 2, sold: 0 });
});

test('the status of an event moves as it may', async () => {
	const ways = { draft: ['on_sale', 'cancelled'], on_sale: ['closed', 'cancelled'],
		closed: ['on_sale', 'cancelled'], cancelled: [] };
	const all = Object.keys(ways);
	for (const from of all) {
		for (const to of all.filter((s) => s !== from)) {
			const { event_id: id } = await event(olga, { status: from });
			const answer = await change(id, { status: to });
			if (ways[from].includes(to)) assertStatus(answer, 200);
			else assertProblem(answer, 409, 'wrong-state');
		}
	}
});

test('a draft is seen by its makers alone', async () => {
	const { event_id: id } = await event(olga, { status: 'draft' });
	for (const below of ['', '/availability', '/seats', '/seatmap', '/seatmap/status']) {
		assertProblem(await get(`/events/${id}${below}`), 404, 'not-found');
		for (const who of [bob, other])
			assertProblem(await get(`/events/${id}${below}`, { token: who.token }), 404, 'not-found');
		for (const who of [olga, admin]) {
			const answer = assertStatus(await get(`/events/${id}${below}`, { token: who.token }), 200);
			assert.doesNotMatch(answer.headers['cache-control'], /public/);
		}
	}
});

test('a live hold keeps its price; a new one has the new price', async () => {
	const { event_id: id } = await event(olga);
	const old = await held(bob, id, 1);
	assertStatus(await change(id, { sections: [{ section_id: 'Floor', base_price: 800 }] }), 200);
	assert.equal((await held(bob, id, 1)).total, 800);
	assert.equal((await move(bob, old, 'confirm')).body.total, 500);
});

test('an event starts from a layout of a venue', async () => {
	const layout = { name: 'Small', sections: [{ name: 'S', rows: [{ row: 'A', seats: 3 }] }] };
	const body = { name: 'The hall', address: 'Ring 1', timezone: 'Europe/Vienna', layouts: [layout] };
	const made = assertStatus(await post('/admin/venues', body, { token: olga.token }), 201);
	const id = made.body.venue_id;
	assert.equal(made.headers.location, `/api/v1/admin/venues/${id}`);
	assert.equal(made.body.name, 'The hall');
	assert.equal(made.body.layouts[0].name, 'Small');
	const here = await event(olga, { venue_id: id, layout: 'Small', sections: undefined,
		event_date: `${nextYear}-07-01` });
	assert.equal(here.timezone, 'Europe/Vienna');
	assert.equal(here.event_date, `${nextYear}-06-30T22:00:00Z`);
	assert.deepEqual(here.venue,
		{ venue_id: id, name: 'The hall', address: 'Ring 1', timezone: 'Europe/Vienna' });
	assert.equal(here.sections[0].capacity, 3);
	assertInvalid(await create(eventBody({ venue_id: id, layout: 'Large', sections: undefined })),
		'/layout');
	assertInvalid(await create(eventBody({ venue_id: id, layout: 'Small' })), '/layout');
	assertProblem(await create(eventBody({ venue_id: id }), { token: other.token }), 404, 'not-found');
	const found = assertStatus(await get(`/events?venue_id=${id}`), 200).body.items;
	assert.deepEqual(found.map((e) => e.event_id), [here.event_id]);
});

test('venues are listed to those whose they are', async () => {
	const mine = await staff();
	const ids = [];
	for (let i = 0; i < 5; i++) {
		const answer = await post('/admin/venues', { name: `Hall ${i}` }, { token: mine.token });
		ids.push(assertStatus(answer, 201).body.venue_id);
	}
	const seen = [];
	for await (const page of pages('/admin/venues?limit=2', { token: mine.token }))
		seen.push(...page.map((v) => v.venue_id));
	assert.deepEqual(seen, ids);
	const everything = [];
	for await (const page of pages('/admin/venues?limit=100', { token: admin.token }))
		everything.push(...page.map((v) => v.venue_id));
	for (const id of ids) assert.ok(everything.includes(id));
	assertProblem(await get('/admin/venues', { token: bob.token }), 403, 'forbidden');
	assertProblem(await get('/admin/venues'), 401, 'unauthenticated');
	assertInvalid(await get('/admin/venues?cursor=nonsense', { token: mine.token }), '/cursor');
	for (const [body, ...pointers] of [[{}, '/name'], [{ name: 'x', timezone: 'Nowhere' }, '/timezone'],
		[{ name: 'x', layouts: [{ name: 'a', sections: [] }] }, '/layouts/0/sections'],
		[{ name: 'x', size: 3 }, '/size']])
		assertInvalid(await post('/admin/venues', body, { token: mine.token }), ...pointers);
});

test('a key makes one event, and its answer comes again byte for byte', async () => {
	for (const [where, body] of [['/admin/events', eventBody()], ['/admin/venues', { name: 'Once' }]]) {
		const key = freshKey();
		const first = assertStatus(await post(where, body, { token: olga.token, key }), 201);
		const again = assertStatus(await post(where, body, { token: olga.token, key }), 201);
		assert.equal(again.text, first.text);
		assert.equal(again.headers.location, first.headers.location);
		assert.equal(first.headers['idempotent-replayed'], undefined);
		assert.equal(again.headers['idempotent-replayed'], 'true');
		const changed = { ...body, [where.endsWith('events') ? 'title' : 'name']: 'Twice' };
		assertProblem(await post(where, changed, { token: olga.token, key }), 422,
			'idempotency-key-reused');
		const theirs = assertStatus(await post(where, body, { token: other.token, key }), 201);
		assert.notEqual(theirs.text, first.text);
	}
});

test('whoever was of the staff and is not any more makes nothing', async () => {
	const former = await staff();
	stack.program('user', ['role', '--email', former.email, '--role', 'user']);
	assertProblem(await create(eventBody(), { token: former.token }), 403, 'forbidden');
	assertProblem(await post('/admin/venues', { name: 'x' }, { token: former.token }), 403, 'forbidden');
});
