// The waiting room of an event whose queue is on: who comes in, in which order, and with which pass.
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, freshKey, get, post, put } = require('../lib/client.js');
const {
	assertRefused, confirm, hold, inSeconds, join, joined, key, leave, organizer, passOf, people, person, room, status,
} = require('../lib/room.js');
const stack = require('../lib/stack.js');
const { event, eventBody } = require('../lib/world.js');

after(() => stack.verify());

test('what a waiting room is told by staff is shown with what is in force', async () => {
	const who = await organizer();
	const plain = await event(who);
	assert.deepEqual(plain.waiting_room, {
		opens_at: plain.sales_start, admit_per_minute: 600, inside_max: 500, stale_after_seconds: 30,
		grace_seconds: 300, pass_seconds: 600,
	});
	const given = { opens_at: '2031-01-02T03:04:05Z', admit_per_minute: 7, inside_max: 8, stale_after_seconds: 9,
		grace_seconds: 0, pass_seconds: 11 };
	const made = await event(who, { queue: 'on', event_date: '2032-01-01', waiting_room: given });
	assert.equal(made.queue, 'on');
	assert.deepEqual(made.waiting_room, given);
	const path = `/admin/events/${made.event_id}`;
	const change = async (body) => assertStatus(await put(path, body, { token: who.token }), 200).body.waiting_room;
	assert.deepEqual(await change({ title: 'Another' }), given);
	assert.deepEqual(await change({ waiting_room: { inside_max: 3, pass_seconds: null } }), {
		...plain.waiting_room, opens_at: made.sales_start, inside_max: 3,
	});
	assert.deepEqual(await change({ waiting_room: { opens_at: '2031-06-01' } }), {
		...plain.waiting_room, opens_at: '2031-06-01T00:00:00Z',
	});
	for (const where of [`/events/${made.event_id}`, '/events?limit=100&from=2032-01-01'])
		assert.match(assertStatus(await get(where), 200).text, /"waiting_room":\{"opens_at":"2031-06-01T00:00:00Z","admit_per_minute":600,/);
	assert.deepEqual(await change({ waiting_room: null }), { ...plain.waiting_room, opens_at: made.sales_start });
});

test('what is out of bounds is refused with its place', async () => {
	const who = await organizer();
	const create = (waiting_room, changes) =>
		post('/admin/events', eventBody({ queue: 'on', waiting_room, ...changes }), { token: who.token });
	for (const [name, values] of Object.entries({
		admit_per_minute: [0, 1000001, '5', 1.5], inside_max: [0, 1000001], stale_after_seconds: [4, 3601],
		grace_seconds: [-1, 86401], pass_seconds: [9, 86401], opens_at: ['soon', 5], nonsense: [1],
	})) {
		for (const value of values) assertInvalid(await create({ [name]: value }), `/waiting_room/${name}`);
	}
	assertInvalid(await create([]), '/waiting_room');
	assertInvalid(await create({ opens_at: '2040-01-01' }), '/waiting_room/opens_at');
	const made = await event(who, { queue: 'on', event_date: '2031-05-05', waiting_room: { opens_at: '2031-05-01' } });
	assertInvalid(await put(`/admin/events/${made.event_id}`, { sales_end: '2031-04-01' }, { token: who.token }),
		'/waiting_room/opens_at');
	assertInvalid(await create({}, { queue: 'maybe' }), '/queue');
});

test('whoever comes in holds with the pass, until a booking is confirmed with it', async () => {
	const e = await room();
	const who = person();
	assertRefused(await hold(who, e), 'missing');
	assertRefused(await hold(who, e, ''), 'missing');
	const place = await joined(who, e);
	assert.equal(place.status, 'admitted');
	assert.equal(place.section_id, null);
	const life = (Date.parse(place.expires_at) - Date.now()) / 1000;
	assert.ok(life > 590 && life <= 601, place.expires_at);
	const shown = await status(place.token);
	assert.deepEqual({ token: place.token, ...shown }, place);
	assert.deepEqual((await joined(who, e)), place, 'joining again is told the same');

	const first = assertStatus(await hold(who, e, place.pass, { key: 'one' }), 201);
	const second = assertStatus(await hold(who, e, place.pass), 201);
	const seatLock = await post('/seat-lock', { show_id: e.event_id, seat_ids: ['VIP-A-1'] },
		{ token: who.token, headers: { 'X-Queue-Pass': place.pass } });
	assertStatus(seatLock, 200);
	const book = (headers, k) => post(`/events/${e.event_id}/book`, { section_id: 'Floor', quantity: 1 },
		{ token: who.token, key: k, headers });
	assertStatus(await book({ 'X-Queue-Pass': place.pass }, 'two'), 201);
	assertRefused(await book({}, 'three'), 'missing');
	assertRefused(await post('/seat-lock', { show_id: e.event_id, seat_ids: ['VIP-A-2'] }, { token: who.token }), 'missing');

	assertStatus(await confirm(who, first.body), 200);
	assertRefused(await hold(who, e, place.pass), 'spent');
	assert.equal((await status(place.token)).status, 'confirmed');
	assertStatus(await confirm(who, second.body), 200);
	const again = assertStatus(await hold(who, e, place.pass, { key: 'one' }), 201);
	assert.equal(again.text, first.text, 'a first answer is told as ever');
	assert.equal(assertStatus(await hold(who, e, undefined, { key: 'one' }), 201).text, first.text);
	const anew = await joined(who, e);
	assert.notEqual(anew.token, place.token);
	assertStatus(await hold(who, e, anew.pass), 201);
});

test('seats confirmed by their ids spend the pass too', async () => {
	const e = await room();
	const who = person();
	const pass = await passOf(who, e);
	const seats = { show_id: e.event_id, seat_ids: ['VIP-A-3'] };
	const options = { token: who.token, headers: { 'X-Queue-Pass': pass } };
	assertStatus(await post('/seat-lock', seats, options), 200);
	assertStatus(await post('/booking/confirm', { ...seats, request_id: freshKey() }, { token: who.token }), 200);
	assertRefused(await post('/seat-lock', { ...seats, seat_ids: ['VIP-A-4'] }, options), 'spent');
});

test('a pass that is no pass, or somebody else\'s, or of another event, is none', async () => {
	const [e, other] = await Promise.all([room(), room()]);
	const [one, two] = people(2);
	const pass = await passOf(one, e);
	const place = await joined(one, e);
	assertRefused(await hold(two, e, pass), 'wrong');
	assertRefused(await hold(one, other, pass), 'wrong');
	assertRefused(await hold(one, e, place.token), 'wrong');
	for (let at = 0; at < pass.length; at += 7) {
		const bent = pass.slice(0, at) + (pass[at] === 'A' ? 'B' : 'A') + pass.slice(at + 1);
		assertRefused(await hold(one, e, bent), 'wrong');
	}
	for (const text of ['x', 'A'.repeat(500), `${pass}A`, pass.slice(1), '%00', '=']) assertRefused(await hold(one, e, text), 'wrong');
	assertProblem(await get(`/reservation/status?token=${pass}`), 404, 'not-found');
	assertStatus(await hold(one, e, pass), 201);
	// Where no pass is needed none is looked at.
	const plain = await event(await organizer());
	assertStatus(await hold(one, plain, 'nonsense'), 201);
});

test('a pass ends', async () => {
	const e = await room({ pass_seconds: 10, inside_max: 1 });
	const who = person();
	const place = await joined(who, e);
	const next = await joined(person(), e);
	assert.equal(next.position, 1);
	assertStatus(await hold(who, e, place.pass), 201);
	await stack.until('its end', async () => (await status(place.token)).status === 'expired');
	await stack.until('the same by the clock of the pool', async () => (await hold(who, e, place.pass)).status === 403);
	assertRefused(await hold(who, e, place.pass), 'ended');
	assert.equal((await status(next.token)).status, 'admitted', 'and makes room');
});

test('before the opening there is no place in front; at it those who came are in an order that was drawn', async () => {
	const e = await room({ opens_at: inSeconds(3600), admit_per_minute: 1, inside_max: 1 });
	const crowd = people(40);
	const places = [];
	for (const who of crowd) places.push(await joined(who, e));
	for (const p of places) {
		assert.equal(p.status, 'waiting');
		assert.equal(p.position, null);
		assert.equal(p.ahead, null);
		assert.equal(p.estimated_wait_seconds, null);
		assert.ok(p.starts_in_seconds > 3500 && p.starts_in_seconds <= 3600, JSON.stringify(p));
		assert.equal(p.opens_at, e.waiting_room.opens_at.replace('Z', '.000Z'));
		assert.equal(p.pass, null);
	}
	assertRefused(await hold(crowd[0], e), 'missing');
	// Who leaves and comes again draws the same.
	const order = () => stack.redis('zrange', key(e, 'line'), 0, -1).split('\n');
	const drawn = order();
	assertStatus(await leave(crowd[7], places[7].token), 204);
	assert.equal((await status(places[7].token)).status, 'left');
	places[7] = await joined(crowd[7], e);
	assert.deepEqual(order(), drawn);
	assert.notDeepEqual(drawn, crowd.map((p) => p.user_id));

	// The opening comes; those who arrive from now on stand behind.
	assertStatus(await put(`/admin/events/${e.event_id}`, { waiting_room: { opens_at: inSeconds(-1), admit_per_minute: 1, inside_max: 1 } },
		{ token: (await organizer()).token }), 200);
	const late = people(3);
	const behind = [];
	for (const who of late) behind.push(await joined(who, e));
	assert.deepEqual(behind.map((p) => p.position), [40, 41, 42]);
	const heads = await Promise.all(places.map((p) => status(p.token)));
	const admitted = heads.filter((p) => p.status === 'admitted');
	assert.equal(admitted.length, 1);
	const winner = heads.findIndex((p) => p.status === 'admitted');
	assert.equal(crowd[winner].user_id, drawn[0]);
	assert.deepEqual(heads.filter((p) => p.position).map((p) => p.position).sort((a, b) => a - b),
		Array.from({ length: 39 }, (_, i) => i + 1));
	for (const [i, p] of heads.entries())
		if (p.position) assert.equal(drawn.indexOf(crowd[i].user_id), p.position);
	// An opening that is put off again lets nobody in front of those who stand.
	assertStatus(await put(`/admin/events/${e.event_id}`, { waiting_room: { opens_at: inSeconds(3600), admit_per_minute: 1, inside_max: 1 } },
		{ token: (await organizer()).token }), 200);
	await joined(person(), e);
	assert.deepEqual(order().slice(0, 42), [...drawn.slice(1), ...late.map((p) => p.user_id)]);
});

test('no more are inside than may be; whoever confirms or leaves makes room', async () => {
	const e = await room({ inside_max: 2 });
	const crowd = people(5);
	const places = [];
	for (const who of crowd) places.push(await joined(who, e));
	assert.deepEqual(places.map((p) => p.status), ['admitted', 'admitted', 'waiting', 'waiting', 'waiting']);
	assert.deepEqual(places.slice(2).map((p) => p.position), [1, 2, 3]);
	const booking = assertStatus(await hold(crowd[1], e, places[1].pass), 201).body;
	assert.equal((await status(places[2].token)).status, 'waiting');
	assertStatus(await confirm(crowd[1], booking), 200);
	assert.equal((await status(places[3].token)).position, 1);
	assert.equal((await status(places[2].token)).status, 'admitted');
	assertStatus(await leave(crowd[0], places[0].token), 204);
	assertRefused(await hold(crowd[0], e, places[0].pass), 'spent');
	assert.equal((await status(places[3].token)).status, 'admitted');
	assert.equal((await status(places[4].token)).position, 1);
	assert.equal(stack.redis('zcard', key(e, 'inside')), '2');
});

test('they come in by the rate, and the wait is told by it', async () => {
	const e = await room({ admit_per_minute: 120 });
	const crowd = people(12);
	const places = [];
	const began = Date.now();
	for (const who of crowd) places.push(await joined(who, e));
	const times = [];
	let told = null;
	await stack.until('all to be inside', async () => {
		const found = await Promise.all(places.map((p) => status(p.token)));
		for (const [i, p] of found.entries()) {
			if (p.status === 'admitted') times[i] ??= Date.now() - began;
			else told = p.estimated_wait_seconds ?? told;
		}
		return found.every((p) => p.status === 'admitted');
	}, 60);
	// Two a second, and what the bucket holds at once.
	for (let i = 0; i < 12; i++) assert.ok(times[i] >= (i - 1 - 2) * 500 - 50, `${i}: ${times}`);
	assert.ok(told >= 1 && told <= 60, `${told}`);
	assert.deepEqual([...times].sort((a, b) => a - b), times);
});

// As if somebody had not been seen for so long; slots are counted from 1.
function unseen(e, slot, seconds) {
	const script = `local second = struct.unpack('>I4', redis.call('GETRANGE', KEYS[1], ${(slot - 1) * 4}, ${slot * 4 - 1}))
		redis.call('SETRANGE', KEYS[1], ${(slot - 1) * 4}, struct.pack('>I4', second - ${seconds}))`;
	stack.redis('eval', script, 1, key(e, 'seen'));
}

test('whoever is not there when the turn comes is passed over, and comes back to the front in time', async () => {
	const e = await room({ inside_max: 1, stale_after_seconds: 30, grace_seconds: 100 });
	const crowd = people(5);
	const places = [];
	for (const who of crowd) places.push(await joined(who, e));
	unseen(e, 2, 60);
	unseen(e, 3, 60);
	assertStatus(await leave(crowd[0], places[0].token), 204);
	assert.equal((await status(places[3].token)).status, 'admitted', 'two were passed over');
	assert.equal(stack.redis('zcard', key(e, 'away')), '2');
	assert.equal((await status(places[4].token)).position, 1);
	assert.equal((await status(places[2].token)).position, 1, 'back at the front');
	assert.equal((await joined(crowd[1], e)).position, 1, 'by joining too, before the other');
	assert.equal((await joined(crowd[1], e)).token, places[1].token);
	assert.equal((await status(places[4].token)).position, 3);
	// Out of time.
	unseen(e, 2, 60);
	assertStatus(await leave(crowd[3], places[3].token), 204);
	assert.equal((await status(places[2].token)).status, 'admitted');
	stack.redis('zadd', key(e, 'until'), 1, crowd[1].user_id);
	assert.equal((await status(places[1].token)).status, 'expired');
	const last = await joined(crowd[1], e);
	assert.notEqual(last.token, places[1].token);
	assert.equal(last.position, 2);
});

test('joining asks for what makes sense', async () => {
	const e = await room();
	const plain = await event(await organizer());
	const who = person();
	const send = (body, options) => post('/queue/join', body, { token: who.token, ...options });
	assertInvalid(await send({ event_id: plain.event_id }), '/section_id');
	assertInvalid(await send({ event_id: e.event_id, quantity: 2 }), '/quantity');
	assertInvalid(await send({}), '/event_id');
	assertProblem(await send({ event_id: '2000000000' }), 404, 'not-found');
	assertProblem(await send({ event_id: e.event_id }, { token: undefined }), 401, 'unauthenticated');
	const closed = await room({}, { status: 'closed' });
	assertProblem(await join(who, closed), 409, 'sales-closed');
	const draft = await room({}, { status: 'draft' });
	assertProblem(await join(who, draft), 404, 'not-found');
	const future = await room({}, { sales_start: inSeconds(3600) });
	assert.equal((await joined(who, future)).position, null, 'one waits before sales start');
	assertProblem(await hold(who, future), 409, 'sales-closed');
});

test('how a place has ended is told when its holder has another one, too', async () => {
	const [who] = people(1), e = await room();
	const first = await joined(who, e);
	assertStatus(await confirm(who, assertStatus(await hold(who, e, first.pass), 201).body), 200);
	const second = await joined(who, e);
	assertStatus(await leave(who, second.token), 204);
	const third = await joined(who, e);
	const told = async () => Promise.all([first, second, third].map(async ({ token }) => (await status(token)).status));
	assert.deepEqual(await told(), ['confirmed', 'left', 'admitted']);
	assertStatus(await leave(who, third.token), 204);
	assert.deepEqual(await told(), ['confirmed', 'left', 'left']);
});

test('what was confirmed stays so where the room has not heard of it and it is left', async () => {
	const who = person(), e = await room();
	const place = await joined(who, e);
	const before = stack.redis('hget', key(e, 'done'), who.user_id);
	assert.match(before, /\|inside\|/);
	assertStatus(await confirm(who, assertStatus(await hold(who, e, place.pass), 201).body), 200);
	stack.redis('hset', key(e, 'done'), who.user_id, before);
	assertStatus(await leave(who, place.token), 204);
	assert.equal((await status(place.token)).status, 'confirmed');
});

test('a key has the first answer told again', async () => {
	const e = await room({ opens_at: inSeconds(3600) });
	const who = person();
	const first = assertStatus(await join(who, e, { key: 'j' }), 202);
	const again = assertStatus(await join(who, e, { key: 'j' }), 202);
	assert.equal(again.text, first.text);
	assert.equal(again.headers['idempotent-replayed'], 'true');
	const other = await room();
	assert.equal(assertStatus(await join(who, other, { key: 'j' }), 202).headers['idempotent-replayed'], undefined);
	const inside = assertStatus(await join(who, other, { key: 'k' }), 202);
	assert.equal(assertStatus(await join(who, other, { key: 'k' }), 202).text, inside.text);
	assertStatus(await leave(who, first.body.token, { key: 'l' }), 204);
	assert.equal(assertStatus(await leave(who, first.body.token, { key: 'l' }), 204).headers['idempotent-replayed'], 'true');
});

test('a ticket is its holder\'s alone, and gives no reservation', async () => {
	const e = await room({ opens_at: inSeconds(3600) });
	const [one, two] = people(2);
	const place = await joined(one, e);
	assertProblem(await leave(two, place.token), 404, 'not-found');
	assertProblem(await post('/reservation/confirm', { token: place.token }, { token: one.token }), 409, 'not-reserved-yet');
	assert.equal((await status(place.token)).status, 'waiting');
	assert.deepEqual(assertStatus(await get('/reservation/status', { headers: { 'X-Queue-Token': place.token } }), 200).body.status, 'waiting');
});

test('a spent pass does not cost its owner the next place', async () => {
	const e = await room({ inside_max: 1 });
	const [who, other] = people(2);
	const pass = await passOf(who, e);
	assertStatus(await confirm(who, assertStatus(await hold(who, e, pass), 201).body), 200);
	await passOf(other, e);
	const next = await joined(who, e);
	assert.equal(next.status, 'waiting');
	assertRefused(await hold(who, e, pass), 'spent');
	assert.deepEqual([(await status(next.token)).status, (await status(next.token)).position], ['waiting', 1]);
});

test('who is inside is known again by a hold, where Redis has lost it', async () => {
	const e = await room({ inside_max: 1 });
	const who = person();
	const pass = await passOf(who, e);
	stack.forget(e.event_id);
	assertStatus(await hold(who, e, pass), 201);
	await stack.kept(e.event_id);
	assertStatus(await hold(who, e, pass), 201);
	assert.equal(stack.redis('zcard', key(e, 'inside')), '1');
	assert.ok(Number(stack.redis('pttl', key(e, 'inside'))) > 0, 'what nobody begins ends by itself');
	assert.equal(stack.redis('sismember', `hf:{${e.event_id}}:lines`, ''), '1');
});

test('whoever waits or is inside is told that the event is cancelled, or its sales have ended', async () => {
	const { token } = await organizer();
	const change = async (e, fields) => assertStatus(await put(`/admin/events/${e.event_id}`, fields, { token }), 200);
	for (const over of [{ status: 'cancelled' }, { sales_end: inSeconds(1) }]) {
		const e = await room({ inside_max: 1 });
		const crowd = people(3);
		const places = [];
		for (const who of crowd) places.push(await joined(who, e));
		assertStatus(await leave(crowd[2], places[2].token), 204);
		await change(e, { status: 'closed' });
		const closed = await status(places[1].token);
		assert.deepEqual([closed.status, closed.reason, closed.position], ['waiting', 'sales-closed', 1]);
		await change(e, { status: 'on_sale' });
		assert.deepEqual((await Promise.all(places.map((p) => status(p.token)))).map((p) => p.status), ['admitted', 'waiting', 'left']);
		await change(e, over);
		const told = () => Promise.all(places.map(async (p) => {
			const is = await status(p.token);
			return [is.status, is.reason, is.poll_after_seconds, is.pass];
		}));
		const expired = ['expired', 'sales-closed', null, null], want = [expired, expired, ['left', null, null, null]];
		if (over.sales_end) await stack.until('sales have ended', async () => (await told())[0][0] === 'expired');
		assert.deepEqual(await told(), want);
		assertProblem(await join(crowd[1], e), 409, 'sales-closed');
		stack.forget(e.event_id);
		assert.deepEqual(await told(), want);
	}
});

test('with the queue off nobody needs a pass, and those who wait are told', async () => {
	const e = await room({ opens_at: inSeconds(3600) });
	const who = person();
	const place = await joined(who, e);
	assertRefused(await hold(who, e), 'missing');
	const gone = person();
	const { token } = await joined(gone, e);
	assertStatus(await leave(gone, token), 204);
	const change = async (queue) => assertStatus(await put(`/admin/events/${e.event_id}`, { queue }, { token: (await organizer()).token }), 200);
	await change('off');
	const told = await status(place.token);
	assert.deepEqual([told.status, told.pass, told.reason], ['admitted', null, 'queue-off']);
	assert.equal((await status(token)).status, 'left');
	assertStatus(await hold(who, e), 201);
	await change('on');
	assert.equal((await status(place.token)).status, 'waiting');
	assertRefused(await hold(who, e), 'missing');
});

test('the crowd without a pass is refused by Redis alone', async () => {
	const e = await room();
	const who = person();
	assertStatus(await hold(who, e, await passOf(who, e)), 201);
	await stack.kept(e.event_id);
	const verdicts = async () => Number(/holdfast_filter_verdicts_total\{[^}]*verdict="pass"\} (\d+)/.exec(
		(await get('/metrics', { root: true })).text)?.[1] ?? 0);
	const before = await verdicts();
	for (const p of people(5)) assertRefused(await hold(p, e), 'missing');
	assert.equal(await verdicts() - before, 5);
});
