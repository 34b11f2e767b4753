// The janitor, run as cron would run it, on a stack that sells.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { before, test } = require('node:test');

const { assertStatus, get } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

let organizer, event, buyer;

before(async () => {
	organizer = await world.staff();
	event = await world.event(organizer, { hold_seconds: 600 });
	buyer = await world.buyer();
	// What other tests have left is no part of what is counted here.
	await stack.until('nothing old is due', () => / bookings=0 /.test(janitor('--verbose')));
});

const janitor = (...args) => {
	const done = stack.program('janitor', args);
	assert.equal(done.status, 0, done.stderr);
	return done.stderr;
};

// The deadlines of a booking and of its claims lie in the past.
function makeDue(booking) {
	for (const table of ['seat_claims', 'ga_claims', 'bookings']) {
		stack.sql(`UPDATE holdfast.${table} SET expires_at = now() - interval '1 second'
			WHERE booking_id = '${booking.booking_id}'`);
	}
}

test('what is due is given back, in PostgreSQL and then in Redis; what is live stays', async () => {
	const due = await world.held(buyer, event.event_id, ['VIP-A-1', 'VIP-A-2']);
	const places = await world.held(buyer, event.event_id, 3);
	const live = await world.held(buyer, event.event_id, ['VIP-A-3']);
	makeDue(due);
	makeDue(places);
	assert.match(janitor('--dry-run', '--verbose'), /claims_due=3 /);
	assert.equal(stack.sql(`SELECT status FROM holdfast.bookings WHERE booking_id = '${due.booking_id}'`), 'HOLD');
	assert.match(janitor('--verbose'), /rows=\d+ .*bookings=2 /);
	assert.equal(stack.sql(`SELECT string_agg(DISTINCT status, ',') FROM holdfast.bookings
		WHERE booking_id IN ('${due.booking_id}', '${places.booking_id}')`), 'EXPIRED');
	assert.equal(stack.sql(`SELECT count(*) FROM holdfast.seat_claims WHERE event_id = ${event.event_id}`), '1');
	await world.assertPlaces(event.event_id, { VIP: [13, 1, 0], Floor: [10, 0, 0] });
	assert.equal(stack.redis('hexists', `hf:{${event.event_id}}:entry`, due.booking_id), '0');
	assert.equal(stack.redis('hexists', `hf:{${event.event_id}}:entry`, live.booking_id), '1');
	assert.match(janitor('--verbose'), / bookings=0 /);
});

test('a limit ends the run; the next goes on', async () => {
	for (const seat of ['VIP-A-4', 'VIP-A-5', 'VIP-A-6']) {
		makeDue(await world.held(buyer, event.event_id, [seat]));
	}
	assert.match(janitor('--limit', '2', '--verbose'), /rows=2 /);
	assert.match(janitor('--verbose'), / bookings=1 /);
});

test('two copies at once: the second leaves at once, and nothing is given back twice', async () => {
	const lock = spawn('psql', [process.env.DATABASE_URL, '-qAtc',
		"SELECT holdfast.job_begin('janitor'); SELECT pg_sleep(60)"], { stdio: ['ignore', 'pipe', 'inherit'] });
	try {
		await stack.until('the other copy runs', () => stack.sql("SELECT count(*) FROM pg_locks WHERE locktype = "
			+ "'advisory' AND granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%')") !== '0');
		makeDue(await world.held(buyer, event.event_id, ['VIP-A-7']));
		const done = stack.program('janitor', ['--verbose']);
		assert.equal(done.status, 0);
		assert.match(done.stderr, /busy=yes/);
	} finally {
		lock.kill('SIGKILL');
		stack.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
			+ 'AND pid <> pg_backend_pid()');
	}
	await stack.until('the lock has gone', () => / bookings=1 /.test(janitor('--verbose')));
});

test('readyz says how late it is, and is none the worse for it', async () => {
	const ready = assertStatus(await get('/readyz'), 200).body;
	assert.equal(ready.status, 'ok');
	assert.equal(ready.jobs.janitor.error, null);
	assert.equal(ready.jobs.janitor.running, false);
	assert.ok(ready.jobs.janitor.ok_age_seconds < 60);
	stack.sql("UPDATE holdfast.jobs SET ok_at = now() - interval '1 day' WHERE name = 'janitor'");
	const late = assertStatus(await get('/readyz'), 200).body;
	assert.equal(late.status, 'ok');
	assert.ok(late.jobs.janitor.ok_age_seconds >= 86400);
});

test('usage, and a server that is away', () => {
	assert.equal(stack.program('janitor', ['--limit', '0']).status, 2);
	assert.equal(stack.program('janitor', ['--no-such']).status, 2);
	assert.equal(stack.program('janitor', ['--set', 'database_url=postgresql:///x?host=/nowhere']).status, 75);
});

test('the books are right at the end', () => {
	const done = stack.program('verify', ['--wait', '1']);
	assert.equal(done.status, 0, done.stdout);
});
