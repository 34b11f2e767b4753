// What staff make and change: venues, events, their sections and seats; and what is refused.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, call: send, freshKey } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

const call = (method, where, body, options) => send(method, where, { body, ...options });
const pointers = (answer) => answer.body.errors.map((e) => e.pointer).sort();
const unique = (prefix) => prefix + freshKey();
const account = async (role) => (await (role === 'user' ? world.buyer() : world.staff(role))).token;

let organizer, other, admin, buyer;

after(stack.verify);
before(async () => {
	[organizer, other, admin, buyer] = await Promise.all(
		['organizer', 'organizer', 'admin', 'user'].map(account));
});

const soon = (days) => new Date(Date.now() + days * 86400000).toISOString().slice(0, 10);
const floor = { name: 'Floor', capacity: 50, base_price: 1500 };
const stalls = { name: 'Stalls', rows: [{ row: 'A', seats: 3 }, { row: 'B', seats: ['B2', 'B1'], price: 900 }], base_price: 2000 };
const plan = (more) => ({ title: unique('Event '), event_date: `${soon(30)}T19:00:00Z`, sections: [floor], ...more });

const create = (body, options) => call('POST', '/admin/events', body, { token: organizer, ...options });
const update = (id, body, options) => call('PUT', `/admin/events/${id}`, body, { token: organizer, ...options });

async function made(more) {
	const answer = await create(plan(more));
	assert.equal(answer.status, 201, answer.text);
	return answer.body;
}

async function seatsOf(id) {
	const answer = await call('GET', `/events/${id}/seats`);
	assert.equal(answer.status, 200, answer.text);
	return answer.body.items;
}

async function hold(body) {
	const answer = await call('POST', '/bookings/hold', body, { token: buyer });
	assert.equal(answer.status, 201, answer.text);
	return answer.body;
}

test('an event has the defaults that the contract says', async () => {
	const answer = await create(plan());
	assert.equal(answer.status, 201, answer.text);
	const event = answer.body;
	assert.equal(answer.headers.location, `/api/v1/events/${event.event_id}`);
	assert.equal(answer.headers.etag, '"1"');
	assert.equal(typeof event.event_id, 'string');
	assert.equal(event.status, 'on_sale');
	assert.equal(event.payment, 'none');
	assert.equal(event.queue, 'off');
	assert.equal(event.timezone, 'UTC');
	assert.equal(event.sales_end, event.event_date);
	assert.ok(Math.abs(Date.parse(event.sales_start) - Date.now()) < 60000);
	assert.equal(event.currency, 'EUR');
	assert.equal(event.hold_seconds, 600);
	assert.equal(event.max_seats_per_booking, 10);
	assert.equal(event.max_seats_per_user, null);
	assert.equal(event.venue, null);
	assert.deepEqual(event.refund_policy, []);
	assert.deepEqual(event.sections, [{ section_id: 'Floor', ticket_type_id: `${event.event_id}:Floor`,
		name: 'Floor', kind: 'ga', capacity: 50, base_price: 1500, price: 1500, available: 50 }]);
	const read = await call('GET', `/events/${event.event_id}`);
	assert.deepEqual(read.body, event);
});

test('the other path makes events too', async () => {
	assert.equal((await call('POST', '/events', plan(), { token: organizer })).status, 201);
});

test('what is given stands', async () => {
	const event = await made({ description: 'Two\nlines', timezone: 'Europe/Berlin', event_date: '2099-07-01',
		sales_start: '2098-01-01', sales_end: '2099-06-30T12:00:00+02:00', currency: 'CHF', hold_seconds: 5,
		max_seats_per_booking: 4, max_seats_per_user: 8, status: 'draft',
		refund_policy: [{ until: '2099-01-01', percent: 50, fee: 100 }] });
	assert.equal(event.event_date, '2099-06-30T22:00:00Z', 'local midnight');
	assert.equal(event.sales_start, '2097-12-31T23:00:00Z');
	assert.equal(event.sales_end, '2099-06-30T10:00:00Z');
	assert.equal(event.currency, 'CHF');
	assert.deepEqual([event.hold_seconds, event.max_seats_per_booking, event.max_seats_per_user], [5, 4, 8]);
	assert.equal(event.description, 'Two\nlines');
	assert.deepEqual(event.refund_policy, [{ fee: 100, until: '2099-01-01', percent: 50 }]);
});

test('rows become seats with ids, in layout order', async () => {
	const event = await made({ sections: [stalls, floor] });
	assert.deepEqual(event.sections.map((s) => [s.section_id, s.kind, s.capacity, s.available]),
		[['Stalls', 'seated', 5, 5], ['Floor', 'ga', 50, 50]]);
	const seats = await seatsOf(event.event_id);
	assert.deepEqual(seats.map((s) => [s.seat_id, s.section_id, s.row, s.number, s.price]), [
		['Stalls-A-1', 'Stalls', 'A', '1', 2000], ['Stalls-A-2', 'Stalls', 'A', '2', 2000],
		['Stalls-A-3', 'Stalls', 'A', '3', 2000], ['B2', 'Stalls', 'B', 'B2', 900], ['B1', 'Stalls', 'B', 'B1', 900]]);
});

test('a section is named after its name, in letters that an id may have', async () => {
	const event = await made({ sections: [{ name: 'Öst/Nord (1)', capacity: 1 }] });
	assert.equal(event.sections[0].section_id, '-st-Nord--1-');
	assert.equal(event.sections[0].base_price, 0);
});

test('a venue lends its layouts and its time zone', async () => {
	const venue = await call('POST', '/admin/venues', { name: 'Hall', address: 'Here', timezone: 'Asia/Tokyo',
		layouts: [{ name: 'small', sections: [floor] }, { name: 'big', sections: [stalls, floor] }] }, { token: organizer });
	assert.equal(venue.status, 201, venue.text);
	const id = venue.body.venue_id;
	const answer = await create({ title: 'At the hall', event_date: '2099-01-01', venue_id: id, layout: 'big' });
	assert.equal(answer.status, 201, answer.text);
	assert.deepEqual(answer.body.venue, { venue_id: id, name: 'Hall', address: 'Here', timezone: 'Asia/Tokyo' });
	assert.equal(answer.body.timezone, 'Asia/Tokyo');
	assert.equal(answer.body.event_date, '2098-12-31T15:00:00Z');
	assert.equal(answer.body.sections.length, 2);
	const found = await call('GET', `/events?venue_id=${id}`);
	assert.deepEqual(found.body.items.map((e) => e.event_id), [answer.body.event_id]);
	const unknown = await create({ title: 'x', event_date: '2099-01-01', venue_id: id, layout: 'huge' });
	assertProblem(unknown, 422, 'invalid');
	assert.deepEqual(pointers(unknown), ['/layout']);
	const foreign = { title: 'x', event_date: '2099-01-01', venue_id: id, layout: 'big' };
	assertProblem(await create(foreign, { token: other }), 404, 'not-found');
	assert.equal((await create(foreign, { token: admin })).status, 201);
});

test('a venue whose words are more than a line is none', async () => {
	for (const [change, pointer] of [[{ name: 'a\nb' }, '/name'], [{ name: '\u007f' }, '/name'],
		[{ timezone: 'UTC\r' }, '/timezone'], [{ timezone: 'Nowhere/At_all' }, '/timezone']]) {
		const answer = await call('POST', '/admin/venues', { name: 'Hall', ...change }, { token: organizer });
		assertProblem(answer, 422, 'invalid');
		assert.deepEqual(pointers(answer), [pointer]);
	}
});

test('everybody lists their own venues, admins all', async () => {
	const names = [];
	for (let i = 0; i < 3; i++) {
		names.push(unique('Venue '));
		const made_ = await call('POST', '/admin/venues', { name: names[i] }, { token: other });
		assert.equal(made_.status, 201, made_.text);
		assert.equal(made_.body.timezone, 'UTC');
	}
	const first = await call('GET', '/admin/venues?limit=2', undefined, { token: other });
	assert.deepEqual(first.body.items.map((v) => v.name), names.slice(0, 2));
	assert.match(first.headers.link, /^<\/api\/v1\/admin\/venues\?limit=2&cursor=[\w-]+>; rel="next"$/);
	const rest = await call('GET', `/admin/venues?limit=2&cursor=${first.body.next_cursor}`, undefined, { token: other });
	assert.deepEqual(rest.body.items.map((v) => v.name), names.slice(2));
	assert.equal(rest.body.next_cursor, null);
	const mine = await call('GET', '/admin/venues?limit=100', undefined, { token: organizer });
	assert.ok(mine.body.items.every((v) => !names.includes(v.name)));
	assertProblem(await call('GET', '/admin/venues?cursor=x', undefined, { token: other }), 422, 'invalid');
});

test('staff alone may call', async () => {
	for (const [method, where] of [['POST', '/admin/events'], ['POST', '/events'], ['PUT', '/admin/events/1'],
		['POST', '/admin/venues'], ['GET', '/admin/venues']]) {
		const body = method === 'GET' ? undefined : {};
		assertProblem(await call(method, where, body), 401, 'unauthenticated');
		assertProblem(await call(method, where, body, { token: buyer }), 403, 'forbidden');
	}
});

// A layout of so many rows of a thousand seats.
const rowsOf = (count) => ({ name: freshKey(),
	sections: [{ name: 'a', rows: Array.from({ length: count }, (_, i) => ({ row: `${i}`, seats: 1000 })) }] });

test('each mistake is pointed at', async () => {
	const cases = [
		[{ title: undefined }, ['/title']],
		[{ title: '' }, ['/title']],
		[{ title: 'x'.repeat(201) }, ['/title']],
		[{ title: 'two\nlines' }, ['/title']],
		[{ event_date: undefined }, ['/event_date']],
		[{ event_date: 'tomorrow' }, ['/event_date']],
		[{ event_date: '2099-02-30' }, ['/event_date']],
		[{ event_date: '9999-01-01' }, ['/event_date']],
		[{ event_date: '0001-01-01' }, ['/event_date']],
		[{ sales_start: '2099-01-02', sales_end: '2099-01-01' }, ['/sales_start']],
		[{ timezone: 'Mars/Olympus' }, ['/timezone']],
		[{ timezone: 'CEST-2' }, ['/timezone']],
		[{ currency: 'eur' }, ['/currency']],
		[{ hold_seconds: 0 }, ['/hold_seconds']],
		[{ hold_seconds: 1.5 }, ['/hold_seconds']],
		[{ max_seats_per_booking: 501 }, ['/max_seats_per_booking']],
		[{ max_seats_per_user: -1 }, ['/max_seats_per_user']],
		[{ status: 'open' }, ['/status']],
		[{ payment: 'stripe' }, ['/payment']],
		[{ queue: 'maybe' }, ['/queue']],
		[{ refund_policy: [{ until: 'x', percent: 101 }] }, ['/refund_policy/0/percent']],
		[{ titel: 'x', organizer_id: 'x' }, ['/organizer_id', '/titel']],
		[{ layout: 'big' }, ['/layout', '/layout']],
		[{ sections: undefined }, ['/sections']],
		[{ sections: [] }, ['/sections']],
		[{ sections: 'all' }, ['/sections']],
		[{ sections: [{ name: 'a' }] }, ['/sections/0/capacity']],
		[{ sections: [{ name: 'a', capacity: 0 }] }, ['/sections/0/capacity']],
		[{ sections: [{ name: 'a', capacity: 1e6 + 1 }] }, ['/sections/0/capacity']],
		[{ sections: [{ name: 'a', capacity: 5, base_price: -1 }] }, ['/sections/0/base_price']],
		[{ sections: [{ name: 'a b', capacity: 1 }, { name: 'a/b', capacity: 1 }] }, ['/sections/1/section_id']],
		[{ sections: [{ name: 'a', section_id: 'a b', capacity: 1 }] }, ['/sections/0/section_id']],
		[{ sections: [{ name: 'a', kind: 'ga', rows: [{ row: 'A', seats: 1 }] }] }, ['/sections/0/rows']],
		[{ sections: [{ name: 'a', kind: 'seated', capacity: 3 }] }, ['/sections/0/rows']],
		[{ sections: [{ name: 'a', kind: 'standing', capacity: 3 }] }, ['/sections/0/kind']],
		[{ sections: [{ name: 'a', rows: [] }] }, ['/sections/0/rows']],
		[{ sections: [{ name: 'a', rows: [{ row: 'A', seats: 0 }] }] }, ['/sections/0/rows/0/seats']],
		[{ sections: [{ name: 'a', rows: [{ row: 'A', seats: 1001 }] }] }, ['/sections/0/rows/0/seats']],
		[{ sections: [{ name: 'a', rows: [{ row: 'A', seats: ['x', 'x'] }] }] }, ['/sections/0/rows/0/seats']],
		[{ sections: [{ name: 'a', rows: [{ row: 'A', seats: ['x', ''] }] }] }, ['/sections/0/rows/0/seats/1']],
		[{ sections: [{ name: 'a', rows: [{ row: 'A', seats: 1 }, { row: 'A', seats: 2 }] }] }, ['/sections/0/rows/1/row']],
		[{ sections: [{ name: 'a', capacity: 4, rows: [{ row: 'A', seats: 3 }] }] }, ['/sections/0/capacity']],
		[{ sections: [{ name: 'a', rows: [{ row: 'b-1', seats: 1 }] }, { name: 'a-b', rows: [{ row: '1', seats: 1 }] }] },
			['/sections/1/rows/0/seats']],
		[{ sections: Array.from({ length: 201 }, (_, i) => ({ name: `s${i}`, capacity: 1 })) }, ['/sections']],
		[{ sections: [{ name: 'a', rows: Array.from({ length: 101 }, (_, i) => ({ row: `${i}`, seats: 1000 })) }] }, ['/sections']],
	];
	for (const [more, expected] of cases) {
		const answer = await create(plan(more));
		assertProblem(answer, 422, 'invalid');
		assert.deepEqual(pointers(answer), expected, JSON.stringify(more).slice(0, 200));
	}
	for (const [venue, expected] of [
		[{}, ['/name']],
		[{ name: 'x', timezone: 'Nowhere' }, ['/timezone']],
		[{ name: 'x', city: 'y' }, ['/city']],
		[{ name: 'x', layouts: [{ name: 'l', sections: [{ name: 'a' }] }] }, ['/layouts/0/sections/0/capacity']],
		[{ name: 'x', layouts: [{ name: 'l', sections: [floor] }, { name: 'l', sections: [floor] }] }, ['/layouts/1/name']],
		[{ name: 'x', layouts: [{ name: 'l', sections: [{ name: 'a', rows: [{ row: 'A', seats: ['1', '1'] }] }] }] },
			['/layouts/0/sections/0/rows/0/seats']],
		[{ name: 'x', layouts: [rowsOf(50), rowsOf(50), rowsOf(1)] }, ['/layouts/2/sections']],
	]) {
		const answer = await call('POST', '/admin/venues', venue, { token: organizer });
		assertProblem(answer, 422, 'invalid');
		assert.deepEqual(pointers(answer), expected);
	}
	assertProblem(await create(plan({ venue_id: '999999999' })), 404, 'not-found');
	assertProblem(await create(plan({ venue_id: 'x' })), 404, 'not-found');
});

test('fifty thousand seats in one call', async () => {
	const rows = Array.from({ length: 100 }, (_, i) => ({ row: `${i}`, seats: 500 }));
	const event = await made({ sections: [{ name: 'S', rows }] });
	assert.equal(event.sections[0].capacity, 50000);
	const status = await call('GET', `/events/${event.event_id}/seatmap/status`);
	assert.equal(status.body.seats, 50000);
	assert.ok(status.text.length <= 50300);
});

test('one key makes one event', async () => {
	const key = unique('key-');
	const body = plan();
	const first = await create(body, { key });
	assert.equal(first.status, 201);
	assert.equal(first.headers['idempotent-replayed'], undefined);
	const again = await create(body, { key });
	assert.equal(again.status, 201);
	assert.equal(again.text, first.text);
	assert.equal(again.headers['idempotent-replayed'], 'true');
	assert.equal(again.headers.location, first.headers.location);
	assertProblem(await create({ ...body, title: 'Another' }, { key }), 422, 'idempotency-key-reused');
	const elsewhere = await create(body, { key, token: other });
	assert.equal(elsewhere.status, 201);
	assert.notEqual(elsewhere.body.event_id, first.body.event_id);
	const many = await Promise.all(Array.from({ length: 8 }, () => create(plan({ title: 'Many' }), { key: `${key}2` })));
	const ids = new Set(many.filter((a) => a.status === 201).map((a) => a.body.event_id));
	assert.equal(ids.size, 1);
	assert.ok(many.every((a) => a.status === 201 || a.body.type === '/problems/idempotency-in-flight'));
	const venueKey = { key: unique('key-'), token: organizer };
	const venue = await call('POST', '/admin/venues', { name: 'Once' }, venueKey);
	assert.equal((await call('POST', '/admin/venues', { name: 'Once' }, venueKey)).text, venue.text);
});

test('a change touches what is given alone, and moves the version', async () => {
	const event = await made({ description: 'old', hold_seconds: 30 });
	const answer = await update(event.event_id, { title: 'New title' });
	assert.equal(answer.status, 200, answer.text);
	assert.equal(answer.headers.etag, '"2"');
	assert.deepEqual(answer.body, { ...event, title: 'New title', version: 2 });
	const back = await update(event.event_id, { hold_seconds: null, max_seats_per_user: 3 });
	assert.equal(back.body.hold_seconds, 600, 'null takes it back to the default');
	assert.equal(back.body.max_seats_per_user, 3);
	const later = await update(event.event_id, { event_date: `${soon(60)}T19:00:00Z` });
	assert.equal(later.body.sales_end, `${soon(60)}T19:00:00Z`, 'sales go on ending with the event');
	assert.deepEqual((await call('GET', `/events/${event.event_id}`)).body, later.body);
});

test('a change is of the version that was read', async () => {
	const event = await made();
	const id = event.event_id;
	const etag = (await call('GET', `/events/${id}`)).headers.etag;
	const match = (tag) => ({ headers: { 'If-Match': tag } });
	assert.equal((await update(id, { title: 'v2' }, match(etag))).status, 200);
	assertProblem(await update(id, { title: 'v3' }, match(etag)), 412, 'precondition-failed');
	for (const tag of ['"1"', 'W/"1"', '2', '"x"', '"2x"', 'W/2', ''])
		assertProblem(await update(id, { title: 'v3' }, match(tag)), 412, 'precondition-failed');
	assertProblem(await update(id, { title: 'v3', version: 1 }), 412, 'precondition-failed');
	assertProblem(await update(id, { title: 'v3', version: 2 }, match('"1"')), 412, 'precondition-failed');
	assert.equal((await update(id, { title: 'v3', version: 2 }, match('"1", "2"'))).status, 200);
	assert.equal((await update(id, { title: 'v4' }, match('*'))).body.version, 4);
	assert.equal((await call('GET', `/events/${id}`)).body.title, 'v4');
});

test('what was read compressed is changed all the same', async () => {
	const { event_id: id } = await made({ description: 'long '.repeat(600) });
	for (const title of ['one', 'two']) {
		const answer = await call('GET', `/events/${id}`, undefined, { headers: { 'Accept-Encoding': 'gzip' } });
		assert.match(answer.headers.etag, /^W\/"/, 'nginx makes the tag of what it compresses weak');
		assert.equal((await update(id, { title }, { headers: { 'If-Match': answer.headers.etag } })).status, 200);
		assertProblem(await update(id, { title }, { headers: { 'If-Match': answer.headers.etag } }), 412,
			'precondition-failed');
	}
});

test('others do not change an event, admins do', async () => {
	const event = await made();
	assertProblem(await update(event.event_id, { title: 'x' }, { token: other }), 404, 'not-found');
	assert.equal((await update(event.event_id, { title: 'x' }, { token: admin })).status, 200);
	for (const id of ['999999999', '0', 'x', '1x', '-1', '99999999999999999999'])
		assertProblem(await update(id, { title: 'x' }), 404, 'not-found');
});

test('an event moves between its states as the contract says', async () => {
	const event = await made({ status: 'draft' });
	const id = event.event_id;
	assertProblem(await call('GET', `/events/${id}`), 404, 'not-found');
	assert.equal((await call('GET', `/events/${id}`, undefined, { token: organizer })).body.status, 'draft');
	assertProblem(await update(id, { status: 'closed' }), 409, 'wrong-state');
	for (const status of ['on_sale', 'closed', 'on_sale', 'cancelled'])
		assert.equal((await update(id, { status })).body.status, status);
	const stuck = await update(id, { status: 'on_sale' });
	assertProblem(stuck, 409, 'wrong-state');
	assert.equal(stuck.body.current_status, 'cancelled');
	assert.equal((await call('GET', `/events/${id}`)).body.status, 'cancelled');
});

test('mistakes in a change are pointed at', async () => {
	const event = await made({ sections: [stalls, floor] });
	const change = (sections) => ({ sections });
	for (const [body, expected] of [
		[{ title: '' }, ['/title']],
		[{ layout: 'x' }, ['/layout']],
		[{ currency: 'USD' }, ['/currency']],
		[{ sales_start: '2199-01-01' }, ['/sales_start']],
		[change([{ capacity: 1 }]), ['/sections/0/section_id']],
		[change([{ section_id: 'Floor', kind: 'seated', rows: [{ row: 'A', seats: 1 }] }]), ['/sections/0/rows']],
		[change([{ section_id: 'Stalls', kind: 'ga' }]), ['/sections/0/kind']],
		[change([{ section_id: 'Stalls', capacity: 7 }]), ['/sections/0/capacity']],
		[change([{ section_id: 'New' }]), ['/sections/0/name']],
		[change([{ name: 'New' }]), ['/sections/0/capacity']],
		[change([{ name: 'New', kind: 'seated' }]), ['/sections/0/rows']],
		[change([{ name: 'New', rows: [{ row: 'A', seats: ['B1'] }] }]), ['/sections/0/rows/0/seats']],
		[change([{ section_id: 'Floor', capacity: -1 }]), ['/sections/0/capacity']],
		[change([{ section_id: 'Floor', available: 1 }]), ['/sections/0/available']],
	]) {
		const answer = await update(event.event_id, body);
		assertProblem(answer, 422, 'invalid');
		assert.deepEqual(pointers(answer), expected, JSON.stringify(body));
	}
	assert.deepEqual((await call('GET', `/events/${event.event_id}`)).body, event, 'and nothing has changed');
});

test('prices follow the base price until something moves them', async () => {
	const event = await made();
	const prices = async (section) =>
		(await update(event.event_id, { sections: [{ section_id: 'Floor', ...section }] })).body.sections[0];
	const { base_price, price } = await prices({ base_price: 1800 });
	assert.deepEqual([base_price, price], [1800, 1800]);
	assert.equal((await prices({ price: 2500 })).price, 2500);
	assert.equal((await prices({ base_price: 1900 })).price, 2500);
	assert.equal((await prices({ name: 'The floor' })).name, 'The floor');
});

test('the capacity of a section never falls below what is taken', async () => {
	const event = await made();
	const id = event.event_id;
	const to = (capacity) => update(id, { sections: [{ section_id: 'Floor', capacity }] });
	const booking = await hold({ event_id: id, section_id: 'Floor', seats_requested: 6 });
	const refused = await to(5);
	assertProblem(refused, 409, 'capacity-in-use');
	assert.deepEqual([refused.body.section_id, refused.body.taken, refused.body.requested], ['Floor', 6, 5]);
	assert.equal((await to(6)).body.sections[0].available, 0);
	assertProblem(await call('POST', '/bookings/hold', { event_id: id, section_id: 'Floor', seats_requested: 1 }, { token: buyer }),
		409, 'sold-out');
	assert.equal((await to(8)).body.sections[0].available, 2);
	assert.equal((await call('POST', `/bookings/${booking.booking_id}/release`, {}, { token: buyer })).status, 200);
	assert.equal((await to(0)).body.sections[0].capacity, 0);
	const left = await call('GET', `/events/${id}/availability`);
	assert.deepEqual(left.body.sections[0], { section_id: 'Floor', capacity: 0, available: 0, held: 0, sold: 0, price: 1500 });
});

test('a capacity is free of holds whose time is over', async () => {
	const event = await made({ hold_seconds: 1 });
	const booking = await hold({ event_id: event.event_id, section_id: 'Floor', seats_requested: 6 });
	await new Promise((resolve) => { setTimeout(resolve, 1200); });
	const answer = await update(event.event_id, { sections: [{ section_id: 'Floor', capacity: 1 }] });
	assert.equal(answer.status, 200, answer.text);
	assert.equal(answer.body.sections[0].available, 1);
	const seen = await call('GET', `/bookings/${booking.booking_id}`, undefined, { token: buyer });
	assert.equal(seen.body.status, 'EXPIRED');
});

test('a layout changes seat by seat, but no taken seat goes', async () => {
	const event = await made({ sections: [stalls, floor] });
	const id = event.event_id;
	const to = (rows) => update(id, { sections: [{ section_id: 'Stalls', rows }] });
	const map = async () => (await call('GET', `/events/${id}/seatmap`));
	const status = async () => (await call('GET', `/events/${id}/seatmap/status`)).body.status;
	const tag = (await map()).headers.etag;
	await hold({ event_id: id, seat_ids: ['Stalls-A-2'] });
	assert.equal(await status(), 'ahaaa');

	const refused = await to([{ row: 'A', seats: 1 }]);
	assertProblem(refused, 409, 'capacity-in-use');
	assert.deepEqual(refused.body.seat_ids, ['Stalls-A-2']);
	assert.equal(await status(), 'ahaaa', 'nothing has changed');

	const less = await to([{ row: 'A', seats: 2 }, { row: 'C', seats: 2 }]);
	assert.equal(less.status, 200, less.text);
	assert.deepEqual([less.body.sections[0].capacity, less.body.sections[0].available], [4, 3]);
	assert.equal(await status(), 'ahxxxaa', 'gone seats keep their place, new ones come at the end');
	assert.notEqual((await map()).headers.etag, tag);
	assertProblem(await call('POST', '/bookings/hold', { event_id: id, seat_ids: ['B1'] }, { token: buyer }),
		409, 'seats-unavailable');
	const hidden = (await seatsOf(id)).filter((s) => s.status === 'not_for_sale').map((s) => s.seat_id);
	assert.deepEqual(hidden, ['Stalls-A-3', 'B2', 'B1']);

	const more = await to([{ row: 'A', seats: 3 }, { row: 'C', seats: 2, price: 5 }]);
	assert.equal(more.body.sections[0].capacity, 5);
	assert.equal(await status(), 'ahaxxaa', 'a seat that comes back is itself again');
	assert.equal((await seatsOf(id)).find((s) => s.seat_id === 'Stalls-C-1').price, 5);
	await hold({ event_id: id, seat_ids: ['Stalls-A-3', 'Stalls-C-1'] });
});

test('new sections come at the end', async () => {
	const event = await made();
	const answer = await update(event.event_id, { sections: [{ name: 'VIP', rows: [{ row: '1', seats: 2 }], base_price: 9 },
		{ name: 'Bar', capacity: 3 }] });
	assert.equal(answer.status, 200, answer.text);
	assert.deepEqual(answer.body.sections.map((s) => [s.section_id, s.kind, s.capacity, s.price]),
		[['Floor', 'ga', 50, 1500], ['VIP', 'seated', 2, 9], ['Bar', 'ga', 3, 0]]);
	await hold({ event_id: event.event_id, items: [{ seat_id: 'VIP-1-2' }, { section_id: 'Bar', quantity: 3 }] });
});

test('changes and holds at the same time leave the books right', async () => {
	const event = await made({ sections: [{ name: 'Floor', capacity: 20 }, { name: 'S', rows: [{ row: 'A', seats: 20 }] }] });
	const id = event.event_id;
	const work = [];
	for (let i = 0; i < 40; i++) {
		work.push(call('POST', '/bookings/hold', i % 2 ? { event_id: id, section_id: 'Floor', seats_requested: 1 }
			: { event_id: id, seat_ids: [`S-A-${(i % 20) + 1}`] }, { token: buyer }));
		if (i % 8 === 0)
			work.push(update(id, { sections: [{ section_id: 'Floor', capacity: 5 + i % 16 },
				{ section_id: 'S', rows: [{ row: 'A', seats: 10 + i % 11 }] }] }));
	}
	for (const answer of await Promise.all(work)) assert.ok(answer.status < 500, answer.text);
	const seen = (await call('GET', `/events/${id}/availability`)).body;
	for (const s of seen.sections) {
		assert.ok(s.available >= 0 && s.held >= 0, JSON.stringify(s));
		assert.equal(s.capacity, s.available + s.held + s.sold);
	}
});
