// Workers that die, or lose a connection, between any two side effects of a place in a waiting room, while
// people come, buy and leave. Needs a build with fault points: `make check-fault`.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');

const faults = require('../lib/faults.js');
const { key, people, room, visit } = require('../lib/room.js');
const stack = require('../lib/stack.js');

const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1e9));

afterEach(() => faults.disarm());

const number = (text) => Number(stack.sql(text));

for (const actions of [['kill'], ['cut-postgres', 'cut-redis']]) {
	test(`everybody comes in, buys or leaves, though workers ${actions.join(' or ')}`, { timeout: 400000 }, async (t) => {
		t.diagnostic(`seed ${seed}`);
		const e = await room({ admit_per_minute: 60000, inside_max: 100000, stale_after_seconds: 3600 }, {
			sections: [{ name: 'Floor', capacity: 100000 }],
		});
		const rules = actions.flatMap((action) => faults.pointsOf(['room'], action).map((point) => [point, action, 60]));
		assert.ok(rules.length > 5);
		const scores = [];
		let over = false, buyers = 0, leavers = 0;
		// Each comes again as somebody else.
		const client = async (leaves) => {
			while (!over) {
				for (const who of people(8)) {
					scores.push(await visit(who, e, leaves));
					if (leaves) leavers++;
					else buyers++;
					if (over) break;
				}
			}
		};
		faults.arm(seed, rules);
		const clients = Array.from({ length: 12 }, (_, i) => client(i % 3 === 0));
		let failed;
		const all = Promise.all(clients).catch((error) => { failed = error; });
		let counts;
		try {
			counts = await faults.allFired(seed, rules, { busy: () => { if (failed) throw failed; } });
		} finally {
			over = true;
			faults.disarm();
			await all;
		}
		if (failed) throw failed;
		t.diagnostic(`fired: ${Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(', ')}`);

		assert.equal(new Set(scores).size, buyers + leavers, 'a place each');
		assert.equal(number(`select count(*) from bookings where event_id = ${e.event_id} and status = 'CONFIRMED'`), buyers);
		assert.equal(number(`select count(*) from queue_tickets where event_id = ${e.event_id} and line = '' and outcome = 'left'`), leavers);
		assert.equal(number(`select count(*) from passes_spent where event_id = ${e.event_id}`), buyers + leavers);
		assert.equal(number(`select count(*) from bookings b where event_id = ${e.event_id} and status = 'CONFIRMED'
			and not exists (select from passes_spent s where (s.event_id, s.user_id, s.pass) = (b.event_id, b.user_id, b.pass))`), 0);
		// A place whose end Redis did not hear of lasts as long as its pass, and no longer. After a death
		// the request is repeated, so that Redis hears of all.
		const inside = Number(stack.redis('zcard', key(e, 'inside')));
		if (actions.includes('kill')) assert.equal(inside, 0);
		assert.equal(stack.redis('zcard', key(e, 'line')), '0');
		await stack.until('readyz says ok', async () => stack.program('reconcile', ['--event', e.event_id]).status === 0);
		stack.verify();
	});
}
