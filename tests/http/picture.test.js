// The live picture, whole and in changes: who only follows the changes sees what all others see, through
// whatever happens to Redis meanwhile. Everybody here comes with a token, so that no answer is out of
// nginx's cache.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, get, put } = require('../lib/client.js');
const crowd = require('../lib/crowd.js');
const stack = require('../lib/stack.js');
const { Redis } = require('../lib/redis.js');
const world = require('../lib/world.js');

let olga, ann, redis;

before(async () => {
	[olga, ann] = await Promise.all([world.staff(), world.buyer()]);
	redis = new Redis();
});
after(async () => {
	redis.close();
	stack.verify();
});

const meta = (id, field) => redis.call('HGET', `hf:{${id}}:meta`, field);

// Also where somebody else is at it, whose rebuild may have begun before what is to be seen.
const built = async (id) => {
	stack.reconcile(id);
	assert.ok(await meta(id, 'stamp'));
};

// An event of so many seats in section S and a hundred places in section G, as Redis has it.
async function stadium(seats, changes) {
	const { event_id: id } = await world.event(olga, { sections: [
		{ name: 'S', kind: 'seated', base_price: 700, rows: [{ row: 'A', seats }] },
		{ name: 'G', capacity: 100, base_price: 500 }], ...changes });
	await built(id);
	return id;
}

const status = async (id, since, token = ann.token) => assertStatus(await get(
	`/events/${id}/seatmap/status${since === undefined ? '' : `?since=${since}`}`, { token }), 200);

// What a client does with an answer: the map that it has then.
function applied(map, { body }) {
	if (!('changed' in body)) {
		assert.equal(body.status.length, body.seats);
		return { version: body.version, layout: body.layout_version, states: body.status };
	}
	assert.equal(body.since, map.version);
	assert.equal(body.layout_version, map.layout);
	assert.equal('status' in body, false);
	const states = [...map.states];
	for (const [state, positions] of Object.entries(body.changed)) {
		assert.match(state, /^[ahrbx]$/);
		assert.ok(positions.length > 0);
		for (const position of positions) {
			assert.ok(position >= 0 && position < states.length);
			states[position] = state;
		}
	}
	return { version: body.version, layout: map.layout, states: states.join('') };
}

test('changes are those since, by what the seats are now', async () => {
	const id = await stadium(60);
	const first = applied(null, await status(id));
	const nothing = (await status(id, first.version)).body;
	assert.deepEqual(nothing, { version: first.version, as_of: nothing.as_of, layout_version: 1, seats: 60,
		since: first.version, changed: {} });
	const one = await world.held(ann, id, ['S-A-2', 'S-A-5']);
	const two = await world.held(ann, id, ['S-A-7']);
	const answer = await status(id, first.version);
	assert.deepEqual(answer.body.changed, { h: [1, 4, 6] });
	const second = applied(first, answer);
	assertStatus(await world.move(ann, one, 'confirm'), 200);
	assertStatus(await world.move(ann, two, 'release'), 200);
	assert.deepEqual((await status(id, second.version)).body.changed, { a: [6], b: [1, 4] });
	assert.deepEqual((await status(id, first.version)).body.changed, { a: [6], b: [1, 4] });
	const third = applied(second, await status(id, second.version));
	const whole = (await status(id)).body;
	assert.deepEqual([third.version, third.states], [whole.version, whole.status]);
	assert.ok(whole.version > second.version && second.version > first.version);
});

test('a change of general admission alone is a version without changes', async () => {
	const id = await stadium(60);
	const { version } = (await status(id)).body;
	await status(id, version);
	assertStatus(await world.hold(ann, { event_id: id, section_id: 'G', seats_requested: 2 }), 201);
	const { body } = await status(id, version);
	assert.deepEqual(body.changed, {});
	assert.ok(body.version > version);
});

test('all of it where the changes are not known, or are more than it', async () => {
	const id = await stadium(60);
	const { version } = (await status(id)).body;
	await status(id, version);
	await world.held(ann, id, ['S-A-1']);
	for (const other of [0, 1, version - 2, version + 1, version + 1000000, 2 ** 53, '9223372036854775807']) {
		const { body } = await status(id, other);
		assert.equal(body.status, `h${'a'.repeat(59)}`, `since ${other}`);
		assert.equal('changed' in body, false);
	}
	assert.deepEqual((await status(id, version)).body.changed, { h: [0] });
	await world.held(ann, id, Array.from({ length: 10 }, (_, i) => `S-A-${i + 11}`));
	assert.equal('changed' in (await status(id, version)).body, false);
	for (const wrong of ['x', '-1', '', '1.5', '1e3', '9223372036854775808', '%00'])
		assertInvalid(await get(`/events/${id}/seatmap/status?since=${wrong}`), '/since');
	assertInvalid(await get(`/events/${id}/availability?since=1`), '/since');
});

test('what falls due changes for followers too, although nobody does anything', async () => {
	const id = await stadium(60, { hold_seconds: 2 });
	let map = applied(null, await status(id));
	map = applied(map, await status(id, map.version));
	await world.held(ann, id, ['S-A-3']);
	map = applied(map, await status(id, map.version));
	assert.equal(map.states, `aah${'a'.repeat(57)}`);
	// A worker that has seen it twice looks no closer than it must.
	await status(id);
	await status(id);
	await stack.until('it is free', async () => {
		const whole = (await status(id)).body;
		map = applied(map, await status(id, map.version));
		if (map.version !== whole.version) return false; // it fell due in between
		assert.equal(map.states, whole.status);
		return map.states === 'a'.repeat(60);
	});
});

test('a tag stands for what an answer says', async () => {
	const id = await stadium(60);
	const whole = await status(id);
	const same = (answer, since) => get(`/events/${id}/seatmap/status${since ? `?since=${since}` : ''}`,
		{ token: ann.token, headers: { 'If-None-Match': answer.headers.etag } });
	assert.equal((await same(whole)).status, 304);
	const { version } = whole.body;
	const part = await status(id, version);
	assert.equal((await same(part, version)).status, 304);
	const booking = await world.held(ann, id, ['S-A-3']);
	assert.equal((await same(whole)).status, 200);
	assert.equal((await same(part, version)).status, 200);
	// The same states are the same answer: its version has no need to be known.
	assertStatus(await world.move(ann, booking, 'release'), 200);
	assert.equal((await same(whole)).status, 304);
	assert.deepEqual((await status(id, version)).body.changed, { a: [2] });
	await built(id);
	stack.forget(id);
	assert.equal((await same(whole)).status, 304, 'out of PostgreSQL');
});

test('a picture out of PostgreSQL is the base of no changes', async () => {
	const id = await stadium(60);
	const of = async () => (await status(id)).body;
	const known = (await of()).version;
	await status(id, known);
	const stamp = await meta(id, 'stamp');
	await redis.call('HSET', `hf:{${id}}:meta`, 'stamp', 'of another run');
	const { version, status: states } = await of();
	assert.equal(version % 2, 1);
	assert.equal(states, 'a'.repeat(60));
	// As if Redis had only been away.
	await redis.call('HSET', `hf:{${id}}:meta`, 'stamp', stamp);
	assert.equal('changed' in (await status(id, version)).body, false);
	// Of a layout that has changed, and of a rebuild, nothing is known.
	await put(`/admin/events/${id}`, { sections: [{ section_id: 'S', kind: 'seated',
		rows: [{ row: 'A', seats: 60 }, { row: 'B', seats: 1 }] }] }, { token: olga.token })
		.then((answer) => assertStatus(answer, 200));
	await built(id);
	const { body } = await status(id, known);
	assert.equal(body.layout_version, 2);
	assert.equal(body.status, 'a'.repeat(61));
});

test('prices, drafts and sums are as PostgreSQL has them, at once', async () => {
	const id = await stadium(60, { status: 'draft' });
	const live = async (who) => get(`/events/${id}/availability`, { token: who.token });
	assertProblem(await live(ann), 404, 'not-found');
	assertProblem(await get(`/events/${id}/seatmap/status?since=0`, { token: ann.token }), 404, 'not-found');
	assert.equal((await status(id, undefined, olga.token)).headers['cache-control'], 'no-store');
	const edit = async (changes) => assertStatus(
		await put(`/admin/events/${id}`, changes, { token: olga.token }), 200);
	await edit({ status: 'on_sale' });
	const prices = async () => assertStatus(await live(ann), 200).body.sections.map((s) => s.price);
	assert.deepEqual(await prices(), [700, 500]);
	await built(id);
	assert.deepEqual(await prices(), [700, 500]);
	await edit({ sections: [{ section_id: 'G', base_price: 900 }] });
	assert.deepEqual(await prices(), [700, 900]);
	await built(id);
	assert.deepEqual(await prices(), [700, 900]);
	await world.held(ann, id, ['S-A-1', 'S-A-2']);
	await world.confirmed(ann, id, ['S-A-3']);
	assertStatus(await world.hold(ann, { event_id: id, section_id: 'G', seats_requested: 4 }), 201);
	assert.deepEqual((await live(ann)).body.sections.map((s) => [s.capacity, s.available, s.held, s.sold]),
		[[60, 57, 2, 1], [100, 96, 4, 0]]);
});

test('of an event that Redis has, PostgreSQL is not asked', async () => {
	const id = await stadium(60);
	const count = async () => Number(/^holdfast_postgres_calls_total\{result="ok"\} (\d+)$/m.exec(
		(await get('/metrics', { root: true })).text)[1]);
	const calls = async (where) => {
		const began = await count();
		for (let i = 0; i < 5; i++) assertStatus(await get(where, { token: ann.token }), 200);
		return await count() - began;
	};
	// The metrics ask, too; so do, for a while, those who move on the lines of earlier tests.
	const owns = [];
	while (owns.length < 3) owns.push(-await count() + await count());
	const own = Math.min(...owns);
	await stack.until('nobody else asks', async () => {
		const began = await count();
		await stack.pause(1000);
		return await count() - began === own;
	});
	for (const below of ['availability', 'seatmap/status', 'seatmap/status?since=2'])
		assert.equal(await calls(`/events/${id}/${below}`), own, below);
});

/*
 * Followers at speeds of their own, readers of the whole, and buyers, while Redis is forgotten, flushed
 * and repaired under them. A version is one picture, whoever has it and however it was come by; but for
 * those out of PostgreSQL, which are odd and only say when.
 */
test('who applies changes sees what all see', async () => {
	const id = await stadium(300, { hold_seconds: 2 });
	const seen = new Map();
	let over = false, steps = 0, wholes = 0, met = 0;
	const see = ({ version, states }) => {
		const known = version % 2 ? undefined : seen.get(version);
		if (known !== undefined) {
			assert.equal(states, known, `version ${version}`);
			met++;
		}
		seen.set(version, states);
	};
	const follow = async (pause) => {
		let map = applied(null, await status(id));
		while (!over) {
			const answer = await status(id, map.version);
			if ('changed' in answer.body) steps++;
			map = applied(map, answer);
			see(map);
			await crowd.sleep(pause * Math.random());
		}
		return map;
	};
	const read = async () => {
		while (!over) {
			see(applied(null, await status(id)));
			wholes++;
			await crowd.sleep(3 * Math.random());
		}
	};
	const buy = async (buyer) => {
		while (!over) {
			const first = 1 + Math.floor(Math.random() * 298);
			const held = await crowd.insist(crowd.hold(buyer, id, crowd.range(1 + first % 3, first)));
			await crowd.sleep(60 * Math.random());
			const verb = ['confirm', 'release', 'leave', 'cancel'][Math.floor(Math.random() * 4)];
			if (held.status !== 201 || verb === 'leave') continue;
			const { booking_id: booking } = held.body;
			if (verb === 'cancel') await crowd.insist(crowd.move(buyer, 'confirm', booking));
			await crowd.insist(crowd.move(buyer, verb, booking));
		}
	};
	const disturb = async () => {
		for (const how of [
			() => crowd.redisBuild(id), () => redis.call('FLUSHALL'), () => crowd.redisBuild(id),
			() => put(`/admin/events/${id}`, { title: 'Another' }, { token: olga.token }),
			() => redis.call('DEL', `hf:{${id}}:changed`), () => redis.call('DEL', `hf:{${id}}:entry`),
			() => crowd.redisBuild(id),
		]) {
			await crowd.sleep(600);
			await how();
		}
		await crowd.sleep(600);
		over = true;
	};
	const [, , ...maps] = await Promise.all([disturb(), read(), follow(5), follow(30), follow(400),
		...crowd.buyers(4).map(buy)]).finally(() => { over = true; });
	assert.ok(steps > 30 && wholes > 30 && met > 10, `${steps} steps, ${wholes} wholes, ${met} met`);

	// In the end, when all that was held is due: what PostgreSQL says.
	await crowd.redisBuild(id);
	await stack.until('nothing is held', async () => !/h/.test((await status(id)).body.status));
	const truth = stack.sql(`select seat_states(${id})`);
	for (const map of maps.slice(0, 3)) {
		const last = applied(map, await status(id, map.version));
		assert.equal(last.states, truth);
	}
});
