// A waiting room at its opening: hundreds who came before, hundreds who come in that moment, all of them
// asking all the time, and workers that are killed. The room is looked at from inside meanwhile.
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const { assertStatus, put } = require('../lib/client.js');
const { Redis } = require('../lib/redis.js');
const { inSeconds, key, organizer, people, room, visit } = require('../lib/room.js');
const stack = require('../lib/stack.js');

const redis = new Redis();
after(() => {
	redis.close();
	stack.verify();
});

const EARLY = 250, LATE = 250, A_MINUTE = 6000, INSIDE = 40;

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

test('the opening: the order, the rate and the room inside are kept', { timeout: 180000 }, async () => {
	const crowd = people(EARLY + LATE);
	const settings = { admit_per_minute: A_MINUTE, inside_max: INSIDE };
	const e = await room({ ...settings, opens_at: inSeconds(3600) }, {
		sections: [{ name: 'Floor', capacity: EARLY + LATE }],
	});
	const looks = [];
	let over = false;
	const watching = (async () => {
		while (!over) {
			looks.push(await look(e));
			await stack.pause(10);
		}
	})();
	const visits = crowd.slice(0, EARLY).map((who) => visit(who, e));
	await stack.until('those who are early to wait', async () => Number(await redis.call('ZCARD', key(e, 'line'))) === EARLY, 60);
	const changed = assertStatus(await put(`/admin/events/${e.event_id}`, { waiting_room: { ...settings, opens_at: inSeconds(3) } },
		{ token: (await organizer()).token }), 200).body;
	const opens = Date.parse(changed.waiting_room.opens_at);
	// The others come around the opening and after it.
	for (const who of crowd.slice(EARLY)) {
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

	assert.equal(new Set(scores).size, EARLY + LATE, 'a place each');
	assert.equal(looks.at(-1).out, EARLY + LATE);
	for (const one of looks) {
		assert.ok(one.inside <= INSIDE, `${one.inside} inside`);
		assert.equal(one.twice, 0, 'nobody waits who has been let in');
		if (one.best >= 0n) assert.ok(one.worst < one.best, 'nobody is passed');
		if (one.at < opens - 50) assert.equal(one.out, 0, 'nobody before the opening');
	}
	// Over any stretch of time no more than the rate, and what the bucket holds: a second's worth.
	const burst = A_MINUTE / 60;
	for (let i = 0; i < looks.length; i += 7)
		for (let j = i + 1; j < looks.length; j += 11)
			assert.ok(looks[j].out - looks[i].out <= burst + 1 + (looks[j].at - looks[i].at) * A_MINUTE / 60000,
				`${looks[j].out - looks[i].out} in ${looks[j].at - looks[i].at} ms`);
	assert.equal(stack.sql(`select count(*) from bookings where event_id = ${e.event_id} and status = 'CONFIRMED' and pass is not null`),
		String(EARLY + LATE));
	// Those who were early came first, whatever their order among themselves; it was drawn.
	const phase = (score) => Number(score >> 42n) % 2;
	assert.deepEqual(scores.slice(0, EARLY).map(phase), Array(EARLY).fill(0));
	const shuffles = scores.slice(0, EARLY).map((score) => Number((score >> 24n) & 0x3ffffn));
	let rising = 0;
	for (let i = 1; i < EARLY; i++) rising += shuffles[i] > shuffles[i - 1];
	assert.ok(Math.abs(rising - EARLY / 2) < 4 * Math.sqrt(EARLY) / 2, `${rising} of ${EARLY} rise`);
});
