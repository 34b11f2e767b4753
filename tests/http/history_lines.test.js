// holdfast-history on people in line: a true history has no findings, each planted fault is found where it
// is, and so is a line that was not served in its order, or that keeps places for nobody.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { buyers, eventWith, redisBuild, sleep } = require('../lib/crowd.js');
const { History, assertFound, faults, history, tamper } = require('../lib/history.js');
const { Redis } = require('../lib/redis.js');

let dir, file, made, crowd;

const where = (name) => path.join(dir, name);

async function joined(h, who, quantity, more) {
	const answer = await h.join(who, 'G', quantity, more);
	assert.equal(answer.status, 202, answer.text);
	return answer.body.token;
}

// Asks until served; the booking.
async function served(h, who, ticket) {
	for (;;) {
		const { body } = await h.poll(who, ticket);
		if (body.status === 'reserved') return body.booking_id;
		assert.equal(body.status, 'waiting');
		await sleep(100);
	}
}

// Eight places: held, given back one after the other to those who wait, and given back by them.
async function everything(h) {
	const [ann, bob, cem, dia, eve, fay, hal, ivy, gus] = crowd;
	const held = [];
	for (const places of [2, 2, 1, 1, 2]) {
		const hold = await h.hold(gus, { places });
		assert.equal(hold.status, 201, hold.text);
		held.push(hold.body.booking_id);
	}
	const free = (number) => h.move(gus, 'release', held[number]);
	assert.equal((await h.hold(dia, { places: 1 })).slug, 'sold-out');

	let first = await joined(h, ann, 1);
	const second = await joined(h, bob, 2);
	const third = await joined(h, cem, 1);
	await joined(h, bob, 1); // the same place
	await free(0); // two of bob's do not fit behind ann's
	await h.move(ann, 'confirm', await served(h, ann, first));
	const passed = await served(h, cem, third);
	await h.hold(dia, { places: 1 }); // while bob waits
	await sleep(1100);
	await free(1);
	await served(h, bob, second);

	const [fourth, fifth] = [await joined(h, hal, 1), await joined(h, ivy, 1, { key: 'again' })];
	assert.equal(await joined(h, ivy, 1, { key: 'again' }), fifth);
	const gone = await joined(h, fay, 1);
	await h.leave(fay, gone);
	first = await joined(h, ann, 1);
	await free(2);
	await h.move(hal, 'confirm', await served(h, hal, fourth));
	await sleep(1100);
	await free(3);
	await served(h, ivy, fifth);
	await free(4);
	await served(h, ann, first);
	await h.leave(ann, first);
	await served(h, eve, await joined(h, eve, 1));
	await h.move(cem, 'release', passed);
	await h.hold(dia, { places: 1 });
}

before(async () => {
	dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-history-'));
	file = where('true');
	crowd = buyers(9);
	const event = await eventWith({ places: 8, hold_seconds: 60 });
	await redisBuild(event);
	made = new History(event, 60);
	await everything(made);
	made.write(file);
});
after(() => fs.rmSync(dir, { recursive: true, force: true }));

test('a true history of people in line has no findings', async () => {
	const judged = await history('check', file);
	assert.deepEqual(judged, { status: 0, out: `${made.calls.length} calls checked, 0 findings\n`, said: '' });
});

test('every fault that is planted in a line is found there', async () => {
	for (const kind of (await faults()).lines) await assertFound(kind, file, where(kind));
});

test('a line that was not served in its order is found', async () => {
	const line = (who, op) => made.calls.find((call) => call.user === who.id && call.op === op).n + 1;
	const [, , , dia, , , hal, ivy] = crowd;
	const row = (who) => `event_id = ${made.event} and outcome = 'reserved' and user_id = '${who.id}'`;
	const swap = `update queue_tickets t set ended_at = o.ended_at from queue_tickets o where t.event_id = ${made.event}
		and o.event_id = t.event_id and t.user_id <> o.user_id and t.outcome = 'reserved' and o.outcome = 'reserved'
		and t.user_id in ('${hal.id}', '${ivy.id}') and o.user_id in ('${hal.id}', '${ivy.id}')`;
	const done = [
		[swap, swap, new RegExp(`^rule 7, lines ${line(hal, 'join')},${line(ivy, 'join')},\\d+,\\d+: user ${ivy.id} joined the line of `
			+ `section G \\d+ ms after user ${hal.id} had, wanted no less, and was served \\d+ ms before$`, 'm')],
		[`update queue_tickets set user_id = '${dia.id}' where ${row(ivy)}`, `update queue_tickets set user_id = '${ivy.id}' where ${row(dia)}`,
			new RegExp(`^rule 7, line \\d+: user ${dia.id} was served in the line of section G with booking \\S+, and had not joined it$`, 'm')],
		[`update queue_tickets set user_id = '${hal.id}' where ${row(ivy)}`,
			`update queue_tickets set user_id = '${ivy.id}' where ${row(hal)}
				and number > (select min(number) from queue_tickets where ${row(hal)})`,
			new RegExp(`^rule 7, line \\d+: user ${hal.id} was served .* and had not joined it since being served before$`, 'm')],
	];
	for (const [change, undo, wanted] of done) {
		tamper(change);
		const judged = await history('check', file);
		tamper(undo);
		assert.equal(judged.status, 1, `${change}: ${judged.said}`);
		assert.match(judged.out, wanted);
	}
	assert.equal((await history('check', file)).status, 0);
});

test('places that are kept for nobody are found', async () => {
	const [ann, bob] = crowd;
	const h = new History(await eventWith({ places: 4, hold_seconds: 60 }), 60);
	await redisBuild(h.event);
	await served(h, ann, await joined(h, ann, 1));
	assert.equal((await h.hold(bob, { places: 1 })).status, 201);
	const redis = new Redis();
	await redis.call('HSET', `hf:{${h.event}}:q:G:wants`, '2', '2');
	await redis.call('SADD', `hf:{${h.event}}:waits`, 'G');
	const refused = await h.hold(bob, { places: 1 });
	await redis.call('DEL', `hf:{${h.event}}:q:G:wants`, `hf:{${h.event}}:waits`);
	redis.close();
	assert.equal(refused.slug, 'sold-out', refused.text);
	h.write(where('kept'));
	const judged = await history('check', where('kept'));
	assert.equal(judged.status, 1, judged.out);
	assert.match(judged.out, new RegExp(`^rule 3, lines ${h.calls.length + 1}(,\\d+)?: section G was said to be sold out, and others can `
		+ 'have had no more than 2 of its 4 places then, nor have waited for it$', 'm'));
});
