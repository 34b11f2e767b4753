// What Redis was told of an event and no longer holds: the edit that nobody told it of, clocks that
// have moved. A comparison finds it, and from then on everything is right again.
'use strict';

const assert = require('node:assert/strict');
const { before, beforeEach, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, get, put } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

let organizer, event;

before(async () => {
	organizer = await world.staff();
});
beforeEach(async () => {
	event = await world.event(organizer, { hold_seconds: 60 });
	await world.held(await world.buyer(), event.event_id, ['VIP-A-1', 'VIP-A-2']);
	await stack.kept(event.event_id);
});

const key = (name) => `hf:{${event.event_id}}:${name}`;
const meta = (field) => stack.redis('hget', key('meta'), field);
const reconcile = (...args) => stack.reconcile(event.event_id, '--set', 'live=off', '--verbose', ...args);

const copy = (from, to) => stack.redis('eval', `for _, key in ipairs(redis.call('keys', ARGV[1] .. '*')) do
	redis.call('copy', key, ARGV[2] .. string.sub(key, #ARGV[1] + 1), 'replace') end`, 0, from, to);

async function edit(changes) {
	const id = event.event_id, [is, was] = ['hf', 'was'].map((name) => `${name}:{${id}}:`);
	copy(is, was);
	assertStatus(await put(`/admin/events/${id}`, changes, { token: organizer.token }), 200);
	// As if the one who changed it had been ended before the word to Redis.
	await stack.kept(id);
	stack.forget(id);
	copy(was, is);
	stack.redis('eval', "return redis.call('del', unpack(redis.call('keys', ARGV[1])))", 0, `${was}*`);
}

test('an edit that Redis was not told of', async () => {
	await edit({ hold_seconds: 30, sections: [{ section_id: 'Floor', capacity: 20 },
		{ name: 'Balcony', capacity: 5 }] });
	const found = reconcile('--dry-run');
	assert.match(found, /^event: sections has changed$/m);
	assert.match(found, /^event: hold has changed$/m);
	assert.match(found, /^event: shown has changed$/m);
	assert.equal(meta('hold'), '60000', 'a dry run changes nothing');
	assert.match(reconcile(), /rebuilt=yes event_wrong=3/);
	assert.equal(meta('hold'), '30000');
	const live = assertStatus(await get(`/events/${event.event_id}/availability`), 200).body;
	assert.deepEqual(live.sections.map((s) => [s.section_id, s.capacity, s.available]),
		[['Floor', 20, 20], ['VIP', 14, 12], ['Balcony', 5, 5]]);
	assert.match(reconcile(), /^event=\d+ event_wrong=0 entries=1 /m);
});

test('a picture that is none is made of the claims', async () => {
	const states = stack.redis('get', key('seats'));
	const live = async () => [
		assertStatus(await get(`/events/${event.event_id}/seatmap/status`), 200).body.status,
		assertStatus(await get(`/events/${event.event_id}/availability`), 200).body.sections];
	const right = await live();
	// What a worker remembers is good while the version stands.
	const broken = async (what, ...command) => {
		stack.redis(...command);
		stack.redis('hincrby', key('meta'), 'version', 2);
		assert.deepEqual(await live(), right, what);
	};
	await broken('quotes', 'set', key('seats'), states.replaceAll('a', '"'));
	await broken('a backslash', 'set', key('seats'), states.replace('h', '\\'));
	stack.redis('set', key('seats'), states);
	for (const shown of ['', '1', '1|x|500,700', '1|1|500', '1|1|500,700,9', '1|1|500,x', '1|0|500,700'])
		await broken(`shown: ${shown}`, 'hset', key('meta'), 'shown', shown);
	await broken('no sections', 'hdel', key('meta'), 'sections');
	assert.match(reconcile(), /rebuilt=yes/);
	assert.deepEqual(await live(), right);
});

test('clocks that have moved', async () => {
	// An hour behind, every hold would be kept an hour too long.
	stack.redis('hset', key('meta'), 'offset', -3600000);
	assert.match(reconcile(), /rebuilt=yes event_wrong=1/);
	assert.ok(Math.abs(Number(meta('offset'))) < 1000);
	assert.equal(stack.redis('hlen', key('entry')), '1');
});

test('an edit that changes nothing there', async () => {
	await edit({ title: 'Another evening' });
	assert.match(reconcile(), /^event=\d+ event_wrong=0 entries=1 /m);
});

test('a price that Redis was not told of is found by the quick comparison too', async () => {
	await edit({ sections: [{ section_id: 'Floor', base_price: 100 }] });
	const prices = async () => assertStatus(await get(`/events/${event.event_id}/availability`), 200)
		.body.sections.map((s) => s.price);
	assert.deepEqual(await prices(), [500, 700]);
	assert.match(stack.program('reconcile', ['--light', '--verbose']).stdout,
		new RegExp(`^event=${event.event_id} differs=shown$`, 'm'));
	assert.deepEqual(await prices(), [100, 700]);
});

test('an event with thousands of bookings', async () => {
	const row = (n) => ({ row: `R${n}`, seats: 100 });
	event = await world.event(organizer, { sections: [
		{ name: 'Stand', kind: 'seated', rows: Array.from({ length: 200 }, (_, n) => row(n)) }] });
	const id = Number(event.event_id).toString(16).padStart(8, '0');
	const { user_id: user } = await world.buyer();
	stack.sql(`do $$ begin
		for i in 0..1999 loop
			perform hold(${event.event_id}, '${user}',
				(format('${id}-0000-8000-8000-%s', lpad(i::text, 12, '0')))::uuid, null, null, false, false,
				array(select seat_id from seats where event_id = ${event.event_id}
					and position between i * 10 and i * 10 + 9), '{}', '{}', 600, 10, 0);
		end loop;
	end $$`);
	// Whoever finds nothing builds it within the budget of a request; the job has as long as it takes.
	assertStatus(await get(`/events/${event.event_id}/availability`), 200);
	await stack.until('the filter is built', () => {
		reconcile();
		return meta('stamp');
	}, 30);
	assert.match(reconcile('--dry-run'), /^event=\d+ event_wrong=0 entries=2000 entries_wrong=0 /m);
	assert.equal(stack.redis('get', key('seats')), 'h'.repeat(20000));

	stack.redis('del', key('entry'));
	assert.match(reconcile('--dry-run'), / entries=2000 entries_wrong=2000 /);
	assert.match(reconcile(), / entries_wrong=2000 .* repaired=2000 /);
	assert.match(reconcile(), / entries_wrong=0 seats_wrong=0 counts_wrong=0 deadlines_wrong=0 /);
});

test('events that there are not leave nothing behind', async () => {
	const who = await world.buyer();
	for (const options of [{}, { key: freshKey() }]) {
		const answer = await world.hold(who, { event_id: '2000000001', seat_ids: ['A1'] }, options);
		assertProblem(answer, 404, 'not-found');
	}
	await stack.until('nothing is kept', () => stack.redis('keys', 'hf:{2000000001}*') === '');
});
