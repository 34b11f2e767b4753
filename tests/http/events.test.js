// What everybody reads: lists of events, details, live numbers, seats and maps.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, call: send, freshKey } = require('../lib/client.js');
const { Session } = require('../lib/crowd.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

const call = (method, where, body, options) => send(method, where, { body, ...options });
const pointers = (answer) => answer.body.errors.map((e) => e.pointer).sort();
const unique = (prefix) => prefix + freshKey();
const account = async (role) => (await (role === 'user' ? world.buyer() : world.staff(role))).token;

let organizer, buyer;
const tag = unique('tag');
const day = (n) => new Date(Date.now() + n * 86400000).toISOString().slice(0, 10);
const get = (where, options) => call('GET', where, undefined, options);

async function made(body) {
	const answer = await call('POST', '/admin/events', { title: `${tag} event`, sections: [{ name: 'Floor', capacity: 5 }],
		...body }, { token: organizer });
	assert.equal(answer.status, 201, answer.text);
	return answer.body;
}

async function hold(body) {
	const answer = await call('POST', '/bookings/hold', body, { token: buyer });
	assert.equal(answer.status, 201, answer.text);
	return answer.body;
}

after(stack.verify);
before(async () => {
	[organizer, buyer] = await Promise.all(['organizer', 'user'].map(account));
});

test('the list shows what is upcoming, soonest first, page by page', async () => {
	const days = [30, 10, 20, 10, 40];
	const ids = [];
	for (const n of days) ids.push((await made({ event_date: `${day(n)}T12:00:00Z` })).event_id);
	const expected = [1, 3, 2, 0, 4].map((i) => ids[i]);
	const past = await made({ event_date: '2020-01-01' });
	const draft = await made({ event_date: day(5), status: 'draft' });
	const cancelled = await made({ event_date: day(5), status: 'cancelled' });
	const seen = [];
	let where = `/events?q=${tag}&limit=2`;
	for (let pages = 1; where; pages++) {
		const page = await get(where);
		assert.equal(page.status, 200, page.text);
		assert.ok(page.body.items.length <= 2);
		seen.push(...page.body.items.map((e) => e.event_id));
		where = page.body.next_cursor && `/events?q=${tag}&limit=2&cursor=${page.body.next_cursor}`;
		const link = page.headers.link;
		assert.equal(link, where ? `</api/v1${where}>; rel="next"` : undefined);
		assert.ok(pages <= 3);
	}
	assert.deepEqual(seen, expected);
	for (const gone of [past, draft, cancelled]) assert.ok(!seen.includes(gone.event_id));
	for (const still of [past, cancelled]) assert.equal((await get(`/events/${still.event_id}`)).status, 200);
	assertProblem(await get(`/events/${draft.event_id}`, { anonymous: true }), 404, 'not-found');
	assertProblem(await get(`/events/${draft.event_id}`, { token: buyer }), 404, 'not-found');
	for (const part of ['', '/availability', '/seats', '/seatmap', '/seatmap/status']) {
		assertProblem(await get(`/events/${draft.event_id}${part}`, { anonymous: true }), 404, 'not-found');
		const own = await get(`/events/${draft.event_id}${part}`, { token: organizer });
		assert.equal(own.status, 200);
		assert.match(own.headers['cache-control'], /no-store/, 'what one sees is not for all');
	}
});

test('the list is searched by words, days and venue', async () => {
	const word = unique('w');
	const venue = await call('POST', '/admin/venues', { name: `Hall ${word}` }, { token: organizer });
	const body = { event_date: '2091-05-05T10:00:00Z', venue_id: venue.body.venue_id };
	const at = (await made(body)).event_id;
	const described = (await made({ event_date: '2091-05-06T23:59:59Z', description: `x 100%_${word}\\ y` })).event_id;
	const list = async (query) => {
		const answer = await get(`/events?${query}`);
		assert.equal(answer.status, 200, answer.text);
		return answer.body.items.map((e) => e.event_id);
	};
	assert.deepEqual(await list(`q=${word.toUpperCase()}`), [at, described]);
	assert.deepEqual(await list(`q=${encodeURIComponent(`100%_${word}\\`)}`), [described]);
	assert.deepEqual(await list(`q=${encodeURIComponent(`1%0%_${word}`)}`), [], 'signs of patterns are letters');
	assert.deepEqual(await list(`q=${word}&from=2091-05-06`), [described]);
	assert.deepEqual(await list(`q=${word}&to=2091-05-05`), [at], 'a day is whole');
	assert.deepEqual(await list(`q=${word}&to=2091-05-06`), [at, described]);
	assert.deepEqual(await list(`q=${word}&from=2091-05-05T12:00:00%2B02:00&to=2091-05-05T10:00:00Z`), [at]);
	assert.deepEqual(await list(`venue_id=${venue.body.venue_id}`), [at]);
	assert.deepEqual(await list('venue_id=nowhere'), []);
	assert.deepEqual(await list('venue_id=999999999'), []);
});

test('what is no query is refused', async () => {
	const { event_id: id } = await made({ event_date: day(9) });
	const first = (await get('/events?limit=1')).body.next_cursor;
	for (const [where, expected] of [
		['/events?limit=0', '/limit'], ['/events?limit=101', '/limit'], ['/events?limit=x', '/limit'],
		['/events?cursor=', '/cursor'], ['/events?cursor=AAAA', '/cursor'], [`/events?cursor=${first}A`, '/cursor'],
		[`/events?cursor=${first.slice(0, -1)}`, '/cursor'], [`/events/${id}/seats?cursor=${first}`, '/cursor'],
		[`/events?cursor=${(first[0] === 'A' ? 'B' : 'A') + first.slice(1)}`, '/cursor'],
		['/events?from=yesterday', '/from'], ['/events?to=2020-13-01', '/to'], ['/events?page=2', '/page'],
		['/events?q=%ff', '/q'], ['/events?q=a&q=b', '/q'],
		[`/events/${id}?x=1`, '/x'], [`/events/${id}/availability?x=1`, '/x'],
		[`/events/${id}/seats?section_id=None`, '/section_id'], [`/events/${id}/seats?status=free`, '/status'],
		[`/events/${id}/seats?limit=1001`, '/limit'], [`/events/${id}/seats?cursor=x`, '/cursor'],
	]) {
		const answer = await get(where);
		assertProblem(answer, 422, 'invalid');
		assert.deepEqual(pointers(answer), [expected], where);
	}
	for (const bad of ['0', '00', '01', '+1', '-1', 'x', '1e3', '999999999', '2147483648', '99999999999999999999', '%31%00'])
		for (const part of ['', '/availability', '/seats', '/seatmap', '/seatmap/status'])
			assert.ok([400, 404].includes((await get(`/events/${bad}${part}`)).status), bad + part);
});

test('availability follows every move', async () => {
	const { event_id: id } = await made({ event_date: day(9), sections: [{ name: 'Floor', capacity: 5, base_price: 700 },
		{ name: 'S', rows: [{ row: 'A', seats: 3 }], base_price: 900 }] });
	const numbers = async () => {
		const answer = await get(`/events/${id}/availability`);
		assert.equal(answer.status, 200, answer.text);
		assert.equal(answer.body.event_id, id);
		assert.ok(Math.abs(Date.parse(answer.body.as_of) - Date.now()) < 5000);
		for (const s of answer.body.sections) assert.equal(s.capacity, s.available + s.held + s.sold);
		return [answer.body, answer.body.sections.map((s) => [s.section_id, s.available, s.held, s.sold, s.price])];
	};
	assert.deepEqual((await numbers())[1], [['Floor', 5, 0, 0, 700], ['S', 3, 0, 0, 900]]);
	const booking = await hold({ event_id: id, items: [{ section_id: 'Floor', quantity: 2 }, { seat_id: 'S-A-2' }] });
	const [held, heldNumbers] = await numbers();
	assert.deepEqual(heldNumbers, [['Floor', 3, 2, 0, 700], ['S', 2, 1, 0, 900]]);
	assert.equal((await call('POST', `/bookings/${booking.booking_id}/confirm`, {}, { token: buyer })).status, 200);
	const [sold, soldNumbers] = await numbers();
	assert.deepEqual(soldNumbers, [['Floor', 3, 0, 2, 700], ['S', 2, 0, 1, 900]]);
	assert.ok(sold.version > held.version);
	assert.deepEqual((await get(`/events/${id}`)).body.sections.map((s) => s.available), [3, 2]);
	const listed = (await get(`/events?q=${tag}&limit=100`)).body.items.find((e) => e.event_id === id);
	assert.deepEqual(listed.sections.map((s) => s.available), [3, 2]);
	assert.equal((await call('POST', `/bookings/${booking.booking_id}/cancel`, {}, { token: buyer })).status, 200);
	assert.deepEqual((await numbers())[1], [['Floor', 5, 0, 0, 700], ['S', 3, 0, 0, 900]]);
});

test('a hold whose time is over counts as available at once', async () => {
	const { event_id: id } = await made({ event_date: day(9), hold_seconds: 1,
		sections: [{ name: 'Floor', capacity: 5 }, { name: 'S', rows: [{ row: 'A', seats: 2 }] }] });
	await hold({ event_id: id, items: [{ section_id: 'Floor', quantity: 2 }, { seat_id: 'S-A-2' }] });
	await new Promise((resolve) => { setTimeout(resolve, 1300); });
	const { sections } = (await get(`/events/${id}/availability`)).body;
	assert.deepEqual(sections.map((s) => [s.available, s.held]), [[5, 0], [2, 0]]);
	assert.equal((await get(`/events/${id}/seatmap/status`)).body.status, 'aa');
});

test('seats come in layout order, by section, status and page', async () => {
	const { event_id: id } = await made({ event_date: day(9), sections: [
		{ name: 'B', rows: [{ row: '2', seats: 3 }, { row: '1', seats: 2 }], base_price: 5 },
		{ name: 'A', rows: [{ row: 'x', seats: 2 }] }] });
	await hold({ event_id: id, seat_ids: ['B-2-2', 'A-x-1'] });
	const list = async (query) => {
		const answer = await get(`/events/${id}/seats${query}`);
		assert.equal(answer.status, 200, answer.text);
		return answer.body;
	};
	const all = (await list('')).items;
	assert.deepEqual(all.map((s) => s.seat_id), ['B-2-1', 'B-2-2', 'B-2-3', 'B-1-1', 'B-1-2', 'A-x-1', 'A-x-2']);
	assert.deepEqual(all[1], { seat_id: 'B-2-2', section_id: 'B', section: 'B', row: '2', number: '2', status: 'held', price: 5 });
	const ids = async (query) => (await list(query)).items.map((s) => s.seat_id);
	assert.deepEqual(await ids('?status=held'), ['B-2-2', 'A-x-1']);
	assert.deepEqual(await ids('?status=available&section_id=A'), ['A-x-2']);
	assert.deepEqual(await ids('?status=booked'), []);
	const seen = [];
	for (let cursor = ''; cursor !== null;) {
		const page = await list(`?status=available&limit=2${cursor && `&cursor=${cursor}`}`);
		seen.push(...page.items.map((s) => s.seat_id));
		cursor = page.next_cursor;
	}
	assert.deepEqual(seen, ['B-2-1', 'B-2-3', 'B-1-1', 'B-1-2', 'A-x-2']);
	assert.deepEqual((await list('?section_id=A')).next_cursor, null);
});

test('the map tells where each letter of the status string belongs', async () => {
	const { event_id: id } = await made({ event_date: day(9), sections: [
		{ name: 'B', rows: [{ row: '2', seats: 2 }, { row: '1', seats: 2 }] }, { name: 'Floor', capacity: 3 }] });
	await hold({ event_id: id, seat_ids: ['B-1-1'] });
	const map = (await get(`/events/${id}/seatmap`)).body;
	const status = await get(`/events/${id}/seatmap/status`);
	assert.equal(status.body.seats, 4);
	assert.equal(status.body.status.length, 4);
	assert.ok(status.text.length <= 4 + 300);
	assert.equal(status.body.layout_version, map.layout_version);
	assert.deepEqual(map.sections.map((s) => [s.section_id, s.rows.map((r) => [r.row, r.seats.length])]),
		[['B', [['2', 2], ['1', 2]]], ['Floor', []]]);
	const seats = map.sections[0].rows.flatMap((r) => r.seats);
	for (const seat of seats)
		assert.equal(status.body.status[seat.position], seat.seat_id === 'B-1-1' ? 'h' : 'a');
	assert.equal(new Set(seats.map((s) => `${s.x},${s.y}`)).size, 4, 'no two seats in one place');
});

test('answers are tagged, and not sent again unchanged', async () => {
	const { event_id: id } = await made({ event_date: day(9), sections: [{ name: 'S', rows: [{ row: 'A', seats: 2 }] }] });
	const places = ['', '/availability', '/seats', '/seatmap', '/seatmap/status'].map((part) => `/events/${id}${part}`);
	const tags = new Map();
	for (const where of [...places, `/events?q=${tag}&limit=100`]) {
		const first = await get(where);
		assert.match(first.headers['cache-control'], /^public, max-age=\d+, s-maxage=\d+, stale-while-revalidate=\d+$/);
		tags.set(where, first.headers.etag);
		const again = await get(where, { headers: { 'If-None-Match': first.headers.etag } });
		assert.equal(again.status, 304, where);
		assert.equal(again.text, '');
	}
	await hold({ event_id: id, seat_ids: ['S-A-1'] });
	for (const [where, etag] of tags) {
		const answer = await get(where, { headers: { 'If-None-Match': etag } });
		assert.equal(answer.status, where.endsWith('/seatmap') ? 304 : 200, where);
	}
});

test('a map has another tag when a capacity is another, and whoever has it is told so without it', async () => {
	const { event_id: id } = await made({ event_date: day(9), sections: [{ name: 'S', rows: [{ row: 'A', seats: 2 }] },
		{ name: 'Floor', capacity: 3 }, { name: 'Stand', capacity: 4 }] });
	// With a token, so that a worker answers.
	const ask = (etag) => get(`/events/${id}/seatmap`, { token: buyer, headers: etag ? { 'If-None-Match': etag } : {} });
	const first = await ask();
	const change = await call('PUT', `/admin/events/${id}`, { sections: [{ section_id: 'Floor', capacity: 4 },
		{ section_id: 'Stand', capacity: 3 }] }, { token: organizer });
	assert.equal(change.status, 200, change.text);
	const second = await ask(first.headers.etag);
	assert.equal(second.status, 200);
	assert.deepEqual(second.body.sections.map((s) => s.capacity), [2, 4, 3]);
	assert.equal(second.body.layout_version, first.body.layout_version);

	const session = new Session();
	try {
		await session.say('begin; lock table holdfast.seats in access exclusive mode');
		assert.equal((await ask(second.headers.etag)).status, 304, 'nobody looked at a seat');
	} finally {
		await session.close();
	}
});

test('the process answers', async () => {
	assert.deepEqual((await get('/healthz')).body, { status: 'ok' });
	assert.equal((await fetch(`${process.env.HOLDFAST_URL}/healthz`)).status, 200);
});
