// A waiting room at its opening: hundreds who came before, hundreds who come in that moment, all of them
// asking all the time, and workers that are killed. The room is looked at from inside meanwhile.
'use strict';

const assert = require('node:assert/strict');
const { after, describe, test } = require('node:test');

const { assertStatus, put } = require('../lib/client.js');
const { Redis } = require('../lib/redis.js');
const { inSeconds, joined, key, organizer, people, room, visit } = require('../lib/room.js');
const stack = require('../lib/stack.js');

const redis = new Redis();
after(() => {
	redis.close();
	stack.verify();
});

/*
 * [what keeps people out, how many come early and late, how many are let in a minute, and may be inside]: in each
 * of them the other bound is never reached.
 */
const rooms = [
	['the room inside', { early: 250, late: 250, a_minute: 6000, most: 40 }],
	['the rate', { early: 50, late: 30, a_minute: 600, most: 100 }],
];

// One moment of the room: {at, inside, out (who has been let in, ever), worst (the last place that was let
// in), best (the first that waits), twice}.
const LOOK = `
	local Q, out, worst, twice = KEYS[1], 0, -1, 0
	local done = redis.call('HGETALL', Q .. 'done')
	for i = 1, #done, 2 do
		out = out + 1
		worst = math.max(worst, tonumber(string.match(done[i + 1], '^%d+')))
		if redis.call('ZSCORE', Q .. 'line', done[i]) then twice = twice + 1 end
	end
	local first = redis.call('ZRANGE', Q .. 'line', 0, 0, 'WITHSCORES')
	local time = redis.call('TIME')
	return { time[1] * 1000 + math.floor(time[2] / 1000), redis.call('ZCARD', Q .. 'inside'), out,
		string.format('%.0f', worst), first[2] or '-1', twice }`;

async function look(e) {
	const [at, inside, out, worst, best, twice] = await redis.call('EVAL', LOOK, 1, key(e, ''));
	return { at, inside, out, worst: BigInt(worst), best: BigInt(best), twice };
}

async function opening({ early, late, a_minute, most }) {
	const crowd = people(early + late);
	const settings = { admit_per_minute: a_minute, inside_max: most };
	const e = await room({ ...settings, opens_at: inSeconds(3600) }, {
		sections: [{ name: 'Floor', capacity: early + late }],
	});
	const looks = [];
	let over = false;
	const watching = (async () => {
		while (!over) {
			looks.push(await look(e));
			await stack.pause(10);
		}
	})();
	// Each of those comes twice at once.
	const visits = crowd.slice(0, early).map((who) => visit(who, e));
	const again = await Promise.all(crowd.slice(0, early).map((who) => joined(who, e)));
	await stack.until('those who are early to wait', async () => Number(await redis.call('ZCARD', key(e, 'line'))) === early, 60);
	const changed = assertStatus(await put(`/admin/events/${e.event_id}`, { waiting_room: { ...settings, opens_at: inSeconds(3) } },
		{ token: (await organizer()).token }), 200).body;
	const opens = Date.parse(changed.waiting_room.opens_at);
	// The others come around the opening and after it.
	for (const who of crowd.slice(early)) {
		visits.push((async () => {
			await stack.pause(opens - Date.now() - 200 + Math.random() * 2000);
			return visit(who, e);
		})());
	}
	await stack.until('some to be inside', async () => (await look(e)).out > 20, 60);
	for (const pid of stack.workers('queue')) process.kill(pid, 'SIGKILL');
	const scores = await Promise.all(visits);
	over = true;
	await watching;

	assert.equal(new Set(scores).size, early + late, 'a place each');
	for (const [i, { token }] of again.entries())
		assert.equal(Buffer.from(token, 'base64url').readBigUInt64BE(5), scores[i], 'however often one comes');
	assert.equal(looks.at(-1).out, early + late);
	for (const one of looks) {
		assert.ok(one.inside <= most, `${one.inside} inside`);
		assert.equal(one.twice, 0, 'nobody waits who has been let in');
		if (one.best >= 0n) assert.ok(one.worst < one.best, 'nobody is passed');
		if (one.at < opens - 50) assert.equal(one.out, 0, 'nobody before the opening');
	}
	// Over any stretch of time no more than the rate, and what the bucket holds: a second's worth.
	const lead = (one) => one.out - one.at * a_minute / 60000;
	let least = looks[0];
	for (const one of looks) {
		if (lead(one) < lead(least)) least = one;
		assert.ok(lead(one) - lead(least) <= a_minute / 60 + 1, `${one.out - least.out} in ${one.at - least.at} ms`);
	}
	assert.equal(stack.sql(`select count(*) from bookings where event_id = ${e.event_id} and status = 'CONFIRMED' and pass is not null`),
		String(early + late));
	// Those who were early came first, whatever their order among themselves; it was drawn.
	const phase = (score) => Number(score >> 42n) % 2;
	assert.deepEqual(scores.slice(0, early).map(phase), Array(early).fill(0));
	const shuffles = scores.slice(0, early).map((score) => Number((score >> 24n) & 0x3ffffn));
	let rising = 0;
	for (let i = 1; i < early; i++) rising += shuffles[i] > shuffles[i - 1];
	assert.ok(Math.abs(rising - early / 2) < 4 * Math.sqrt(early) / 2, `${rising} of ${early} rise`);
}

describe('the opening: the order, the rate and the room inside are kept', { concurrency: 2 }, () => {
	for (const [bound, of] of rooms)
		test(`where ${bound} keeps people out`, { timeout: 180000 }, () => opening(of));
});
