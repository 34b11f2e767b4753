// The classic races and a small rush, as the load generator plays them: what each scenario expects is
// met, every answer could have happened, and the books are right.
'use strict';

const assert = require('node:assert/strict');
const { after, describe, test } = require('node:test');

const crowd = require('../lib/crowd.js');
const { assertFound } = require('../lib/history.js');
const { Scenario, holding } = require('../lib/scenario.js');

const events = [];

// What is sold of an event, and to how many bookings.
const sold = (event) => crowd.sql(`select count(*), count(distinct booking_id) from holdfast.seat_claims
	where event_id = ${event} and state = 'b'`)[0].map(Number);
const bookings = (event) => crowd.sql(`select status, count(*) from holdfast.bookings
	where event_id = ${event} group by status`).map(([status, count]) => [status, Number(count)]);

/*
 * [scenario, options, what the database must say beyond it]. Those that must win and lose a race of one
 * second by chance have time for many.
 */
const scenarios = [
	['queue', {}, async (event, report, { history, dir }) => {
		for (const kind of ['overtaken', 'unjoined']) await assertFound(kind, history, `${dir}/${kind}`);
	}],
	['rush', { file: () => holding('rush', 3), speed: 12, buyers: 200, duration: 180 }, (event, report) => {
		assert.equal(report.capacity, 2000);
		assert.equal(sold(event)[0], 2000);
	}],
	['confirm-one', { duration: 18 }],
	['confirm-pair', { duration: 18 }, async (event, report, scenario) => {
		const pairs = new Set(), confirms = new Map();
		await scenario.calls(({ op, status, asked, got }) => {
			if (op === 'hold' && status === 201 && got.seats.length === 2) pairs.add(got.booking);
			if (op === 'confirm' && pairs.has(asked.booking)) confirms.set(status, (confirms.get(status) ?? 0) + 1);
		});
		for (const status of [200, 410]) assert.ok(confirms.get(status) > 0, `no pair whose confirm was answered ${status}`);
	}],
	['expiry', { duration: 14 }, (event) => assert.ok(bookings(event).every(([status]) => ['HOLD', 'EXPIRED'].includes(status)))],
	['groups', { duration: 6 }, async (event, report, scenario) => {
		let busy = 0;
		await scenario.calls(({ problem }) => { busy += problem === 'busy'; });
		assert.ok(busy <= report.calls / 20, `${busy} of ${report.calls} calls waited in vain for a lock`);
	}],
	['walk', { duration: 6 }],
	// All are refused each of the twenty times.
	['lock', { duration: 30, expect: ['refused >= 980'] }, (event) => assert.deepEqual(bookings(event), [['HOLD', 1]])],
	['ramp', {}, (event, { measures }) => assert.equal(sold(event)[1], measures.holds)],
];

const deadlocks = crowd.deadlocks();
after(async () => {
	crowd.booksCheck();
	await crowd.verify(events);
	assert.equal(crowd.deadlocks(), deadlocks, 'everybody locks in one order');
});

describe('scenarios', { concurrency: 4 }, () => {
	for (const [name, { file, ...options }, more] of scenarios) {
		test(name, async () => {
			const scenario = new Scenario(file ? file() : name, { as: name, ...options });
			const report = await scenario.report();
			events.push(Number(report.event));
			assert.ok(report.expectations.length >= 8, JSON.stringify(report.expectations));
			for (const { expect, verdict } of report.expectations) assert.equal(verdict, 'ok', expect);
			assert.equal(await scenario.judge(), report.calls);
			await more?.(Number(report.event), report, scenario);
		});
	}
});
