// Standing in line for places of a section: every call, what it refuses, the order, and how places come
// to those who wait.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');

const { assertHeaders, assertInvalid, assertProblem, assertStatus, call, freshKey, get, post } = require('../lib/client.js');
const line = require('../lib/line.js');
const stack = require('../lib/stack.js');
const { buyer, confirmed, event, eventBody, held, hold, move, staff } = require('../lib/world.js');

let olga, ann, bert, cleo;

before(async () => {
	olga = await staff();
	[ann, bert, cleo] = await Promise.all([buyer(), buyer(), buyer()]);
});
after(() => stack.verify());

const soldFloor = (...floor) => line.soldFloor(olga, ...floor);
// Until the line has been looked at, and PostgreSQL knows that somebody waits.
const told = (id) => stack.until('PostgreSQL has been told', () =>
	stack.sql(`select 1 from queue_lines where event_id = ${id} and waits_until > now()`) === '1');

const bookingOf = async (who, id) => assertStatus(await get(`/bookings/${id}`, { token: who.token }), 200).body;

test('whoever joins while places are free is given them at once', async () => {
	const { event_id: id } = await event(olga);
	const ticket = await line.joined(ann, id, 'Floor', 2);
	assert.match(ticket.token, /^[A-Za-z0-9_-]{60,}$/);
	assert.deepEqual([ticket.status, ticket.position, ticket.ahead, ticket.event_id, ticket.section_id, ticket.quantity],
		['waiting', 1, 0, id, 'Floor', 2]);
	const is = await line.until(ticket.token, 'reserved');
	assert.deepEqual([is.position, is.ahead, is.poll_after_seconds], [null, null, null]);
	const booking = await bookingOf(ann, is.booking_id);
	assert.equal(booking.status, 'HOLD');
	assert.equal(booking.expires_at, is.expires_at);
	assert.deepEqual(booking.items.map((item) => [item.section_id, item.quantity, item.unit_price]), [['Floor', 2, 500]]);
	const done = assertStatus(await line.confirm(ann, ticket.token), 200).body;
	assert.equal(done.status, 'CONFIRMED');
	assert.equal(done.booking_id, is.booking_id);
	assert.equal((await line.standing(ticket.token)).status, 'confirmed');
	assert.deepEqual(assertStatus(await line.confirm(ann, ticket.token), 200).body, done);
});

test('numbered seats: neighbours where there are some', async () => {
	const { event_id: id } = await event(olga);
	await held(cleo, id, ['VIP-A-2', 'VIP-A-4']);
	const ticket = await line.joined(ann, id, 'VIP', 3);
	const { booking_id: booking } = await line.until(ticket.token, 'reserved');
	assert.deepEqual((await bookingOf(ann, booking)).items.map((item) => item.seat_id), ['VIP-A-5', 'VIP-A-6', 'VIP-A-7']);
	const second = await line.joined(bert, id, 'VIP', 1);
	assert.deepEqual((await bookingOf(bert, (await line.until(second.token, 'reserved')).booking_id)).items
		.map((item) => item.seat_id), ['VIP-A-1']);
	// The rest: eight seats, of which no four are side by side in a row but B's.
	const third = await line.joined(cleo, id, 'VIP', 4);
	assert.deepEqual((await bookingOf(cleo, (await line.until(third.token, 'reserved')).booking_id)).items
		.map((item) => item.seat_id), ['B1', 'B2', 'B3', 'B4']);
});

test('a place has one ticket, and a ticket one token', async () => {
	const { id, release } = await soldFloor(4);
	const first = await line.joined(ann, id, 'Floor', 1);
	const second = await line.joined(bert, id, 'Floor', 1);
	assert.deepEqual([first.position, second.position, second.ahead], [1, 2, 1]);
	const again = await line.joined(ann, id, 'Floor', 3);
	assert.equal(again.token, first.token);
	assert.deepEqual([again.position, again.quantity], [1, 1]);
	// Nor does it matter how many they ask for now, were it more than there are.
	for (const quantity of [5, 11]) assert.equal((await line.joined(ann, id, 'Floor', quantity)).token, first.token);
	// Nor whether Redis knows how many there are.
	stack.redis('hset', `hf:{${id}}:meta`, 'stamp', 'another');
	assert.equal((await line.joined(ann, id, 'Floor', 5)).token, first.token);
	const other = assertStatus(await post('/queue/join', { ticket_type_id: `${id}:Floor` }, { token: bert.token }), 202).body;
	assert.equal(other.token, second.token);
	assertStatus(await release(0), 200);
	const is = await line.until(first.token, 'reserved');
	// Also once it is served.
	const served = await line.joined(ann, id, 'Floor', 1);
	assert.deepEqual([served.token, served.status, served.booking_id], [first.token, 'reserved', is.booking_id]);
});

test('what a join may be', async () => {
	const { event_id: id } = await event(olga, { max_seats_per_booking: 4 });
	const say = (body, options) => post('/queue/join', body, { token: ann.token, ...options });
	assertProblem(await post('/queue/join', { event_id: id, section_id: 'Floor' }), 401, 'unauthenticated');
	assertInvalid(await say({}), '/event_id');
	assertInvalid(await say({ event_id: id }), '/section_id');
	assertInvalid(await say({ ticket_type_id: id }), '/ticket_type_id');
	assertInvalid(await say({ ticket_type_id: `${id}:Floor`, event_id: id }), '/ticket_type_id');
	assertInvalid(await say({ ticket_type_id: `${id}:` }), '/ticket_type_id');
	assertInvalid(await say({ ticket_type_id: `${id}:Nowhere` }), '/ticket_type_id');
	assertInvalid(await say({ event_id: id, section_id: 'Nowhere' }), '/section_id');
	assertInvalid(await say({ event_id: id, section_id: 'a b|c:d' }), '/section_id');
	assertInvalid(await say({ event_id: id, section_id: 'x'.repeat(65) }), '/section_id');
	for (const quantity of [0, -1, 501, 1.5, '2', true]) assertInvalid(await say({ event_id: id, section_id: 'Floor', quantity }), '/quantity');
	assertInvalid(await say({ event_id: id, section_id: 'Floor', quantity: 5 }), '/quantity');
	assertInvalid(await say({ event_id: id, section_id: 'Floor', seats: 2 }), '/seats');
	const small = await event(olga, { sections: [{ name: 'Box', capacity: 2, base_price: 500 }] });
	assertInvalid(await say({ event_id: small.event_id, section_id: 'Box', quantity: 3 }), '/quantity');
	assertStatus(await say({ event_id: small.event_id, section_id: 'Box', quantity: 2 }), 202);
	assertProblem(await say({ event_id: '999999999', section_id: 'Floor' }), 404, 'not-found');
	assertProblem(await say({ event_id: 'x', section_id: 'Floor' }), 404, 'not-found');
	assertProblem(await say('{"event_id":'), 400, 'malformed-request');
	assertProblem(await say({}, { key: ' ' }), 400, 'idempotency-key-invalid');
	assertStatus(await say({ event_id: id, section_id: 'Floor', quantity: 4 }), 202);
});

test('what comes free while people wait is for them, however many others ask for it', async () => {
	const { id, release } = await soldFloor(4);
	const { token } = await line.joined(ann, id, 'Floor', 4);
	// Who comes with a key may be told by PostgreSQL alone, also before it has been told of the line.
	await told(id);
	stack.sql(`update queue_lines set waits_until = null where event_id = ${id}`);
	let over = false;
	const got = [];
	const grabbing = Promise.all(Array.from({ length: 8 }, async (_, i) => {
		const who = await buyer();
		while (!over) {
			const answer = await hold(who, { event_id: id, section_id: 'Floor', seats_requested: 1 }, i % 2 ? { key: freshKey() } : {});
			if (answer.status === 201) got.push(answer.body);
			else assertProblem(answer, 409, 'sold-out');
		}
	}));
	assertStatus(await release(0), 200);
	await line.until(token, 'reserved').finally(() => { over = true; });
	await grabbing;
	assert.deepEqual(got, []);
});

test('whoever stands in line is given places by that, and not past it', async () => {
	const { id, release } = await soldFloor(2);
	const { token } = await line.joined(ann, id, 'Floor', 2);
	await told(id);
	let over = false;
	const wish = { event_id: id, section_id: 'Floor', seats_requested: 1 };
	const grabbing = (async () => {
		for (let i = 0; !over; i++) assertProblem(await hold(ann, wish, i % 2 ? { key: freshKey() } : {}), 409, 'sold-out');
	})();
	assertStatus(await release(0), 200);
	const { booking_id: booking } = await line.until(token, 'reserved').finally(() => { over = true; });
	await grabbing;
	const { items } = assertStatus(await get(`/bookings?event_id=${id}`, { token: ann.token }), 200).body;
	assert.deepEqual(items.map((b) => b.booking_id), [booking]);
});

test('what nobody who waits could be given is for all, and once they have left everything is', async () => {
	const { id, release } = await soldFloor(13);
	const { token } = await line.joined(ann, id, 'Floor', 5);
	assertStatus(await release(1), 200);
	const direct = (seats) => hold(bert, { event_id: id, section_id: 'Floor', seats_requested: seats });
	await told(id);
	const booked = assertStatus(await direct(1), 201).body;
	// Two are left; with two more, those five could be given four still.
	assertStatus(await release(0), 200);
	await line.until(token, 'reserved');
	assertStatus(await line.leave(ann, token), 204);
	assertStatus(await direct(6), 201);
	assert.equal(booked.status, 'HOLD');
});

test('numbered seats that come free are for those in line, too', async () => {
	const { event_id: id } = await event(olga);
	const seats = Array.from({ length: 10 }, (_, i) => `VIP-A-${i + 1}`);
	const owned = await held(cleo, id, seats);
	const { token } = await line.joined(ann, id, 'VIP', 2);
	let over = false;
	const got = [];
	const grabbing = Promise.all(Array.from({ length: 6 }, async (_, i) => {
		const who = await buyer();
		while (!over) {
			const answer = await hold(who, { event_id: id, seat_ids: [seats[i], seats[i + 1], seats[i + 2]] });
			if (answer.status === 201) got.push(...answer.body.items.map((item) => item.seat_id));
			// Asked for once more, what one has is one's own.
			else if (answer.status !== 200) assert.ok(assertProblem(answer, 409, 'seats-unavailable').seat_ids.length > 0);
		}
	}));
	assertStatus(await move(cleo, owned, 'release'), 200);
	const { booking_id: booking } = await line.until(token, 'reserved').finally(() => { over = true; });
	await grabbing;
	const mine = (await bookingOf(ann, booking)).items.map((item) => item.seat_id);
	assert.equal(mine.length, 2);
	assert.deepEqual(got.filter((seat) => mine.includes(seat)), []);
});

test('tokens: made up, cut, changed, somebody else\'s', async () => {
	const { id } = await soldFloor(1);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	const { token: other } = await line.joined(bert, id, 'Floor', 1);
	const flip = (at) => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
	const bad = [token.slice(0, -1), `${token}A`, token.slice(1), `${token}=`, other.slice(0, 30) + token.slice(30), 'x', 'A'.repeat(80),
		'A'.repeat(3000), '~', ...[0, 1, 3, 8, 12, 18, 30, 41, 46, token.length - 1].map(flip)];
	for (const one of bad) {
		assertProblem(await line.status(one), 404, 'not-found');
		if (one.length <= 200) assertProblem(await line.leave(ann, one), 404, 'not-found');
	}
	assertProblem(await line.leave(bert, token), 404, 'not-found');
	assertProblem(await line.confirm(bert, token), 404, 'not-found');
	assertProblem(await post('/queue/leave', { token }), 401, 'unauthenticated');
	assertProblem(await post('/reservation/confirm', { token }), 401, 'unauthenticated');
	assertInvalid(await post('/queue/leave', {}, { token: ann.token }), '/token');
	assertInvalid(await post('/reservation/confirm', { token: 7 }, { token: ann.token }), '/token');
	assertInvalid(await line.confirm(ann, 'x'.repeat(201)), '/token');
	assert.equal((await line.standing(token)).position, 1);
});

test('a token in the query or in a header', async () => {
	const { id } = await soldFloor(1);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	const from = (headers, query = '') => get(`/reservation/status${query}`, { headers });
	const a = assertStatus(await from({ 'X-Queue-Token': token }), 200).body;
	assert.equal(a.position, 1);
	assertStatus(await from({ 'X-Queue-Token': token }, `?token=${token}`), 200);
	assertProblem(await from({ 'X-Queue-Token': 'another' }, `?token=${token}`), 400, 'malformed-request');
	assertInvalid(await from({}), '/token');
	assertInvalid(await from({ 'X-Queue-Token': token }, '?tokn=1'), '/tokn');
	assert.equal((await from({ 'X-Queue-Token': token })).headers['cache-control'], 'no-store');
	assertProblem(await call('POST', `/reservation/status?token=${token}`, { token: ann.token }), 405, 'method-not-allowed');
});

test('the order is that of joining', async () => {
	const { id, release } = await soldFloor(40);
	const people = await Promise.all(Array.from({ length: 8 }, () => buyer()));
	const tickets = [];
	for (const who of people) tickets.push((await line.joined(who, id, 'Floor', 5)).token);
	assert.deepEqual(await line.positions(tickets), [1, 2, 3, 4, 5, 6, 7, 8]);
	assertStatus(await release(0), 200); // ten places: for two
	await line.until(tickets[1], 'reserved');
	assert.equal((await line.standing(tickets[0])).status, 'reserved');
	assert.deepEqual(await line.positions(tickets.slice(2)), [1, 2, 3, 4, 5, 6]);
	const is = await line.standing(tickets[7]);
	assert.ok(is.estimated_wait_seconds >= 1, JSON.stringify(is));
	assert.equal(is.poll_after_seconds, 2);
	line.inOneState(id, 'Floor');
});

test('who wants more than is left lets others pass, and keeps the place', async () => {
	const { id, holds, owner } = await soldFloor(12); // ten and two
	const big = await line.joined(ann, id, 'Floor', 4);
	const small = await line.joined(bert, id, 'Floor', 2);
	assertStatus(await move(owner, holds[1], 'release'), 200);
	await line.until(small.token, 'reserved');
	const is = await line.standing(big.token);
	assert.deepEqual([is.status, is.position], ['waiting', 1]);
	assertStatus(await move(owner, holds[0], 'release'), 200);
	await line.until(big.token, 'reserved');
});

test('a reservation that is not confirmed in time goes to the next', async () => {
	const { id, release } = await soldFloor(1);
	const first = await line.joined(ann, id, 'Floor', 1);
	const second = await line.joined(bert, id, 'Floor', 1);
	assertStatus(await release(0), 200);
	const { booking_id: booking } = await line.until(first.token, 'reserved');
	assertProblem(await line.confirm(bert, second.token), 409, 'not-reserved-yet');
	stack.expire(booking);
	assertProblem(await line.confirm(ann, first.token), 410, 'hold-expired');
	const gone = await line.until(first.token, 'expired');
	assert.deepEqual([gone.booking_id, gone.expires_at], [booking, null]);
	await line.until(second.token, 'reserved');
	// Whoever was too late may stand in line again, behind the others.
	const again = await line.joined(ann, id, 'Floor', 1);
	assert.notEqual(again.token, first.token);
	assert.equal(again.status, 'waiting');
	assert.equal((await line.standing(first.token)).status, 'expired');
});

test('leaving: a place, a reservation, twice, and what is confirmed', async () => {
	const { id, release } = await soldFloor(1);
	const first = await line.joined(ann, id, 'Floor', 1);
	const second = await line.joined(bert, id, 'Floor', 1);
	const third = await line.joined(cleo, id, 'Floor', 1);
	assertStatus(await line.leave(bert, second.token), 204);
	assert.equal((await line.standing(second.token)).status, 'left');
	assertStatus(await line.leave(bert, second.token), 204);
	assert.deepEqual(await line.positions([first.token, third.token]), [1, 2]);
	assertProblem(await line.confirm(bert, second.token), 409, 'wrong-state');
	assertStatus(await release(0), 200);
	const { booking_id: booking } = await line.until(first.token, 'reserved');
	// What was reserved is free at once, for the next.
	assertStatus(await line.leave(ann, first.token), 204);
	assert.equal((await line.standing(first.token)).status, 'left');
	assert.equal((await bookingOf(ann, booking)).status, 'RELEASED');
	await line.until(third.token, 'reserved');
	assertStatus(await line.confirm(cleo, third.token), 200);
	assertProblem(await line.leave(cleo, third.token), 409, 'wrong-state');
	assert.equal((await line.standing(third.token)).status, 'confirmed');
});

test('leaving again moves no line on', async () => {
	const { id } = await soldFloor(1);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	const driven = (...set) => stack.redis(set.length ? 'hset' : 'hget', line.key(id, 'Floor', 'state'), 'driven', ...set).trim();
	assertStatus(await line.leave(ann, token), 204);
	await stack.until('a line that nobody moves on', async () => {
		driven(1);
		await pause(1000);
		return driven() === '1';
	});
	for (let i = 0; i < 5; i++) assertStatus(await line.leave(ann, token), 204);
	await pause(300);
	assert.equal(driven(), '1');
});

test('a reservation that is released as a booking is left', async () => {
	const { event_id: id } = await event(olga);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	const { booking_id: booking } = await line.until(token, 'reserved');
	assertStatus(await move(ann, booking, 'release'), 200);
	assert.equal((await line.standing(token)).status, 'left');
	assertStatus(await line.leave(ann, token), 204);
});

test('sold out is told to all who wait, and untold when places come back', async () => {
	const { event_id: id } = await event(olga, { sections: [{ name: 'Floor', capacity: 2 }] });
	const owner = await buyer();
	const booking = await confirmed(owner, id, 2);
	const tickets = [];
	for (const who of [ann, bert, cleo]) tickets.push((await line.joined(who, id, 'Floor', 1)).token);
	await Promise.all(tickets.map((token) => line.until(token, 'sold_out')));
	assert.deepEqual(await line.positions(tickets), [1, 2, 3]);
	assert.equal((await line.joined(ann, id, 'Floor', 1)).status, 'sold_out');
	assertStatus(await move(owner, booking, 'cancel'), 200);
	await Promise.all(tickets.slice(0, 2).map((token) => line.until(token, 'reserved')));
	await line.until(tickets[2], 'waiting');
});

test('the limit of places per account', async () => {
	const { event_id: id } = await event(olga, { max_seats_per_user: 3 });
	const owner = await buyer();
	await held(owner, id, 2);
	const { token } = await line.joined(owner, id, 'Floor', 2);
	const is = await line.until(token, 'left');
	assert.equal(is.reason, 'limit-exceeded');
	assertProblem(await line.confirm(owner, token), 409, 'wrong-state');
	const fits = await line.joined(owner, id, 'Floor', 1);
	await line.until(fits.token, 'reserved');
});

test('keys: the first answer again, byte for byte, and no other request under them', async () => {
	const { id, release } = await soldFloor(1);
	const key = freshKey();
	await line.joined(bert, id, 'Floor', 1);
	const first = assertStatus(await line.join(ann, id, 'Floor', 1, { key }), 202);
	assert.equal(first.headers['idempotent-replayed'], undefined);
	assertStatus(await release(0), 200);
	await stack.until('the line has moved on', async () => (await line.standing(first.body.token)).position === 1);
	const again = assertStatus(await line.join(ann, id, 'Floor', 1, { key }), 202);
	assert.equal(again.text, first.text);
	assert.equal(again.headers['idempotent-replayed'], 'true');
	assertProblem(await line.join(ann, id, 'Floor', 2, { key }), 422, 'idempotency-key-reused');
	// Of another account it is another key.
	assert.notEqual(assertStatus(await line.join(cleo, id, 'Floor', 1, { key }), 202).body.token, first.body.token);
	const leaving = freshKey();
	assertStatus(await line.leave(ann, first.body.token, { key: leaving }), 204);
	const left = assertStatus(await line.leave(ann, first.body.token, { key: leaving }), 204);
	assert.equal(left.headers['idempotent-replayed'], 'true');
	const { token } = await line.joined(ann, id, 'Floor', 1);
	assertProblem(await line.leave(ann, token, { key: leaving }), 422, 'idempotency-key-reused');
});

test('keys that Redis has lost: a repeat is judged anew, and comes to the same', async () => {
	const { id } = await soldFloor(1);
	const keys = { join: freshKey(), leave: freshKey() };
	const join = async () => assertStatus(await line.join(ann, id, 'Floor', 1, { key: keys.join }), 202);
	const first = await join();
	await line.joined(bert, id, 'Floor', 1);
	assert.equal((await join()).headers['idempotent-replayed'], 'true');
	const forget = () => stack.redis('del', ...stack.redis('keys', `hfk:{${id}}:*`).split('\n'));
	assert.equal(forget(), '1');
	const again = await join();
	assert.deepEqual([again.headers['idempotent-replayed'], again.body.token, again.body.position], [undefined, first.body.token, 1]);
	const leave = async () => assertStatus(await line.leave(ann, first.body.token, { key: keys.leave }), 204);
	await leave();
	assert.equal(forget(), '2');
	assert.equal((await leave()).headers['idempotent-replayed'], undefined);
	assert.equal((await line.standing(first.body.token)).status, 'left');
});

test('a confirm under a key', async () => {
	const { event_id: id } = await event(olga);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	await line.until(token, 'reserved');
	const key = freshKey();
	const first = assertStatus(await line.confirm(ann, token, { key }), 200);
	const again = assertStatus(await line.confirm(ann, token, { key }), 200);
	assert.equal(again.text, first.text);
	assert.equal(again.headers['idempotent-replayed'], 'true');
	assertProblem(await move(ann, first.body, 'confirm', {}, { key }), 422, 'idempotency-key-reused');
});

test('events whose queue is on can be made', async () => {
	const made = assertStatus(await post('/admin/events', eventBody({ queue: 'on' }), { token: olga.token }), 201).body;
	assert.equal(made.queue, 'on');
	assertInvalid(await post('/admin/events', eventBody({ queue: 'maybe' }), { token: olga.token }), '/queue');
});

// Workers that know of no line; the old ones end in order, so that what they have run is counted (make coverage).
async function renew() {
	const old = stack.workers('queue');
	for (const pid of old) process.kill(pid, 'SIGTERM');
	await stack.until('the workers have gone', () => !old.some(stack.isAlive));
}

// One run of the job, to its end; null where Redis was too slow for it, as on a busy machine: then the next has to do it.
function advanced() {
	const done = stack.program('queue-advance');
	return / redis=away /.test(done.stderr) ? null : done;
}

test('the job moves a line on in which nobody asks', async () => {
	const { id, release } = await soldFloor(3);
	const { token } = await line.joined(ann, id, 'Floor', 2);
	// Pools that were asked a moment ago would do it by themselves.
	await renew();
	assertStatus(await release(0), 200);
	await stack.until('somebody is served', () => {
		const done = advanced();
		if (!done) return false;
		assert.equal(done.status, 0, done.stderr);
		assert.match(done.stderr, / job=queue-advance rows=\d+ .*lines=\d+ waiting=\d+ served=\d/);
		return stack.sql(`select count(*) from queue_tickets where event_id = ${id}`) === '1';
	}, 20);
	const answer = await stack.until('the pool is back', async () => {
		const one = await line.status(token);
		return one.status === 200 && one;
	});
	assertHeaders(answer);
	assert.equal(answer.body.status, 'reserved');
});

test('the job goes on where a line cannot be moved on, and says so', async () => {
	const broken = await soldFloor(1), whole = await soldFloor(1);
	await line.joined(ann, broken.id, 'Floor', 1);
	await line.joined(bert, whole.id, 'Floor', 1);
	await renew();
	const state = line.key(broken.id, 'Floor', 'state');
	stack.redis('rename', state, `${state}:off`);
	stack.redis('set', state, 'no hash');
	assertStatus(await whole.release(0), 200);
	await stack.until('the other line is moved on', () => {
		const done = advanced();
		if (!done) return false;
		assert.equal(done.status, 1, done.stderr);
		assert.match(done.stderr, / event=\d+ line=Floor problem=/);
		assert.match(done.stderr, / job=queue-advance .* failed=1 error=failed$/m);
		assert.equal(stack.sql("select error from job_list() where name = 'queue-advance'"), 'failed');
		return stack.sql(`select count(*) from queue_tickets where event_id = ${whole.id}`) === '1';
	}, 20);
	stack.redis('rename', `${state}:off`, state);
	assert.equal((await stack.until('the job has come to its end', advanced)).status, 0);
	await stack.until('the pool is back', async () => (await get('/readyz')).status === 200);
});

test('numbers of the line are told to those who watch', async () => {
	const { id } = await soldFloor(1);
	await line.joined(ann, id, 'Floor', 1);
	const { text } = await get('/metrics', { root: true });
	assert.ok(Number(/^holdfast_queue_waiting (\d+)$/m.exec(text)[1]) >= 1);
	assert.ok(Number(/^holdfast_queue_moves_total\{move="joined"\} (\d+)$/m.exec(text)[1]) >= 1);
	assert.ok(Number(/^holdfast_queue_moves_total\{move="reserved"\} (\d+)$/m.exec(text)[1]) >= 1);
	assert.ok(Number(/^holdfast_queue_waited_seconds_total ([\d.]+)$/m.exec(text)[1]) > 0);
});
