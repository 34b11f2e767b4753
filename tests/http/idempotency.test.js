// One key, one effect: replays byte for byte, keys of others, keys that are none. Several requests with
// one key at the same time belong to the tests of races.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertPlaces, buyer, confirmed, event, eventBody, held, hold, move, staff } =
	require('../lib/world.js');

let olga, ann, bob;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
});
after(stack.verify);

const seat = (id, name) => ({ event_id: id, seat_ids: [name] });

function assertReplay(again, first) {
	assert.equal(again.status, first.status, again.text);
	assert.equal(again.text, first.text);
	assert.equal(again.headers['idempotent-replayed'], 'true');
	assert.equal(first.headers['idempotent-replayed'], undefined);
	assert.equal(again.headers.location, first.headers.location);
	assert.equal(again.headers['content-type'], first.headers['content-type']);
}

test('a hold’s first answer comes again, whatever has become of it', async () => {
	const { event_id: id } = await event(olga);
	const ends = {
		'while it lives': async () => {},
		'after a release': (b) => move(ann, b, 'release'),
		'after a confirm': (b) => move(ann, b, 'confirm'),
		'after a cancel': async (b) => {
			await move(ann, b, 'confirm');
			return move(ann, b, 'cancel');
		},
		'after its deadline': async (b) => stack.expire(b.booking_id),
		'after others took its seats': async (b, body) => {
			await move(ann, b, 'release');
			assertStatus(await hold(bob, body), 201);
		},
		'after Redis has forgotten': async () => stack.forget(id),
	};
	for (const [i, [when, end]] of Object.entries(ends).entries()) {
		const key = freshKey();
		const body = { event_id: id, items: [{ seat_id: `VIP-A-${i + 1}` }, { section_id: 'Floor', quantity: 1 }] };
		const first = assertStatus(await hold(ann, body, { key }), 201);
		await end(first.body, body);
		const before_ = stack.books();
		for (let n = 0; n < 2; n++) assertReplay(await hold(ann, body, { key }), first);
		assert.equal(stack.books(), before_, when);
	}
});

test('first answers of moves come again', async () => {
	const { event_id: id } = await event(olga);
	for (const [verb, name, start, undo] of [
		['confirm', 'B1', held, (b) => move(ann, b, 'cancel')],
		['release', 'B2', held, () => hold(bob, seat(id, 'B2'))],
		['cancel', 'B3', confirmed, () => hold(bob, seat(id, 'B3'))],
	]) {
		const booking = await start(ann, id, [name]);
		const key = freshKey();
		const first = assertStatus(await move(ann, booking, verb, {}, { key }), 200);
		assertReplay(await move(ann, booking, verb, {}, { key }), first);
		assert.ok((await undo(booking)).status < 300);
		assertReplay(await move(ann, booking, verb, {}, { key }), first);
		// An absent body is {}; the key is not part of what is asked.
		assertReplay(await move(ann, booking, verb, undefined, { key }), first);
		assertReplay(await move(ann, booking, verb, { idempotency_key: key }), first);
		assertProblem(await move(ann, booking, verb, { [verb === 'cancel' ? 'reason' : 'payment_id']: 'x' },
			{ key }), 422, verb === 'release' ? 'invalid' : 'idempotency-key-reused');
	}
});

test('a part of a booking is cancelled once under its key', async () => {
	const { event_id: id } = await event(olga);
	const booking = await confirmed(ann, id, 5);
	const [key, items] = [freshKey(), [{ section_id: 'Floor', quantity: 2 }]];
	const first = assertStatus(await move(ann, booking, 'cancel', { items }, { key }), 200);
	assertReplay(await move(ann, booking, 'cancel', { items }, { key }), first);
	await assertPlaces(id, { Floor: [7, 0, 3] });
	assertStatus(await move(ann, booking, 'cancel', { items }, { key: freshKey() }), 200);
	assertReplay(await move(ann, booking, 'cancel', { items }, { key }), first);
	await assertPlaces(id, { Floor: [9, 0, 1] });
});

test('another request under the same key is refused', async () => {
	const { event_id: id } = await event(olga);
	const key = freshKey();
	await held(ann, id, ['B1', 'B2'], { key });
	const before_ = stack.books();
	for (const body of [{ event_id: id, seat_ids: ['B1'] }, { event_id: id, seat_ids: ['B2', 'B1'] },
		{ event_id: id, section_id: 'Floor', seats_requested: 1 },
		{ event_id: id, items: [{ seat_id: 'B1' }, { seat_id: 'B2' }] }])
		assertProblem(await hold(ann, body, { key }), 422, 'idempotency-key-reused');
	assert.equal(stack.books(), before_);
	// The order of members and the spaces between them are no difference.
	const same = await hold(ann, `{ "seat_ids" : ["B1", "B2"],\n "event_id": "${id}" }`, { key });
	assert.equal(assertStatus(same, 201).headers['idempotent-replayed'], 'true');
});

test('a key is its user’s, its operation’s and its event’s', async () => {
	const [{ event_id: one }, { event_id: two }] = [await event(olga), await event(olga)];
	const key = freshKey();
	const mine = await held(ann, one, 1, { key });
	const theirs = await held(bob, one, 1, { key });
	const elsewhere = await held(ann, two, 1, { key });
	assert.equal(new Set([mine, theirs, elsewhere].map((b) => b.booking_id)).size, 3);
	assertStatus(await move(ann, mine, 'confirm', {}, { key }), 200);
	assertStatus(await move(ann, elsewhere, 'confirm', {}, { key }), 200);
	assertStatus(await move(ann, mine, 'cancel', {}, { key }), 200);
	const other = await held(ann, one, 1);
	assertProblem(await move(ann, other, 'confirm', {}, { key }), 422, 'idempotency-key-reused');
});

test('only what succeeded is kept', async () => {
	const { event_id: id } = await event(olga);
	const key = freshKey();
	const other = await held(bob, id, ['B1']);
	assertProblem(await hold(ann, seat(id, 'B1'), { key }), 409, 'seats-unavailable');
	assertProblem(await hold(ann, seat(id, 'Nowhere'), { key }), 422, 'invalid');
	assertStatus(await move(bob, other, 'release'), 200);
	const first = assertStatus(await hold(ann, seat(id, 'B1'), { key }), 201);
	assert.equal(first.headers['idempotent-replayed'], undefined);
	const confirmKey = freshKey();
	assertProblem(await move(bob, first.body, 'confirm', {}, { key: confirmKey }), 404, 'not-found');
	assertStatus(await move(ann, first.body, 'confirm', {}, { key: confirmKey }), 200);
});

test('the 200 of holding again what one holds is not kept', async () => {
	const { event_id: id } = await event(olga);
	const mine = await held(ann, id, ['B1']);
	const key = freshKey();
	const same = assertStatus(await hold(ann, seat(id, 'B1'), { key }), 200);
	assert.equal(same.headers['idempotent-replayed'], undefined);
	assertStatus(await move(ann, mine, 'release'), 200);
	const fresh = assertStatus(await hold(ann, seat(id, 'B1'), { key }), 201);
	assert.notEqual(fresh.body.booking_id, mine.booking_id);
	assertReplay(await hold(ann, seat(id, 'B1'), { key }), fresh);
});

test('two headers with a key are refused', async () => {
	const { event_id: id } = await event(olga);
	const before_ = stack.books();
	for (const keys of [['one', 'two'], ['one', 'one']])
		assertProblem(await hold(ann, seat(id, 'B1'), { headers: { 'Idempotency-Key': keys } }), 400, 'idempotency-key-invalid');
	assert.equal(stack.books(), before_);
});

test('a key is bare or quoted, in the header or in the body', async () => {
	const { event_id: id } = await event(olga);
	const first = assertStatus(await hold(ann, seat(id, 'B1'), { key: 'one-and-the-same' }), 201);
	const body = seat(id, 'B1');
	for (const [more, key] of [
		[{}, '"one-and-the-same"'], [{}, '  one-and-the-same '],
		[{ request_id: 'one-and-the-same' }], [{ idempotency_key: 'one-and-the-same' }],
		[{ request_id: 'one-and-the-same', idempotency_key: 'one-and-the-same' }, '"one-and-the-same"'],
		[{ request_id: null }, 'one-and-the-same'],
	])
		assertReplay(await hold(ann, { ...body, ...more }, { key }), first);
	const odd = '!#%&\'*+/=?^_`{|}~:;,.<>()[]@$-"\\'.replace(/^"/, '');
	const escaped = `"${odd.replace(/["\\]/g, '\\$&')}"`;
	const two = assertStatus(await hold(ann, seat(id, 'B2'), { key: odd }), 201);
	assertReplay(await hold(ann, seat(id, 'B2'), { key: escaped }), two);
	const long = 'k'.repeat(255);
	const three = assertStatus(await hold(ann, seat(id, 'B3'), { key: long }), 201);
	assertReplay(await hold(ann, seat(id, 'B3'), { key: `"${long}"` }), three);
});

test('what is no key', async () => {
	const { event_id: id } = await event(olga);
	const body = seat(id, 'B1');
	const before_ = stack.books();
	const refuse = (answer) => assertProblem(answer, 400, 'idempotency-key-invalid');
	for (const key of ['', ' ', '""', '"', '"a', 'a b', 'k'.repeat(256), `"${'k'.repeat(256)}"`, '"a" ; x',
		'"a\\b"', '"a"b"', 'caf\u00e9', 'a\tb'])
		refuse(await hold(ann, body, { key }));
	for (const key of ['', ' ', 'a b', 'k'.repeat(256), 'é', 'a\n', 7, true, [], {}])
		for (const name of ['request_id', 'idempotency_key'])
			refuse(await hold(ann, { ...body, [name]: key }));
	refuse(await hold(ann, { ...body, request_id: 'a' }, { key: 'b' }));
	refuse(await hold(ann, { ...body, request_id: 'a', idempotency_key: 'b' }));
	refuse(await post('/admin/events', eventBody(), { token: olga.token, key: 'a b' }));
	refuse(await post('/admin/venues', { name: 'x' }, { token: olga.token, key: '' }));
	for (const verb of ['confirm', 'release', 'cancel'])
		refuse(await move(ann, '00000001-0000-8000-8000-000000000000', verb, {}, { key: '"' }));
	assert.equal(stack.books(), before_);
});

test('a first request that still runs is told to wait', async () => {
	const { spawn } = require('node:child_process');
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1']);
	const key = freshKey();
	const blocker = spawn('psql', [stack.env.DATABASE_URL, '-XAtq'], { stdio: ['pipe', 'pipe', 'ignore'] });
	try {
		const locked = new Promise((resolve) => blocker.stdout.once('data', resolve));
		blocker.stdin.write(`begin; select holdfast.key_lock(
			'${id}/${ann.user_id}/confirm/${key}', false); select 'locked';\n`);
		await locked;
		const answer = await move(ann, booking, 'confirm', {}, { key });
		assertProblem(answer, 409, 'idempotency-in-flight');
		assert.ok(Number(answer.headers['retry-after']) >= 1);
	} finally {
		blocker.stdin.end('rollback;\n');
	}
	await stack.until('the first is over', async () =>
		(await move(ann, booking, 'confirm', {}, { key })).status === 200);
});

test('auth calls keep no answers: their key is no key', async () => {
	const key = freshKey();
	const body = { email: ann.email, password: 'correct horse' };
	const [one, two] = [await post('/auth/login', body, { key }), await post('/auth/login', body, { key })];
	assertStatus(two, 200);
	assert.notEqual(one.body.refresh_token, two.body.refresh_token);
	assert.equal(two.headers['idempotent-replayed'], undefined);
});
