// What readers make Redis keep: every event that anybody asks for, but none that is over, and none again and again
// that takes longer to build than a worker has.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, get, put } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, confirmed, event, held, hold, move, staff } = require('../lib/world.js');

let olga, ann, bob;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
});
after(() => stack.verify());

const superuser = (text) => stack.sql(text, 'postgres');
const keys = (id) => stack.redis('keys', `hf:{${id}}:*`).split('\n').filter(Boolean).sort();
const isBuilt = (id) => stack.redis('hexists', `hf:{${id}}:meta`, 'stamp') === '1';
// But for what goes by itself: ids of those who asked in vain, what watchers have been told.
const lasting = (id) => keys(id).filter((key) => stack.redis('pttl', key) === '-1');
const forget = (id) => keys(id).forEach((key) => stack.redis('del', key));
const reads = ['', '/availability', '/seats', '/seatmap/status', '/seatmap/status?since=2'];

async function read(id, times) {
	for (let i = 0; i < times; i++)
		for (const what of reads) assertStatus(await get(`/events/${id}${what}`), 200);
}

// How often a function was called since the last time, as the workers tell when their connections end.
function calls(name) {
	const count = () => {
		superuser(`select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
			where datname = current_database() and usename = 'holdfast_catalog'`);
		return Number(superuser(`select coalesce(sum(calls), 0) from pg_stat_user_functions where funcname = '${name}'`));
	};
	const before_ = count();
	return () => count() - before_;
}

test('who reads an event that is over has it from PostgreSQL, and nothing of it is kept', async (t) => {
	const { event_id: id, version } = await event(olga);
	const sold = await confirmed(bob, id, ['VIP-A-3']), floor = await confirmed(bob, id, 3);
	const left = await held(ann, id, ['VIP-A-1']);
	const move_ = (by) => superuser(`set session_replication_role = replica;
		update holdfast.events set sales_start = now() - interval '9 days', sales_end = now() - interval '3 days',
			event_date = now() - interval '${by}' where event_id = ${id};
		update holdfast.bookings set expires_at = expires_at - interval '3 days' where event_id = ${id} and status = 'HOLD';
		update holdfast.seat_claims set expires_at = expires_at - interval '3 days' where event_id = ${id} and state = 'h'`);
	move_('23 hours');
	forget(id);
	await read(id, 1);
	await stack.until('what was yesterday is kept', () => isBuilt(id), 20);
	move_('25 hours');
	forget(id);
	superuser(`do $$ begin execute format('alter role holdfast_catalog in database %I set track_functions = ''all''',
		current_database()); end $$`);
	t.after(() => superuser(`do $$ begin execute format('alter role holdfast_catalog in database %I reset track_functions',
		current_database()); end $$`));
	const asked = calls('filter_known'), reading = Date.now();
	await read(id, 20);
	await assertSeats(id, 'aabaaaaaaaaaaa');
	await assertPlaces(id, { Floor: [7, 0, 3] });
	// Each worker remembers for ten seconds what it was told.
	const bound = stack.workers('catalog').length * (1 + Math.floor((Date.now() - reading) / 10000));
	const questions = asked();
	assert.deepEqual(lasting(id), []);
	assert.ok(questions >= 1 && questions <= bound, `${questions} questions whether it is over, ${bound} at most`);

	// Each since is another answer to nginx, and no other scan of all seats.
	await stack.pause(1000);
	const scans = calls('seat_states'), began = Date.now();
	for (let i = 1; i <= 100; i++) {
		const map = assertStatus(await get(`/events/${id}/seatmap/status?since=${2 * i}`), 200).body;
		assert.equal(map.status, 'aabaaaaaaaaaaa');
	}
	const most = stack.workers('catalog').length * (2 + Math.floor((Date.now() - began) / 1000));
	const scanned = scans();
	assert.ok(scanned >= 1 && scanned <= most, `${scanned} scans, ${most} at most`);

	// Buyers and staff go on with it.
	assertProblem(await hold(ann, { event_id: id, seat_ids: ['VIP-A-5'] }, { key: freshKey() }), 409, 'sales-closed');
	assertProblem(await move(ann, left, 'confirm'), 410, 'hold-expired');
	assertStatus(await move(bob, floor, 'cancel', { items: [{ section_id: 'Floor', quantity: 1 }] }), 200);
	assertStatus(await move(bob, sold, 'cancel'), 200);
	await assertSeats(id, 'aaaaaaaaaaaaaa');
	await assertPlaces(id, { Floor: [8, 0, 2] });
	assert.deepEqual(lasting(id), []);
	assert.match(stack.reconcile(id), / over=yes\n$/);
	assert.deepEqual(lasting(id), []);

	// It is put off, and so not over any more.
	const soon = new Date(Date.now() + 86400000).toISOString();
	assertStatus(await put(`/admin/events/${id}`, { event_date: soon, sales_end: soon },
		{ token: olga.token, headers: { 'If-Match': `"${version}"` } }), 200);
	await stack.until('it is kept again', async () => {
		await read(id, 1);
		return isBuilt(id);
	}, 30);
	await held(ann, id, ['VIP-A-5']);
});

test('one that takes too long to build is left to reconcile for a while', async (t) => {
	const { event_id: id } = await event(olga);
	await confirmed(ann, id, ['VIP-A-1']);
	const used = "'holdfast.filter_used(integer, integer)'::regprocedure";
	const whole = stack.sql(`select pg_get_functiondef(${used})`);
	const slow = whole.replace('SELECT k.booking_id', 'SELECT (SELECT null::uuid FROM pg_sleep(3)) UNION ALL SELECT k.booking_id');
	assert.notEqual(slow, whole);
	t.after(() => stack.sql(whole));
	stack.sql(slow);
	forget(id);
	await read(id, 1);
	await stack.until('a build has failed', () => keys(id).includes(`hf:{${id}}:late`), 20);
	const left = () => Number(stack.redis('pttl', `hf:{${id}}:late`));
	const first = left();
	assert.ok(first > 30000 && first <= 120000, `${first} ms`);
	await read(id, 5);
	await stack.pause(500);
	assert.ok(!keys(id).includes(`hf:{${id}}:fence`), 'nobody is at it again');
	assert.ok(left() < first, 'nor was');
	stack.sql(whole);
	await read(id, 5);
	await stack.pause(500);
	assert.ok(!isBuilt(id));
	await assertSeats(id, 'baaaaaaaaaaaaa');
	assert.match(stack.reconcile(id), / rebuilt=yes /);
	assert.ok(isBuilt(id) && left() < 0);
	forget(id);
	stack.sql(whole.replace('SELECT k.booking_id', `SELECT (SELECT null::uuid FROM pg_sleep(1.2)
		WHERE 1 / (random() * 0)::int > 0) UNION ALL SELECT k.booking_id`));
	assert.notEqual(stack.program('reconcile', ['--event', String(id)]).status, 0);
	assert.ok(left() < 0, 'that reconcile fails keeps nobody from it');
	stack.sql(whole);
	await read(id, 1);
	await stack.until('and then it is built on demand, as any', () => isBuilt(id), 20);
});
