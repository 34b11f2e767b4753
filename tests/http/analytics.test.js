// What staff are told of their sales, while they go on: by events of two organizers, before and after the
// sums are made.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, get } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

let olga, otto, admin, ann, mine, dollars, other;

const ask = (who, query = '') => get(`/admin/analytics${query}`, { token: who.token });
const asked = async (who, query) => assertStatus(await ask(who, query), 200).body;
const full = (who, query = '') => get(`/admin/events/capacity_utilization${query}`, { token: who.token });
const rollup = (...args) => stack.program('rollup', args);

before(async () => {
	[olga, otto, admin] = await Promise.all(['organizer', 'organizer', 'admin'].map((role) => world.staff(role)));
	ann = await world.buyer();
	mine = await world.event(olga, { title: 'Mine' });
	dollars = await world.event(olga, { title: 'Dollars', currency: 'USD' });
	other = await world.event(otto);
	await world.confirmed(ann, mine.event_id, 3);
	const parts = await world.confirmed(ann, mine.event_id, ['VIP-A-1', 'B1']);
	assertStatus(await world.move(ann, parts, 'cancel', { items: [{ seat_id: 'B1' }] }), 200);
	const gone = await world.confirmed(ann, dollars.event_id, 2);
	assertStatus(await world.move(ann, gone, 'cancel'), 200);
	await world.held(ann, mine.event_id, ['VIP-A-2']);
	stack.expire((await world.held(ann, mine.event_id, ['VIP-A-3'])).booking_id);
	assertStatus(await world.move(ann, await world.held(ann, mine.event_id, 1), 'release'), 200);
	await world.confirmed(ann, other.event_id, 1);
});
after(() => stack.verify());

const totals = {
	bookings: 3, places: 7, cancelled_bookings: 1, cancelled_places: 3,
	revenue: [{ currency: 'EUR', gross: 3100, cancelled: 700, net: 2400 }, { currency: 'USD', gross: 1000, cancelled: 1000, net: 0 }],
	holds: 6, open_holds: 1, holds_confirmed: 3, conversion_rate: 0.6, cancellation_rate: 0.3333,
};

async function assertAll() {
	const all = await asked(olga);
	assert.deepEqual(all.totals, totals);
	assert.equal(all.interval, 'hour');
	assert.equal(all.over_time.reduce((sum, part) => sum + part.places, 0), 7);
	assert.deepEqual(all.popular_events.map((e) => [e.event_id, e.places, e.cancelled_places]),
		[[mine.event_id, 5, 1], [dollars.event_id, 2, 2]]);
	assert.deepEqual(all.utilization, { events: 2, capacity: 48, held: 1, sold: 4, available: 43, ratio: 0.0833 });
	const one = await asked(olga, `?event_id=${dollars.event_id}&timezone=Asia/Kathmandu&interval=day`);
	assert.deepEqual(one.totals.revenue, totals.revenue.slice(1));
	assert.deepEqual([one.event_id, one.timezone, one.interval], [dollars.event_id, 'Asia/Kathmandu', 'day']);
	assert.deepEqual((await asked(otto)).totals.bookings, 1);
	const everybodys = Number(stack.sql('select count(*) from bookings where confirmed_at is not null'));
	assert.equal((await asked(admin)).totals.bookings, everybodys);
}

test('each organizer is told of their own, admins of all', assertAll);

test('likewise once it is long ago and added up, and what comes then counts at once', async () => {
	stack.sql(`set session_replication_role = replica;
		update bookings set created_at = created_at - interval '2 hours', confirmed_at = confirmed_at - interval '2 hours';
		update booking_cancels set cancelled_at = cancelled_at - interval '2 hours'`, 'postgres');
	assert.match(rollup('--dry-run').stderr, / until=- bookings_due=[1-9]/);
	const done = rollup('--limit', '1000');
	assert.equal(done.status, 0, done.stderr);
	assert.match(done.stderr, / rows=[1-9]\d* .*until=20/);
	assert.notEqual(stack.sql('select count(*) from sales'), '0');
	await assertAll();
	await world.confirmed(ann, mine.event_id, 1);
	const now = await asked(olga);
	assert.deepEqual([now.totals.bookings, now.totals.places, now.totals.revenue[0].gross], [4, 8, 3600]);
	const [, from] = / until=(\S+)/.exec(done.stderr);
	assert.equal((await asked(olga, `?from=${from}`)).totals.bookings, 1);
	assert.equal((await asked(olga, `?to=${from}`)).totals.bookings, 3);
});

test('sums that are wrong are found and made anew', () => {
	assert.match(rollup('--check').stderr, / days=\d+ wrong=0/);
	stack.sql("update sales set places = places + 1 where level = 'E'");
	for (const args of [['--check'], ['--rebuild', '--dry-run']]) {
		const found = rollup(...args);
		assert.equal(found.status, 1, found.stderr);
		assert.match(found.stdout, /^20\S+: \d+ rows missing or wrong, one is /);
	}
	assert.match(rollup('--rebuild').stdout, /rows missing or wrong, put right/);
	assert.equal(rollup('--check').status, 0);
	stack.sql('delete from sales');
	assert.equal(rollup('--rebuild').status, 0);
	assert.equal(rollup('--check').status, 0);
});

test('who may not ask, and what is asked wrongly', async () => {
	for (const call of [ask, full]) {
		assertProblem(await call(ann), 403, 'forbidden');
		assertProblem(await call({}), 401, 'unauthenticated');
		for (const id of [mine.event_id, '999999999', 'x', '0'])
			assertProblem(await call(otto, `?event_id=${id}`), 404, 'not-found');
	}
	for (const [query, pointer] of [
		['from=yesterday', '/from'], ['from=2026-02-30', '/from'], ['to=2026-13-01', '/to'], ['from=1950-01-01', '/from'],
		['from=2026-05-02&to=2026-05-01', '/from'], ['from=2026-05-01T00:00:00Z&to=2026-05-01T00:00:00Z', '/from'],
		['interval=year', '/interval'], ['timezone=Mars/Olympus', '/timezone'], ['timezone=Mars/Olympus3', '/timezone'],
		['timezone=', '/timezone'], ['limit=0', '/limit'], ['limit=101', '/limit'], ['page=1', '/page'],
		['from=2001-01-01&to=2020-01-01&interval=hour', '/interval'],
	]) {
		const answer = await ask(olga, `?${query}`);
		assertProblem(answer, 422, 'invalid');
		assert.deepEqual(answer.body.errors.map((e) => e.pointer), [pointer], query);
	}
	assert.match((await ask(olga, '?from=2001-01-01&interval=hour')).text, /more than 1000/);
	for (const query of ['when=now', 'cursor=x', 'limit=101', 'page=1'])
		assertProblem(await full(olga, `?${query}`), 422, 'invalid');
});

test('parts of a period by the local clock', async () => {
	const days = (await asked(olga, '?from=2024-03-30&to=2024-04-01&timezone=Europe/Berlin')).over_time;
	assert.equal(days.length, 71, 'three days of which one has 23 hours, by the hour');
	const parts = (await asked(olga, '?from=2024-03-30&to=2024-04-01&timezone=Europe/Berlin&interval=day')).over_time;
	assert.deepEqual(parts.map((p) => [p.from, p.to]), [
		['2024-03-29T23:00:00Z', '2024-03-30T23:00:00Z'], ['2024-03-30T23:00:00Z', '2024-03-31T22:00:00Z'],
		['2024-03-31T22:00:00Z', '2024-04-01T22:00:00Z']]);
	assert.deepEqual([parts[0].bookings, parts[0].revenue, parts[0].conversion_rate], [0, [], null]);
});

test('how full events are, page by page', async () => {
	const [one] = assertStatus(await full(olga, `?event_id=${mine.event_id}`), 200).body.items;
	assert.deepEqual([one.capacity, one.held, one.sold, one.available, one.ratio], [24, 1, 5, 18, 0.2083]);
	assert.deepEqual(one.sections, [
		{ section_id: 'Floor', name: 'Floor', kind: 'ga', capacity: 10, held: 0, sold: 4, available: 6, ratio: 0.4 },
		{ section_id: 'VIP', name: 'VIP', kind: 'seated', capacity: 14, held: 1, sold: 1, available: 12, ratio: 0.0714 }]);
	const past = await world.event(olga, { title: 'Past', event_date: '2020-01-01' });
	const listed = async (query) => {
		const found = [];
		for (let cursor = ''; cursor !== null;) {
			const { items, next_cursor: next } = assertStatus(await full(olga, `?limit=1&${query}${cursor}`), 200).body;
			found.push(...items.map((e) => e.event_id));
			cursor = next && `&cursor=${next}`;
		}
		return found;
	};
	assert.deepEqual(await listed('when=upcoming'), [mine.event_id, dollars.event_id]);
	assert.deepEqual(await listed('when=past'), [past.event_id]);
	assert.deepEqual(await listed('when=all'), [dollars.event_id, mine.event_id, past.event_id]);
	const { body } = assertStatus(await full(olga, '?limit=1&when=past'), 200);
	assert.equal(body.next_cursor, null);
});
