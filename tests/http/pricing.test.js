// Prices that move: the job run by hand as cron would run it, against events that sell.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, call, get } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

let organizer, other, admin, buyer;

after(stack.verify);
before(async () => {
	[organizer, other, admin] = await Promise.all(['organizer', 'organizer', 'admin'].map((r) => world.staff(r)));
	buyer = await world.buyer();
});

// A session at psql that has done this and stays, until it is ended: {ready, end}.
function session(text) {
	const psql = spawn('psql', [stack.env.DATABASE_URL, '-XAtq', '-v', 'ON_ERROR_STOP=1'],
		{ stdio: ['pipe', 'pipe', 'inherit'] });
	const gone = once(psql, 'exit');
	let said = '';
	psql.stdout.on('data', (bytes) => { said += bytes; });
	psql.stdin.write(`SET search_path = holdfast;\n${text};\n\\echo ready\n`);
	return {
		ready: stack.until('the session is ready', () => /^ready$/m.test(said)),
		end: () => { psql.stdin.end(); return gone; },
	};
}

const DAY = 86400000;
const time = (days) => new Date(Date.now() + days * DAY).toISOString();

// A tenth of its sale is over; Floor has 10 places at 500, VIP 14 seats at 700 of which ten cost 900.
const event = (changes) => world.event(organizer,
	{ event_date: time(91), sales_start: time(-10), sales_end: time(90), pricing: { enabled: true }, ...changes });

const run = (id, ...args) => {
	const done = stack.program('pricing', ['--event', String(id), ...args]);
	assert.equal(done.status, 0, done.stderr);
	return done;
};
// As on another day.
const runAgain = (id, ...args) => run(id, '--set', 'pricing_rest_hours=0', ...args);

const update = (id, body, options) =>
	call('PUT', `/admin/events/${id}`, { body, token: organizer.token, ...options });
const prices = (id, query = '', who = organizer) => get(`/admin/events/${id}/prices${query}`, { token: who.token });
const changes = async (id) => assertStatus(await prices(id), 200).body.items
	.map((c) => [c.section_id, c.old_price, c.new_price, c.reason]);
const shown = async (id) => {
	const answer = assertStatus(await get(`/events/${id}`), 200);
	return answer.body.sections.map((s) => s.price);
};

test('off by default: nothing is looked at', async () => {
	const { event_id: id, ...made } = await event({ pricing: undefined });
	assert.deepEqual(made.pricing, { enabled: false });
	await world.confirmed(buyer, id, 9);
	const done = run(id);
	assert.match(done.stderr, /job=pricing rows=0 .*events=0 /);
	assert.equal(run(id, '--dry-run').stdout, '');
	assert.deepEqual(await shown(id), [500, 700]);
	assert.deepEqual(await changes(id), []);
});

test('a dry run says what it would do and why, and does nothing', async () => {
	const { event_id: id } = await event();
	await world.confirmed(buyer, id, 6);
	const books = stack.books();
	const done = run(id, '--dry-run');
	const lines = done.stdout.trim().split('\n').map((line) => line.split(/ +/));
	assert.deepEqual(lines[0], ['event', 'section', 'old', 'new', 'why']);
	assert.deepEqual(lines.slice(1).map((line) => line.slice(0, 5)), [
		[id, 'Floor', '500', '550', 'selling_fast:'], [id, 'VIP', '700', '690', 'selling_slowly:']]);
	assert.match(done.stdout, /sold 6 of 10 when an even sale had 1, demand \+635 of 1000, towards 658$/m);
	assert.match(done.stderr, /rows=2 .*dry_run=yes events=1 skipped=0/);
	assert.equal(stack.books(), books);
	assert.deepEqual(await shown(id), [500, 700]);
	assert.deepEqual(await changes(id), []);
});

test('a run changes prices at once, and tells why; holds and bookings keep theirs', async () => {
	const { event_id: id } = await event();
	await world.confirmed(buyer, id, 5);
	const held = await world.held(buyer, id, 1);
	const seats = await world.held(buyer, id, ['VIP-A-1', 'B1']);
	assert.equal(held.items[0].unit_price, 500);
	const tag = (await get(`/events/${id}`)).headers.etag;

	const done = run(id, '--verbose');
	assert.match(done.stderr, /rows=2 .*events=1 skipped=0/);
	assert.match(done.stderr, new RegExp(`event=${id} section=Floor old=500 new=550 why=selling_fast`));
	assert.equal(done.stdout, '');
	assert.deepEqual(await shown(id), [550, 690]);
	const read = await get(`/events/${id}`);
	assert.notEqual(read.headers.etag, tag);
	assert.equal(read.body.version, 2);
	const live = assertStatus(await get(`/events/${id}/availability`), 200).body.sections;
	assert.deepEqual(live.map((s) => s.price), [550, 690]);
	const list = assertStatus(await get(`/events/${id}/seats?limit=20`), 200).body.items;
	assert.deepEqual([...new Set(list.map((s) => s.price))], [900, 690], 'a row with a price of its own keeps it');

	// What was held is paid as held; what is held now has the new price, on either way.
	assert.equal(assertStatus(await get(`/bookings/${held.booking_id}`, { token: buyer.token }), 200).body.total, 500);
	assert.equal(assertStatus(await world.move(buyer, held, 'confirm'), 200).body.total, 500);
	assert.equal(assertStatus(await world.move(buyer, seats, 'confirm'), 200).body.total, 1600);
	assert.equal((await world.held(buyer, id, 1)).total, 550);
	assert.equal((await world.held(buyer, id, ['B2'])).total, 690);
	stack.forget(id);
	assert.equal((await world.held(buyer, id, 1)).total, 550, 'without Redis too');

	const history = assertStatus(await prices(id), 200).body;
	assert.deepEqual(history.pricing, { enabled: true, floor_percent: 80, ceiling_percent: 150, step_percent: 10,
		round_to: 10 });
	assert.deepEqual(history.items.map((c) => c.section_id), ['VIP', 'Floor']);
	const { changed_at: at, ...change } = history.items[1];
	assert.ok(Math.abs(Date.parse(at) - Date.now()) < 600000);
	assert.deepEqual(change, { section_id: 'Floor', old_price: 500, new_price: 550, currency: 'EUR',
		reason: 'selling_fast', inputs: { base_price: 500, capacity: 10, sold: 5, sold_permille: 500,
			even_permille: 100, demand_permille: 470, target: 617, floor: 400, ceiling: 750, largest_step: 50 } });
	assert.equal(history.next_cursor, null);
});

test('a run that is repeated takes no second step; another day does, up to the ceiling', async () => {
	const { event_id: id } = await event({ sections: [{ name: 'Floor', capacity: 10, base_price: 500 }],
		pricing: { enabled: true, ceiling_percent: 122 } });
	await world.confirmed(buyer, id, 10);
	assert.match(run(id).stderr, /rows=1 /);
	assert.match(run(id).stderr, /rows=0 .*events=1 /);
	assert.match(run(id, '--dry-run').stdout, / 550 +550 +resting$/m);
	for (const [price, reason] of [[600, 'selling_fast'], [610, 'selling_fast'], [610]]) {
		assert.match(runAgain(id).stderr, reason ? /rows=1 / : /rows=0 /);
		assert.deepEqual(await shown(id), [price]);
	}
	assert.match(runAgain(id, '--dry-run').stdout, / 610 +610 +steady: /);
	assert.deepEqual(await changes(id), [['Floor', 600, 610, 'selling_fast'], ['Floor', 550, 600, 'selling_fast'],
		['Floor', 500, 550, 'selling_fast']]);
	// Nobody wants it any more.
	assertStatus(await update(id, { sales_start: time(-100), sections: [{ section_id: 'Floor', capacity: 100 }] }), 200);
	assert.match(runAgain(id).stderr, /rows=1 /);
	assert.deepEqual((await changes(id))[0], ['Floor', 610, 560, 'selling_slowly']);
});

test('what the organizer sets stands, and the rule goes on from there', async () => {
	const { event_id: id } = await event({ pricing: { enabled: true, step_percent: 20, round_to: 1 } });
	await world.confirmed(buyer, id, 10);
	run(id);
	const [moved] = await shown(id);
	assert.equal(moved, 600);
	const answer = assertStatus(await update(id, { sections: [{ section_id: 'Floor', base_price: 1000 }] }), 200);
	assert.deepEqual(answer.body.sections.map((s) => [s.base_price, s.price])[0], [1000, 1000]);
	assert.deepEqual(answer.body.pricing, { enabled: true, step_percent: 20, round_to: 1 });
	assert.deepEqual((await get(`/events/${id}`)).body.pricing, { enabled: true }, 'buyers do not see the rule');
	runAgain(id);
	assert.equal((await shown(id))[0], 1200);
	assertStatus(await update(id, { sections: [{ section_id: 'Floor', price: 2000 }] }), 200);
	runAgain(id);
	assert.deepEqual((await changes(id)).filter((c) => c[0] === 'Floor').slice(0, 4), [
		['Floor', 2000, 1800, 'back_to_base'], ['Floor', 1200, 2000, 'set_by_hand'],
		['Floor', 1000, 1200, 'selling_fast'], ['Floor', 600, 1000, 'set_by_hand']]);
	assertStatus(await update(id, { pricing: { enabled: false } }), 200);
	runAgain(id);
	assert.equal((await shown(id))[0], 1800, 'off: it stays where it is');
	const version = (await get(`/events/${id}`)).body.version;
	assertProblem(await update(id, { title: 'Late' }, { headers: { 'If-Match': `"${version - 1}"` } }),
		412, 'precondition-failed');
});

test('a limit ends the run; the next goes on', async () => {
	const { event_id: id } = await event();
	await world.confirmed(buyer, id, 10);
	assert.match(run(id, '--limit', '1').stderr, /rows=1 /);
	assert.deepEqual(await shown(id), [550, 700]);
	assert.match(run(id, '--limit', '1').stderr, /rows=1 /);
	assert.deepEqual(await shown(id), [550, 690]);
	assert.match(run(id).stderr, /rows=0 /);
});

test('all events in one run, each in its turn', async () => {
	const mine = [];
	for (let i = 0; i < 3; i++) {
		mine.push((await event()).event_id);
		if (i !== 1) await world.confirmed(buyer, mine[i], 10);
	}
	await update(mine[1], { status: 'closed' });
	const done = stack.program('pricing', ['--verbose']);
	assert.equal(done.status, 0, done.stderr);
	assert.deepEqual(await Promise.all(mine.map(async (id) => (await shown(id))[0])), [550, 500, 550]);
	const again = stack.program('pricing', ['--dry-run']);
	assert.match(again.stdout, new RegExp(`^${mine[0]} +Floor .*\n(.*\n)*${mine[2]} +Floor `, 'm'));
	assert.doesNotMatch(again.stdout, new RegExp(`^${mine[1]} `, 'm'));
});

test('an event that somebody keeps locked is left alone; one that was edited is decided anew', async () => {
	const { event_id: id } = await event();
	await world.confirmed(buyer, id, 10);
	const lock = session(`BEGIN; UPDATE events SET version = version WHERE event_id = ${id}`);
	try {
		await lock.ready;
		assert.match(run(id).stderr, /rows=0 .*events=1 skipped=1/);
	} finally {
		await lock.end();
	}
	assert.match(run(id).stderr, /rows=2 .*events=1 skipped=0/);
});

test('a second copy leaves at once', async () => {
	const { event_id: id } = await event();
	await world.confirmed(buyer, id, 10);
	const lock = session("SELECT holdfast.job_begin('pricing')");
	try {
		await lock.ready;
		assert.match(run(id, '--verbose').stderr, /busy=yes/);
		assert.deepEqual(await shown(id), [500, 700]);
	} finally {
		await lock.end();
	}
	assert.match(run(id).stderr, /rows=2 /);
	const { jobs } = assertStatus(await get('/readyz'), 200).body;
	assert.equal(jobs.pricing.error, null);
	assert.ok(jobs.pricing.ok_age_seconds < 600);
});

test('the history is the organizer’s and admins’, page by page', async () => {
	const { event_id: id } = await event();
	for (let price = 501; price <= 505; price++)
		assertStatus(await update(id, { sections: [{ section_id: 'Floor', price }] }), 200);
	const first = assertStatus(await prices(id, '?limit=2'), 200);
	assert.deepEqual(first.body.items.map((c) => [c.new_price, c.reason, c.inputs]),
		[[505, 'set_by_hand', null], [504, 'set_by_hand', null]]);
	assert.match(first.headers.link, /rel="next"$/);
	const rest = assertStatus(await prices(id, `?limit=3&cursor=${first.body.next_cursor}`, admin), 200);
	assert.deepEqual(rest.body.items.map((c) => c.new_price), [503, 502, 501]);
	assert.equal(rest.body.next_cursor, null);
	assertProblem(await prices(id, '', other), 404, 'not-found');
	assertProblem(await prices(id, '', buyer), 403, 'forbidden');
	assertProblem(await get(`/admin/events/${id}/prices`), 401, 'unauthenticated');
	for (const query of ['?cursor=x', '?limit=0', '?limit=101', '?page=1'])
		assertProblem(await prices(id, query), 422, 'invalid');
	const elsewhere = await event();
	assertProblem(await prices(elsewhere.event_id, `?cursor=${first.body.next_cursor}`), 422, 'invalid');
	for (const nobody of ['999999999', '0', 'x', '99999999999'])
		assertProblem(await prices(nobody), 404, 'not-found');
	assert.equal((await call('DELETE', `/admin/events/${id}/prices`, { token: organizer.token })).status, 405);
});

test('a rule that cannot be is pointed at', async () => {
	const { event_id: id } = await event();
	for (const [pricing, pointer] of [
		[true, '/pricing'], [[], '/pricing'], [{}, '/pricing/enabled'], [{ enabled: 1 }, '/pricing/enabled'],
		[{ enabled: true, ceiling_percent: 99 }, '/pricing/ceiling_percent'],
		[{ enabled: true, floor_percent: 101 }, '/pricing/floor_percent'],
		[{ enabled: true, step_percent: 0 }, '/pricing/step_percent'],
		[{ enabled: true, round_to: 100000001 }, '/pricing/round_to'],
		[{ enabled: true, floor: 1 }, '/pricing/floor'],
	]) {
		const answers = [await update(id, { pricing }),
			await call('POST', '/admin/events', { body: world.eventBody({ pricing }), token: organizer.token })];
		for (const answer of answers) {
			assertProblem(answer, 422, 'invalid');
			assert.deepEqual(answer.body.errors.map((e) => e.pointer), [pointer]);
		}
	}
	const back = assertStatus(await update(id, { pricing: null }), 200);
	assert.deepEqual(back.body.pricing, { enabled: false });
});

test('usage, and a server that is away', () => {
	for (const args of [['--event', '0'], ['--event', 'x'], ['--event'], ['--set', 'pricing_ceiling_percent=99'],
		['--set', 'pricing_floor_percent=101'], ['--limit', '0'], ['--no-such']])
		assert.equal(stack.program('pricing', args).status, 2, args.join(' '));
	assert.equal(stack.program('pricing', ['--set', 'database_url=postgresql:///x?host=/nowhere']).status, 75);
});
