// What everybody reads, where readers are many, wrong or curious: lists that grow while they are read,
// tags, events that are not there or not for everybody.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, call, freshKey, get, pages, post, put } =
	require('../lib/client.js');
const raw = require('../lib/raw.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, confirmed, event, held, move, nextYear, settled, staff } =
	require('../lib/world.js');

let olga, other, admin, bob;

before(async () => {
	[olga, other, admin, bob] = await Promise.all([staff(), staff(), staff('admin'), buyer()]);
});
after(stack.verify);

// Words that no event of an earlier run has.
const word = (text) => `${text}${freshKey().slice(0, 8)}`;

const ids = (items) => items.map((e) => e.event_id);

// Events that a word finds and no other, one a minute.
async function series(title, count) {
	const made = [];
	for (let i = 0; i < count; i++)
		made.push((await event(olga, { title: `${title} ${i}`,
			event_date: `${nextYear}-06-01T10:${String(i).padStart(2, '0')}:00Z` })).event_id);
	return made;
}

test('a list neither skips nor repeats while others are added', async () => {
	const title = word('Added');
	const made = await series(title, 6);
	const seen = [];
	let added = 0;
	for await (const page of pages(`/events?q=${title}&limit=2`)) {
		seen.push(...ids(page));
		// One before all, one at the very moment of those seen.
		await event(olga, { title: `${title} early ${added}`, event_date: `${nextYear}-05-20T10:00:00Z` });
		await event(olga, { title: `${title} among ${added++}`, event_date: `${nextYear}-06-01T10:00:00Z` });
	}
	assert.deepEqual(seen.filter((id) => made.includes(id)), made);
	assert.equal(new Set(seen).size, seen.length);
});

test('the address of the next page is one, whatever was asked for', async () => {
	const title = `${word('Strange')}<">Ö`;
	const made = await series(title, 2);
	const first = await raw.http(Buffer.from(`GET /api/v1/events?q=${title}&limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
	assert.equal(first.status, 200, first.text);
	assert.deepEqual(ids(first.body.items), [made[0]]);
	const [, next] = /^<\/api\/v1([!-;=?-~]+)>; rel="next"$/.exec(first.headers.link);
	assert.deepEqual(ids(assertStatus(await get(next), 200).body.items), [made[1]]);
});

test('parameters that are wrong are named', async () => {
	const { event_id: id } = await event(olga);
	const wrong = [
		['/events?limit=0', '/limit'], ['/events?limit=101', '/limit'], ['/events?limit=x', '/limit'],
		['/events?limit=1e2', '/limit'], ['/events?limit=', '/limit'],
		['/events?limit=99999999999999999999', '/limit'], ['/events?colour=red', '/colour'],
		['/events?a~b/c=1', '/a~0b~1c'], ['/events?&', '/'], ['/events?limit=1&', '/'],
		['/events?q=a&q=b', '/q'], ['/events?q=%zz', '/q'], ['/events?q=%ff', '/q'],
		['/events?q=%00', '/q'], ['/events?q=%c0%af', '/q'], ['/events?from=soon', '/from'],
		['/events?to=2020-13-01', '/to'], ['/events?cursor=x', '/cursor'], ['/events?cursor=', '/cursor'],
		['/events?cursor=%22%2e%2e', '/cursor'], [`/events/${id}?x=1`, '/x'],
		[`/events/${id}/seatmap?&&`, '/'], [`/events/${id}/availability?x=1`, '/x'], [`/events/${id}/seatmap?x=1`, '/x'],
		[`/events/${id}/seatmap/status?x=1`, '/x'], [`/events/${id}/seats?limit=1001`, '/limit'],
		[`/events/${id}/seats?status=free`, '/status'], [`/events/${id}/seats?cursor=x`, '/cursor'],
		[`/events/${id}/seats?section_id=Nowhere`, '/section_id'],
	];
	for (const [where, ...pointers] of wrong) assertInvalid(await get(where), ...pointers);
	// A cursor of another list is none of this one.
	const { next_cursor: cursor } = (await get('/events?limit=1')).body;
	assertInvalid(await get(`/events/${id}/seats?cursor=${cursor}`), '/cursor');
});

test('an event that is not there', async () => {
	const last = Number(stack.sql('select max(event_id) from events'));
	for (const id of [last + 1000, 0, -1, '2147483648', '1x', 'x', '%20', '01', '+1', "1'", '1%2f2'])
		for (const below of ['', '/availability', '/seats', '/seatmap', '/seatmap/status'])
			assertProblem(await get(`/events/${id}${below}`), 404, 'not-found');
	// One that is, spelt otherwise: nobody has it made again for that.
	for (const where of [`/events/${String(last).replace(/./g, '%3$&')}`, `/events/${last}/seat%6dap`, `/%65vents/${last}/seats`, '/events/popula%72'])
		assertProblem(await get(where), 404, 'not-found');
	assertStatus(await get(`/events/${last}/seatmap?`), 200);
});

test('the numbers of an event follow its bookings', async () => {
	const { event_id: id } = await event(olga);
	const one = await held(bob, id, ['VIP-A-1', 'B4']);
	await held(bob, id, 4);
	const two = await confirmed(bob, id, ['VIP-A-3']);
	await confirmed(bob, id, 3);
	await assertPlaces(id, { Floor: [3, 4, 3],
		VIP: [11, 2, 1] });
	await assertSeats(id, 'habaaaaaaaaaah');
	await settled(async () => assert.deepEqual(
		(await get(`/events/${id}`)).body.sections.map((s) => s.available), [3, 11]));
	assertStatus(await move(bob, one, 'release'), 200);
	assertStatus(await move(bob, two, 'cancel'), 200);
	await assertPlaces(id, { Floor: [3, 4, 3],
		VIP: [14, 0, 0] });
	await assertSeats(id, 'a'.repeat(14));
});

test('public answers have a tag, and 304 says that it still holds', async () => {
	const { event_id: id } = await event(olga);
	for (const where of ['/events?q=evening', `/events/${id}`, `/events/${id}/availability`,
		`/events/${id}/seats`, `/events/${id}/seatmap`, `/events/${id}/seatmap/status`]) {
		const first = assertStatus(await get(where), 200);
		const tag = first.headers.etag;
		assert.match(tag, /^"[^"]+"$/);
		assert.match(first.headers['cache-control'], /^public, max-age=1, s-maxage=[12], stale-while-revalidate=1$/);
		for (const condition of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
			const same = await get(where, { headers: { 'If-None-Match': condition } });
			assert.equal(same.status, 304, `${where} ${condition}`);
			assert.equal(same.text, '');
			assert.equal(same.headers.etag, tag);
			assert.ok(same.headers['cache-control']);
		}
		for (const condition of ['"other"', tag.slice(0, -1), tag.slice(1), '"'])
			assertStatus(await get(where, { headers: { 'If-None-Match': condition } }), 200);
	}
	const tags = async () => Promise.all([`/events/${id}/availability`, `/events/${id}/seatmap/status`,
		`/events/${id}/seats`, `/events/${id}`, `/events/${id}/seatmap`]
		.map(async (where) => (await get(where)).headers.etag));
	const before_ = await tags();
	await held(bob, id, ['VIP-A-1']);
	await settled(async () => {
		const now = await tags();
		for (let i = 0; i < 4; i++) assert.notEqual(now[i], before_[i]);
		assert.equal(now[4], before_[4], 'the layout has not changed');
	});
});

test('a HEAD is a GET without the body', async () => {
	const { event_id: id } = await event(olga);
	for (const where of ['/events?limit=1', `/events/${id}`, `/events/${id}/seatmap`]) {
		const [whole, head] = [await get(where), await call('HEAD', where)];
		assertStatus(head, 200);
		assert.equal(head.text, '');
		for (const name of ['content-type', 'content-length', 'etag', 'cache-control', 'link'])
			assert.equal(head.headers[name], whole.headers[name], name);
	}
	assert.equal((await call('HEAD', '/events/0')).status, 404);
});

test('a token that is wrong is refused even where none is needed', async () => {
	const { event_id: id } = await event(olga);
	assertProblem(await get(`/events/${id}`, { token: 'forged' }), 401, 'unauthenticated');
	for (const options of [{ token: bob.token }, { anonymous: true }])
		assertStatus(await get(`/events/${id}`, options), 200);
});

test('a large answer is compressed for those who can read it', async () => {
	const { event_id: id } = await event(olga, { sections: [
		{ name: 'S', rows: [{ row: 'A', seats: 1000 }, { row: 'B', seats: 1000 }] }] });
	const plain = await get(`/events/${id}/seatmap/status`);
	assert.equal(plain.body.status, 'a'.repeat(2000));
	const packed = await get(`/events/${id}/seats?limit=1000`, { headers: { 'Accept-Encoding': 'gzip' } });
	assert.equal(packed.headers['content-encoding'], 'gzip');
	assert.match(packed.headers.vary, /Accept-Encoding/);
});
test('a draft is seen by its makers alone', async () => {
	const { event_id: id } = await event(olga, { status: 'draft' });
	for (const below of ['', '/availability', '/seats', '/seatmap', '/seatmap/status']) {
		assertProblem(await get(`/events/${id}${below}`, { anonymous: true }), 404, 'not-found');
		for (const who of [bob, other])
			assertProblem(await get(`/events/${id}${below}`, { token: who.token }), 404, 'not-found');
		for (const who of [olga, admin]) {
			const answer = assertStatus(await get(`/events/${id}${below}`, { token: who.token }), 200);
			assert.doesNotMatch(answer.headers['cache-control'], /public/);
		}
	}
});

test('of ten who change one version at once, one does', async () => {
	const { event_id: id } = await event(olga);
	const answers = await Promise.all(Array.from({ length: 10 }, (_, i) =>
		put(`/admin/events/${id}`, { title: `Title ${i}` },
			{ token: olga.token, headers: { 'If-Match': '"1"' } })));
	assert.equal(answers.filter((a) => a.status === 200).length, 1);
	for (const lost of answers.filter((a) => a.status !== 200))
		assertProblem(lost, 412, 'precondition-failed');
});
