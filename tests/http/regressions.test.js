// Faults that were made to happen in systems of this kind, one test each, under the name of its rule.
// (Servers that are stopped, emptied or restarted in the middle of a sale have files of their own.)
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, get, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, confirmed, event, held, hold, move, password, staff } =
	require('../lib/world.js');

let olga, ann, bob, crowd;

before(async () => {
	[olga, ann, bob, ...crowd] = await Promise.all([staff(), ...Array.from({ length: 12 }, () => buyer())]);
});
after(stack.verify);

const seats = (id, ...names) => ({ event_id: id, seat_ids: names });
const floor = (id, n) => ({ event_id: id, section_id: 'Floor', seats_requested: n });
const times = (n, what) => Promise.all(Array.from({ length: n }, (_, i) => what(i)));
const allStatus = (answers, status) => answers.filter((answer) => answer.status === status).length;

test('the owner is checked on confirm', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1']);
	assertProblem(await move(bob, booking, 'confirm'), 404, 'not-found');
	assertProblem(await move(bob, booking, 'confirm', { user_id: ann.user_id }), 422, 'invalid');
	assertProblem(await post('/booking/confirm', { show_id: id, seat_ids: ['B1'], user_id: ann.user_id },
		{ token: bob.token }), 403, 'forbidden');
	await assertPlaces(id, { VIP: [13, 1, 0] });
});

test('the same request many times in parallel gets the same answer each time', async () => {
	const { event_id: id } = await event(olga);
	const all = async (ask, status) => {
		let answers = await times(20, ask);
		for (const busy of answers.filter((a) => a.status === 409))
			assertProblem(busy, 409, 'idempotency-in-flight');
		answers = [...answers.filter((a) => a.status !== 409), await ask()];
		for (const answer of answers) assertStatus(answer, status);
		assert.equal(new Set(answers.map((a) => a.text)).size, 1);
		assert.equal(answers.filter((a) => !a.headers['idempotent-replayed']).length, 1);
		return answers[0].body;
	};
	const [one, two] = [freshKey(), freshKey()];
	const booking = await all(() => hold(ann, floor(id, 2), { key: one }), 201);
	await assertPlaces(id, { Floor: [8, 2, 0] });
	await all(() => move(ann, booking, 'confirm', {}, { key: two }), 200);
	await assertPlaces(id, { Floor: [8, 0, 2] });
});

test('a retry after the hold’s deadline still says confirmed, when it was', async () => {
	const { event_id: id } = await event(olga, { hold_seconds: 3 });
	const key = freshKey();
	const booking = await held(ann, id, ['B1']);
	const first = assertStatus(await move(ann, booking, 'confirm', {}, { key }), 200);
	await stack.until('the deadline has passed', () => Date.now() > Date.parse(booking.expires_at) + 20);
	assert.equal((await move(ann, booking, 'confirm', {}, { key })).text, first.text);
	assert.equal((await move(ann, booking, 'confirm')).text, first.text);
	assertProblem(await hold(bob, seats(id, 'B1')), 409, 'seats-unavailable');
});

test('a request id is bound to user and seats', async () => {
	const { event_id: id } = await event(olga);
	await held(ann, id, ['B1']);
	await held(bob, id, ['B2']);
	const key = freshKey();
	const book = (who, ...names) => post('/booking/confirm', { show_id: id, seat_ids: names, request_id: key },
		{ token: who.token });
	assertStatus(await book(ann, 'B1'), 200);
	assertProblem(await book(ann, 'B3'), 422, 'idempotency-key-reused');
	assertProblem(await book(bob, 'B1'), 409, 'seats-unavailable');
	assert.deepEqual(assertStatus(await book(bob, 'B2'), 200).body.booked_seats, ['B2']);
});

test('holding again what one holds is an idempotent success', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1', 'B2']);
	for (const answer of await times(5, () => hold(ann, seats(id, 'B1', 'B2'))))
		assert.deepEqual(assertStatus(answer, 200).body, booking);
});

test('a hold of one event never answers with that of another', async () => {
	const [{ event_id: one }, { event_id: two }] = [await event(olga), await event(olga)];
	const first = await held(ann, one, ['B1']);
	const second = await held(ann, two, ['B1']);
	assert.notEqual(second.booking_id, first.booking_id);
	assert.deepEqual([first.event_id, second.event_id], [one, two]);
	assertStatus(await move(ann, first, 'confirm'), 200);
	await assertPlaces(one, { VIP: [13, 0, 1] });
	await assertPlaces(two, { VIP: [13, 1, 0] });
	assertStatus(await hold(bob, seats(two, 'B2')), 201);
});

test('a hold of a sold seat is 409 at once', async () => {
	const { event_id: id } = await event(olga);
	await confirmed(ann, id, ['B1']);
	for (const who of [ann, bob]) {
		// The quickest of some: a machine may be busy with something else.
		let took = Infinity;
		for (let i = 0; i < 5 && took >= 1000; i++) {
			const began = Date.now();
			assertProblem(await hold(who, seats(id, 'B1')), 409, 'seats-unavailable');
			took = Date.now() - began;
		}
		assert.ok(took < 1000, `${took} ms`);
	}
});

test('unknown, empty and duplicate seats are 4xx', async () => {
	const { event_id: id } = await event(olga);
	for (const list of [['Nowhere'], [], ['B1', 'B1'], ['']])
		assertProblem(await hold(ann, { event_id: id, seat_ids: list }), 422, 'invalid');
});

test('ids such as a:b stay whole', async () => {
	const odd = ['a:b', 'a', 'b', 'a,b', 'a|b', '{a}', 'a b', '"', '\\', "'", '%s', '*', '🎫'];
	const { event_id: id } = await event(olga, { max_seats_per_booking: 20, sections: [
		{ name: 'S', base_price: 1, rows: [{ row: 'R:1|2', seats: odd }] }] });
	const booking = await held(ann, id, ['a:b']);
	assert.deepEqual(booking.items.map((i) => i.seat_id), ['a:b']);
	await held(bob, id, ['a', 'b']);
	const rest = await held(bob, id, odd.slice(3));
	assert.deepEqual(rest.items.map((i) => i.seat_id), odd.slice(3));
	await assertSeats(id, 'h'.repeat(odd.length));
	assert.deepEqual(assertProblem(await hold(bob, seats(id, 'a:b', '🎫')), 409, 'seats-unavailable').seat_ids,
		['a:b', '🎫']);
	stack.forget(id);
	await assertSeats(id, 'h'.repeat(odd.length));
	assertStatus(await move(bob, rest, 'confirm'), 200);
	await assertPlaces(id, { S: [0, 3, 10] });
});

test('sold out is a 409, and an oversell is none', async () => {
	const { event_id: id } = await event(olga);
	const answers = await times(40, (i) => hold(crowd[i % crowd.length], floor(id, 1)));
	assert.equal(allStatus(answers, 201), 10);
	for (const lost of answers.filter((a) => a.status !== 201)) assertProblem(lost, 409, 'sold-out');
	await assertPlaces(id, { Floor: [0, 10, 0] });
});

test('two at the last place', async () => {
	const { event_id: id } = await event(olga);
	await held(ann, id, 9);
	for (let i = 0; i < 5; i++) {
		const answers = await times(2, (n) => hold(crowd[n], floor(id, 1)));
		assert.deepEqual(answers.map((a) => a.status).sort(), [201, 409]);
		const n = answers.findIndex((a) => a.status === 201);
		assertStatus(await move(crowd[n], answers[n].body, 'release'), 200);
		await assertPlaces(id, { Floor: [1, 9, 0] });
	}
});

test('a release, or a cancel, many times at once frees once', async () => {
	const { event_id: id } = await event(olga);
	await held(bob, id, 2);
	const booking = await held(ann, id, 3);
	for (const answer of await times(10, () => move(ann, booking, 'release'))) assertStatus(answer, 200);
	await assertPlaces(id, { Floor: [8, 2, 0] });
	const sold = await confirmed(ann, id, 3);
	for (const answer of await times(10, () => move(ann, sold, 'cancel'))) assertStatus(answer, 200);
	await assertPlaces(id, { Floor: [8, 2, 0] });
});

test('a double click on confirm makes one booking', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1', 'B2']);
	const answers = await times(10, () => move(ann, booking, 'confirm'));
	for (const answer of answers) assert.equal(assertStatus(answer, 200).text, answers[0].text);
	await assertPlaces(id, { VIP: [12, 0, 2] });
});

test('a cap per user that parallel requests cannot pass', async () => {
	const { event_id: id } = await event(olga, { max_seats_per_user: 3, sections: [
		{ name: 'Floor', capacity: 1000 }, { name: 'S', rows: [{ row: 'A', seats: 100 }] }] });
	const answers = await times(30, (i) => hold(crowd[i % 3],
		i % 2 ? floor(id, 1) : seats(id, `S-A-${i + 1}`)));
	for (const refused of answers.filter((a) => a.status !== 201))
		assert.ok(['/problems/limit-exceeded', '/problems/busy'].includes(refused.body.type), refused.text);
	assert.ok(allStatus(answers, 201) <= 9);
	for (const who of crowd.slice(0, 3))
		assert.ok(Number(stack.sql(`select coalesce(sum(places), 0) from bookings
			where event_id = ${id} and user_id = '${who.user_id}'`)) <= 3);
});

test('reconciliation during a sale never raises availability above the truth', async () => {
	const { event_id: id } = await event(olga, { sections: [
		{ name: 'Floor', capacity: 60 }, { name: 'S', rows: [{ row: 'A', seats: 20 }] }] });
	let selling = true;
	const sale = times(10, async (n) => {
		const who = crowd[n];
		let got = 0;
		for (let i = 0; i < 15; i++) {
			const answer = await hold(who, i % 2 ? floor(id, 1) : seats(id, `S-A-${(n * 7 + i) % 20 + 1}`));
			if (answer.status !== 201) continue;
			if (i % 5 === 4) await move(who, answer.body, 'release');
			else got++;
		}
		return got;
	}).finally(() => {
		selling = false;
	});
	let runs = 0;
	while (selling) {
		stack.reconcile(id);
		runs++;
		await stack.pause(1);
	}
	await sale;
	assert.ok(runs > 0);
	const [taken, left] = stack.sql(`select taken, capacity - taken from ga_counts
		where event_id = ${id}`).split('|').map(Number);
	await assertPlaces(id, { Floor: [left, taken, 0] });
	assert.equal(allStatus(await times(left + 5, (i) => hold(crowd[i % 12], floor(id, 1))), 201), left);
	await assertPlaces(id, { Floor: [0, 60, 0] });
});

test('the answer leaves only after the commit: hold, then confirm at once, 300 times', async () => {
	const { event_id: id } = await event(olga, { sections: [{ name: 'Floor', capacity: 300, base_price: 1 }] });
	await times(6, async (n) => {
		for (let i = 0; i < 50; i++) {
			const booking = await held(crowd[n], id, 1);
			assertStatus(await move(crowd[n], booking, 'confirm'), 200);
		}
	});
	await assertPlaces(id, { Floor: [0, 0, 300] });
});

test('the client’s price is ignored, and its name for a user too', async () => {
	const { event_id: id } = await event(olga);
	for (const more of [{ price: 1 }, { total: 0 }, { unit_price: 1 }, { user_id: bob.user_id }])
		assertProblem(await hold(ann, { ...floor(id, 1), ...more }), 422, 'invalid');
	assertProblem(await hold(ann, { event_id: id, items: [{ seat_id: 'B1', unit_price: 1 }] }), 422, 'invalid');
	assert.equal((await held(ann, id, 2)).total, 1000);
});

test('who registers is told no secret, and chooses no role', async () => {
	const body = { email: `x${freshKey()}@example.test`, password };
	assertProblem(await post('/auth/register', { ...body, role: 'admin' }), 422, 'invalid');
	const made = assertStatus(await post('/auth/register', body), 201);
	assert.equal(made.body.role, 'user');
	assert.doesNotMatch(made.text, /password|otp|hash|code|token/i);
});

test('passwords are kept as yescrypt, refresh tokens as hashes', async () => {
	assert.equal(stack.sql("select count(*) from users where password_hash !~ '^[$]y[$]'"), '0');
	const { body } = assertStatus(await post('/auth/login', { email: ann.email, password }), 200);
	const rows = stack.sql('select * from refresh_tokens');
	assert.ok(rows.length > 0);
	assert.ok(!rows.includes(body.refresh_token));
});

test('secrets, tokens and people are not in the logs, nor on command lines', async () => {
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, 1);
	await get(`/bookings/${booking.booking_id}`, { token: ann.token });
	await post('/auth/login', { email: ann.email, password: 'a wrong secret password' });
	const conf = fs.readFileSync(stack.env.HOLDFAST_CONF, 'utf8');
	const file = (name) => new RegExp(`^${name} = @?(.*)$`, 'm').exec(conf)[1];
	const secrets = [fs.readFileSync(file('id_secret'), 'utf8').trim(),
		...fs.readFileSync(file('jwt_keys_file'), 'utf8').trim().split('\n').map((line) => line.split(' ')[1]),
		ann.token, ann.token.split('.')[2], ann.email, password, 'a wrong secret password', ann.user_id];
	const logs = path.join(stack.env.HOLDFAST_STATE, 'log');
	let bytes = 0;
	for (const name of fs.readdirSync(logs)) {
		const text = fs.readFileSync(path.join(logs, name), 'utf8');
		bytes += text.length;
		for (const secret of secrets) assert.ok(!text.includes(secret), `${name}: ${secret.slice(0, 6)}…`);
		assert.doesNotMatch(text, /password=|Bearer /i, name);
	}
	assert.ok(bytes > 1000, 'there is something in the logs');
	for (const pool of stack.pools) {
		for (const pid of [stack.pidOf(pool), ...stack.workers(pool)]) {
			const line = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8') +
				fs.readFileSync(`/proc/${pid}/environ`, 'utf8');
			for (const secret of secrets) assert.ok(!line.includes(secret), pool);
		}
	}
});
