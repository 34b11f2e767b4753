// Every call is as the API's document says: each operation is asked for all that it is documented to
// answer and that a client can cause, and every answer is judged by its schema.
'use strict';

process.env.HOLDFAST_CONTRACT = '1';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { after, before, test } = require('node:test');

const { assertStatus, call, freshKey, get, post, put } = require('../lib/client.js');
const { exercised, judge, operations } = require('../lib/contract.js');
const pay = require('../lib/pay.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

// What needs a part to be away, limits in force, a stream, or what is not yet to be had.
const elsewhere = (name, status) => ['429', '500', '503'].includes(status) ||
	/^POST \/(bookings\/hold|events\/\{event_id\}\/book) 403$|\/stream 20[04]$/.test(`${name} ${status}`);

let admin, organizer, buyer, other, event, stripe;

before(async () => {
	stripe = await pay.open();
	admin = await world.staff('admin');
	organizer = await world.staff();
	buyer = await world.buyer();
	other = await world.buyer();
	event = await world.event(organizer);
});

const forStaff = (o) => o.operation.security.some((ask) => ask.bearer?.includes('organizer'));

const asked = (o, options) => {
	const where = o.template.replace('{event_id}', event.event_id).replace(/\{[a-z_]+\}/, 'no-such-thing');
	const { path = where, ...rest } = options;
	return call(o.method, path, { token: (forStaff(o) ? organizer : buyer).token, ...(o.operation.requestBody ? { body: {} } : {}), ...rest });
};

// While another session has these locks.
async function locked(locks, act) {
	const first = spawn('psql', [stack.env.DATABASE_URL, '-XAtq'], { stdio: ['pipe', 'pipe', 'inherit'] });
	try {
		let said = '';
		first.stdout.on('data', (text) => { said += text; });
		first.stdin.write(`begin; ${locks}; select 'locked';\n`);
		await stack.until('the locks', () => said.includes('locked'));
		await act();
	} finally {
		first.stdin.end();
		await once(first, 'close');
	}
}

// What every operation of its kind refuses alike.
const refusals = {
	400: (o) => (o.operation.requestBody ? { body: '{' } : { headers: { Host: 'no/host' } }),
	401: () => ({ token: 'nonsense' }),
	412: () => ({ token: undefined, anonymous: true, headers: { 'If-Match': '"no-such-tag"' } }),
	413: (o) => ({ body: `{"text": "${'x'.repeat(/^\/webhooks\//.test(o.template) ? 270000 : 70000)}"}` }),
	414: (o) => ({ path: `${o.template}?${'x'.repeat(9000)}` }),
	415: () => ({ body: '{}', type: 'text/plain' }),
	422: (o) => (o.operation.requestBody ? { body: { no_such_field: 1 }, key: freshKey() }
		: { path: `${o.template.replace('{event_id}', event.event_id)}?no_such_parameter=1` }),
	431: () => ({ headers: { 'X-Long': 'x'.repeat(9000) } }),
};

for (const o of operations) {
	test(`${o.method} ${o.template}: what is refused to everybody`, async () => {
		for (const [status, way] of Object.entries(refusals)) {
			// Who logs in is refused for other reasons, and who changes something has it to lose.
			if (o.operation.responses[status] && (status !== '401' || o.operation.security.length > 0) &&
				(status !== '412' || o.method === 'GET'))
				assert.equal((await asked(o, way(o))).status, Number(status), `${o.method} ${o.template}`);
		}
		if (forStaff(o)) assertStatus(await asked(o, { token: buyer.token }), 403);
		if (o.parameters.some((p) => p.name === 'Idempotency-Key'))
			assertStatus(await asked(o, { key: '' }), 400);
		if (/\{/.test(o.template) && o.method === 'GET' && o.operation.responses[404])
			assertStatus(await asked(o, { path: o.template.replace(/\{[a-z_]+\}/, 'none') }), 404);
	});
}

// The answer, and once more what a client that has it gets, and its head.
async function read(where, options) {
	const answer = await get(where, options);
	assert.equal(answer.status, 200, answer.text);
	assert.equal((await call('HEAD', where, options)).status, 200);
	if (answer.headers.etag) {
		// What is live may have changed between the two.
		await world.settled(async () => {
			const { etag } = (await get(where, options)).headers;
			assert.equal((await get(where, { ...options, headers: { 'If-None-Match': etag } })).status, 304);
		});
	}
	return answer;
}

test('accounts', async () => {
	for (const [register, login] of [['/auth/register', '/auth/login'], ['/register', '/login']]) {
		const who = { email: world.freshEmail(), password: world.password };
		assertStatus(await post(register, { ...who, name: 'Ann' }), 201);
		assertStatus(await post(register, who), 409);
		assertStatus(await post(login, { ...who, password: 'not this' }), 401);
		const session = assertStatus(await post(login, who), 200).body;
		const next = assertStatus(await post('/auth/refresh', { refresh_token: session.refresh_token }), 200).body;
		assertStatus(await post('/auth/refresh', { refresh_token: session.refresh_token }), 401);
		await read('/auth/me', { token: next.access_token });
		assertStatus(await post('/auth/logout', { refresh_token: next.refresh_token }), 204);
	}
});

test('events are read', async () => {
	for (const where of ['/events', '/events?q=evening&limit=1', '/events/popular?limit=3', `/events/${event.event_id}`,
		`/events/${event.event_id}/availability`, `/events/${event.event_id}/seats?status=available&limit=2`,
		`/events/${event.event_id}/seatmap`, `/events/${event.event_id}/seatmap/status`])
		await read(where);
	// Changes are told after a version of the live picture; one out of PostgreSQL is odd.
	const { version } = await stack.until('the live picture', async () => {
		const { body } = await get(`/events/${event.event_id}/seatmap/status`);
		return body.version % 2 === 0 && body;
	});
	const later = () => get(`/events/${event.event_id}/seatmap/status?since=${version}`);
	assertStatus(await later(), 200);
	await world.held(other, event.event_id, ['VIP-A-10']);
	await stack.until('changes', async () => (await later()).body.changed);
	for (const where of ['/admin/analytics', `/admin/analytics?event_id=${event.event_id}&from=2026-01-01&interval=month&timezone=Europe/Berlin&limit=3`,
		'/admin/events/capacity_utilization?when=upcoming&limit=1'])
		await read(where, { token: organizer.token });
	for (const where of ['/admin/analytics', '/admin/events/capacity_utilization'])
		assertStatus(await get(`${where}?event_id=999999`, { token: organizer.token }), 404);
	const draft = await world.event(organizer, { status: 'draft' });
	for (const below of ['', '/availability', '/seats', '/seatmap', '/seatmap/status']) {
		assertStatus(await get(`/events/${draft.event_id}${below}`, { token: organizer.token }), 200);
		assertStatus(await get(`/events/${draft.event_id}${below}`), 404);
	}
});

test('places are held', async () => {
	const id = event.event_id;
	for (const body of [{ seat_ids: ['VIP-A-1', 'B1'] }, { section_id: 'Floor', seats_requested: 2 },
		{ items: [{ seat_id: 'VIP-A-2' }, { section_id: 'Floor', quantity: 1 }] }]) {
		const key = freshKey();
		for (const replayed of [undefined, 'true'])
			assert.equal(assertStatus(await world.hold(buyer, { event_id: id, ...body }, { key }), 201)
				.headers['idempotent-replayed'], replayed);
		assertStatus(await world.hold(buyer, { event_id: id, section_id: 'Floor', seats_requested: 1 }, { key }), 422);
	}
	assertStatus(await world.hold(buyer, { event_id: id, seat_ids: ['VIP-A-1', 'B1'] }), 200);
	assertStatus(await world.hold(other, { event_id: id, seat_ids: ['VIP-A-1', 'VIP-A-3'] }), 409);
	assertStatus(await world.hold(other, { event_id: id, section_id: 'Floor', seats_requested: 10 }), 409);
	assertStatus(await world.hold(other, { event_id: id, seat_ids: ['nothing'] }), 422);
	assertStatus(await world.hold(other, { event_id: 'nothing', seat_ids: ['B2'] }), 404);
	const closed = await world.event(organizer, { status: 'closed' });
	assertStatus(await world.hold(other, { event_id: closed.event_id, seat_ids: ['B2'] }), 409);
	const few = await world.event(organizer, { max_seats_per_user: 1 });
	assertStatus(await world.hold(other, { event_id: few.event_id, seat_ids: ['B1', 'B2'] }), 409);
	assertStatus(await world.hold(other, { event_id: few.event_id, section_id: 'Floor', seats_requested: 11 }), 422);
});

test('a hold moves on, or has expired', async () => {
	const id = event.event_id;
	const [first, second, third, late] = [await world.held(buyer, id, ['VIP-B1', 'B3'].slice(1)),
		await world.held(buyer, id, ['B4']), await world.held(buyer, id, 1), await world.held(buyer, id, ['VIP-A-9'])];
	const key = freshKey();
	for (let i = 0; i < 2; i++) assertStatus(await world.move(buyer, first, 'confirm', { payment_id: 'p-1' }, { key }), 200);
	assertStatus(await world.move(buyer, first, 'release'), 409);
	assertStatus(await world.move(buyer, first, 'cancel', { items: [{ seat_id: 'B2' }] }), 422);
	assertStatus(await world.move(buyer, first, 'cancel', { reason: 'cannot come', items: [{ seat_id: 'B3' }] }), 200);
	assertStatus(await world.move(buyer, first, 'confirm'), 409);
	assertStatus(await post(`/reservations/${first.booking_id}/confirm`, {}, { token: buyer.token }), 409);
	assertStatus(await world.move(buyer, second, 'cancel'), 409);
	assertStatus(await world.move(buyer, second, 'release'), 200);
	assertStatus(await post(`/reservations/${third.booking_id}/confirm`, {}, { token: buyer.token }), 200);
	stack.expire(late.booking_id);
	for (const verb of ['confirm', 'release', 'cancel']) {
		assertStatus(await world.move(buyer, late, verb), 410);
		assertStatus(await world.move(other, third, verb), 404);
	}
	assertStatus(await post(`/reservations/${late.booking_id}/confirm`, {}, { token: buyer.token }), 410);
	assertStatus(await post('/reservations/none/confirm', {}, { token: buyer.token }), 404);
	await read('/bookings?limit=2', { token: buyer.token });
	await read(`/bookings?status=EXPIRED&event_id=${id}`, { token: buyer.token });
	await read(`/bookings/${first.booking_id}`, { token: buyer.token });
});

test('people stand in line', async () => {
	const { event_id: id } = await world.event(organizer, { sections: [{ name: 'Floor', capacity: 1 }] });
	const key = freshKey();
	const join = (who, options) => post('/queue/join', { event_id: id, section_id: 'Floor' }, { token: who.token, ...options });
	const first = assertStatus(await join(buyer, { key }), 202).body;
	assertStatus(await join(buyer, { key }), 202);
	assertStatus(await post('/queue/join', { ticket_type_id: `${id}:Nowhere` }, { token: buyer.token }), 422);
	assertStatus(await post('/queue/join', { ticket_type_id: '999999999:Floor' }, { token: buyer.token }), 404);
	const room = await world.event(organizer, { queue: 'on' });
	assertStatus(await post('/queue/join', { ticket_type_id: `${room.event_id}:Floor` }, { token: buyer.token }), 403);
	const closed = await world.event(organizer, { status: 'closed' });
	assertStatus(await post('/queue/join', { ticket_type_id: `${closed.event_id}:Floor` }, { token: buyer.token }), 409);
	const second = assertStatus(await join(other), 202).body;
	await stack.until('somebody is served', async () =>
		(await read(`/reservation/status?token=${first.token}`)).body.status === 'reserved');
	await read('/reservation/status', { headers: { 'X-Queue-Token': second.token } });
	assertStatus(await get('/reservation/status?token=none'), 404);
	const tell = (verb, who, token, options) => post(verb, { token }, { token: who.token, ...options });
	assertStatus(await tell('/reservation/confirm', other, second.token), 409);
	assertStatus(await tell('/reservation/confirm', other, first.token), 404);
	assertStatus(await tell('/reservation/confirm', buyer, first.token, { key: freshKey() }), 200);
	assertStatus(await tell('/queue/leave', buyer, first.token), 409);
	assertStatus(await tell('/queue/leave', buyer, second.token), 404);
	assertStatus(await tell('/queue/leave', other, second.token, { key: freshKey() }), 204);
	const { event_id: next } = await world.event(organizer);
	const { token } = assertStatus(await post('/queue/join', { ticket_type_id: `${next}:Floor` }, { token: buyer.token }), 202).body;
	const { booking_id: late } = await stack.until('it is served', async () => {
		const { body } = await read(`/reservation/status?token=${token}`);
		return body.status === 'reserved' && body;
	});
	stack.expire(late);
	assertStatus(await tell('/reservation/confirm', buyer, token), 410);
});

test('the names that existing clients use', async () => {
	const id = event.event_id;
	const as = (who) => ({ token: who.token });
	const lock = { show_id: id, seat_ids: ['VIP-A-5', 'VIP-A-6'] };
	assertStatus(await post('/seat-lock', { ...lock, user_id: buyer.user_id }, as(buyer)), 200);
	assertStatus(await post('/seat-lock', lock, as(other)), 409);
	assertStatus(await post('/seat-lock', { ...lock, show_id: 'none' }, as(other)), 404);
	assertStatus(await post('/seat-lock', { ...lock, user_id: other.user_id }, as(buyer)), 403);
	assertStatus(await post('/booking/confirm', { ...lock, user_id: other.user_id }, as(buyer)), 403);
	assertStatus(await post('/booking/confirm', { ...lock, show_id: 'none' }, as(buyer)), 404);
	assertStatus(await post('/booking/confirm', lock, as(other)), 409);
	for (let i = 0; i < 2; i++) assertStatus(await post('/booking/confirm', { ...lock, request_id: 'once' }, as(buyer)), 200);
	const late = assertStatus(await post('/seat-lock', { ...lock, seat_ids: ['VIP-A-7'] }, as(buyer)), 200).body;
	stack.expire(late.booking_id);
	assertStatus(await post('/booking/confirm', { ...lock, seat_ids: ['VIP-A-7'] }, as(buyer)), 410);
	const book = (who, body, where = id) => post(`/events/${where}/book`, body, { ...as(who), key: freshKey() });
	assertStatus(await book(buyer, { section_id: 'Floor', quantity: 1 }), 201);
	assertStatus(await book(buyer, { section_id: 'Floor', quantity: 10 }), 409);
	assertStatus(await book(buyer, { quantity: 1 }), 422);
	assertStatus(await book(buyer, { section_id: 'Floor', quantity: 1 }, 'none'), 404);
	assertStatus(await post(`/events/${id}/book`, { section_id: 'Floor', quantity: 1 }, as(buyer)), 400);
});

test('venues and events are made and changed', async () => {
	const as = { token: organizer.token };
	const layouts = [{ name: 'hall', sections: world.eventBody().sections }];
	const venue = assertStatus(await post('/admin/venues', { name: 'Hall', timezone: 'Europe/Berlin', layouts }, as), 201).body;
	await read('/admin/venues?limit=1', as);
	const moving = { enabled: true, floor_percent: 50, ceiling_percent: 200 };
	for (const where of ['/admin/events', '/events']) {
		const body = { ...world.eventBody(), sections: undefined, layout: 'hall', venue_id: venue.venue_id, pricing: moving,
			refund_policy: [{ until: '2027-04-01', percent: 80, fee: 100 }] };
		const made = assertStatus(await post(where, body, { ...as, key: freshKey() }), 201);
		assertStatus(await post(where, { ...body, venue_id: '999999' }, as), 404);
		await read(`/events/${made.body.event_id}`);
		const at = `/admin/events/${made.body.event_id}`;
		assertStatus(await put(at, { title: 'Another evening', hold_seconds: null }, as), 200);
		assertStatus(await put(at, { title: 'Nobody\'s evening' }, { ...as, headers: { 'If-Match': made.headers.etag } }), 412);
		for (const price of [600, 650, 700]) assertStatus(await put(at, { sections: [{ section_id: 'Floor', price }] }, as), 200);
		await read(`${at}/prices?limit=2`, as);
		await world.held(buyer, made.body.event_id, 5);
		assertStatus(await put(at, { sections: [{ section_id: 'Floor', capacity: 1 }] }, as), 409);
		assertStatus(await put(at, { status: 'cancelled' }, { token: admin.token }), 200);
		assertStatus(await put(at, { status: 'on_sale' }, as), 409);
	}
	assertStatus(await put('/admin/events/999999', { title: 'Nothing' }, as), 404);
});

test('money', async () => {
	const { event_id: id } = await pay.soldEvent(organizer);
	const booking = await world.held(buyer, id, ['B1']);
	assertStatus(await pay.checkout(other, booking), 404);
	const offer = await pay.offered(buyer, booking);
	stripe.pay(offer.payment_id);
	const notice = stripe.notice(offer.payment_id);
	assertStatus(await pay.notify(notice), 200);
	await read(`/bookings/${booking.booking_id}`, { token: buyer.token });
	notice.data.object.metadata.holdfast_booking = booking.booking_id.replace(/.{6}$/, '000000');
	assertStatus(await pay.notify({ ...notice, id: 'evt_early', data: { object: { ...notice.data.object, id: 'pi_early' } } }), 409);
	assertStatus(await pay.checkout(buyer, await world.held(buyer, event.event_id, ['VIP-A-9'])), 409);
	const late = await world.held(buyer, id, ['B2']);
	stack.expire(late.booking_id);
	assertStatus(await pay.checkout(buyer, late), 410);
});

test('more time, and the word of staff', async () => {
	const as = { token: organizer.token };
	const { event_id: id } = await pay.soldEvent(organizer);
	const word = (booking, verb, body) => post(`/admin/bookings/${booking.booking_id}/${verb}`, body, as);
	const held = await world.held(buyer, id, ['B1']);
	assertStatus(await world.move(buyer, held, 'extend'), 200);
	assertStatus(await world.move(other, held, 'extend'), 404);
	const due = await world.held(buyer, id, ['B2']);
	stack.expire(due.booking_id);
	assertStatus(await world.move(buyer, due, 'extend'), 410);
	for (const verb of ['paid', 'refunds'])
		assertStatus(await word({ booking_id: 'none' }, verb, verb === 'paid' ? {} : { action: 'done' }), 404);
	assertStatus(await word(held, 'paid', { reference: 'till 3' }), 200);
	assertStatus(await world.move(buyer, held, 'extend'), 409);
	assertStatus(await world.move(buyer, held, 'cancel'), 200);
	assertStatus(await word(held, 'paid'), 409);
	await locked(`select from holdfast.bookings where booking_id = '${held.booking_id}' for update`, async () =>
		assertStatus(await word(held, 'refunds', { action: 'done' }), 409));
	assertStatus(await word(held, 'refunds', { action: 'done' }), 200);
});

test('what others are told of', async () => {
	const as = { token: organizer.token };
	const lock = (what) => `select pg_advisory_xact_lock(hashtextextended('${what}', 5))`;
	const wish = { url: 'https://hooks.example.test/holdfast', kinds: ['booking.confirmed'] };
	const { webhook_id: id } = assertStatus(await post('/admin/webhooks', wish, as), 201).body;
	await locked(lock(`webhooks/${organizer.user_id}`), async () => assertStatus(await post('/admin/webhooks', wish, as), 409));
	await read('/admin/webhooks', as);
	assertStatus(await call('DELETE', `/admin/webhooks/${id}`, as), 204);
	assertStatus(await call('DELETE', `/admin/webhooks/${id}`, as), 404);
	const { event_id: told } = await world.event(organizer);
	await locked(lock(`log/${told}`), async () => assertStatus(await get(`/admin/events/${told}/log`, as), 409));
	await read(`/admin/events/${told}/log?after=0&limit=1`, as);
});

test('a second request with a key meets the first', async () => {
	const key = freshKey();
	const locks = ['event_create', 'venue_create'].map((operation) =>
		`select holdfast.key_lock('0/${organizer.user_id}/${operation}/${key}', false);`);
	await locked(locks.join(' '), async () => {
		for (const [where, body] of [['/admin/venues', { name: 'Hall' }], ['/admin/events', world.eventBody()], ['/events', world.eventBody()]])
			assertStatus(await post(where, body, { token: organizer.token, key }), 409);
	});
});

test('the service answers, at the root too', async () => {
	for (const where of ['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs']) {
		await read(where);
		await read(where, { root: true });
	}
	assertStatus(await get('/metrics', { headers: { 'X-Forwarded-For': '192.0.2.1' } }), 403);
});

test('the judge finds what is not documented', () => {
	const sent = { headers: {} };
	const headers = { 'x-request-id': '0'.repeat(32), 'cache-control': 'no-store', 'content-type': 'application/json' };
	const ok = { status: 200, headers, text: '{"status":"ok"}', body: { status: 'ok' } };
	judge('GET', '/healthz', sent, ok);
	for (const [what, changed] of Object.entries({
		'is not documented': { status: 418 }, 'NOT have unevaluated': { body: { status: 'ok', more: 1 } },
		'must be equal': { body: { status: 'odd' } }, 'x-request-id is missing': { headers: { ...headers, 'x-request-id': undefined } },
		'etag is not documented': { headers: { ...headers, etag: '"1"' } },
		'text/html is not documented': { headers: { ...headers, 'content-type': 'text/html' } } }))
		assert.throws(() => judge('GET', '/healthz', sent, { ...ok, ...changed }), new RegExp(what));
});

test('there need be nobody who takes money', async () => {
	await pay.close(stripe);
	assertStatus(await pay.notify({}), 404);
});

after(() => {
	// What has expired here would be counted by tests of the janitor.
	assert.equal(stack.program('janitor').status, 0);
	const missing = operations.flatMap((o) => Object.keys(o.operation.responses)
		.filter((status) => !elsewhere(`${o.method} ${o.template}`, status))
		.map((status) => `${o.method} ${o.template} ${status}`)).filter((name) => !exercised.has(name));
	assert.deepEqual(missing, [], 'documented, and not exercised');
});
