// holdfast-history: a true history has no findings, each planted fault is found where it is, and so is a
// database that has been tampered with.
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { buyers, eventWith, program, range, redisBuild, redisFlush, seat, shuffled, sleep } = require('../lib/crowd.js');
const { History, assertFound, faults, history, plant, tamper } = require('../lib/history.js');

const HOLD_SECONDS = 4; // enough for a few calls on a busy machine
let dir, file, made, crowd;

const where = (name) => path.join(dir, name);

const planted = (kind, from = file) => plant(kind, from, where(kind));

// Four at a time.
async function each(list, task) {
	const left = [...list];
	await Promise.all(range(4).map(async () => {
		while (left.length) await task(left.shift());
	}));
}

// A request whose answer nobody waits for.
function cutOff(method, url, { token, key, body }) {
	return new Promise((resolve, reject) => {
		const request = http.request(new URL(`/api/v1${url}`, process.env.HOLDFAST_URL), {
			method,
			headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'Idempotency-Key': key },
		});
		request.on('error', reject);
		request.on('close', () => reject(new Error('closed')));
		request.end(JSON.stringify(body), () => { setTimeout(() => request.destroy(), 20); });
	});
}

// A little of everything, so that every kind of fault finds its place.
async function everything(h) {
	const [ann, bob, cem, dia, eve, fay, gus] = crowd;
	const email = `${randomUUID()}@history.test`;
	const joined = await h.call(null, 'register', 'POST', '/auth/register',
		{ body: { email, password: 'a long enough one' } });
	assert.equal(joined.status, 201, joined.text);
	await h.map(ann);

	const first = await h.hold(ann, { seats: [seat(1)], key: 'one' });
	assert.equal(first.status, 201, first.text);
	await h.hold(bob, { seats: [seat(1)] });
	await h.hold(ann, { seats: [seat(1)], key: 'one' });
	await h.hold(ann, { seats: [seat(1)] });
	await h.get(ann, first.body.booking_id);
	await h.move(ann, 'confirm', first.body.booking_id, { key: 'two' });
	await h.move(ann, 'confirm', first.body.booking_id, { key: 'two' });
	await h.get(ann, first.body.booking_id);
	await h.hold(ann, { seats: range(8, 11).map(seat) }); // over the limit

	const pair = await h.hold(bob, { seats: [seat(2), seat(3)], key: 'pair' });
	await h.move(bob, 'confirm', pair.body.booking_id);
	await h.move(bob, 'cancel', pair.body.booking_id, { key: 'cancel' });

	const left = await h.hold(cem, { seats: [seat(4)] });
	await h.move(cem, 'release', left.body.booking_id);
	await h.hold(dia, { seats: [seat(5)] });
	await h.hold(dia, { seats: [seat(21), seat(22)] });

	const late = await h.hold(eve, { seats: [seat(6)], key: 'late' });
	for (const buyer of [fay, gus, dia]) {
		const places = await h.hold(buyer, { places: 5 });
		if (places.status === 201) await h.move(buyer, 'confirm', places.body.booking_id);
	}
	await h.hold(cem, { seats: [seat(7)], places: 1, key: 'mixed' });
	await h.hold(fay, { seats: [seat(8)], key: 'lost', send: cutOff });
	await h.hold(fay, { seats: [seat(8)], key: 'lost' });

	await sleep(Math.max(0, Date.parse(late.body.expires_at) - Date.now()) + 100);
	await h.move(eve, 'confirm', late.body.booking_id);
	await h.get(eve, late.body.booking_id);
	await h.hold(gus, { seats: [seat(6)] });
	await h.map(ann);
}

// Many at once, each several times.
async function race(h) {
	await Promise.all(crowd.map(async (who) => {
		for (let i = 0; i < 3; i++) {
			const places = i === 2 ? 1 : 0;
			const held = await h.hold(who, { seats: shuffled(range(12, 20)).slice(0, 1 + i).map(seat), places });
			if (held.status !== 201) continue;
			const move = ['confirm', 'release', 'cancel'][Math.floor(Math.random() * 3)];
			if (move === 'cancel') await h.move(who, 'confirm', held.body.booking_id, { key: randomUUID() });
			await h.move(who, move, held.body.booking_id, { key: randomUUID() });
		}
	}));
}

before(async () => {
	dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-history-'));
	file = where('true');
	crowd = buyers(20);
	const event = await eventWith({ seats: 40, places: 12, hold_seconds: HOLD_SECONDS, max_seats_per_user: 8 });
	await redisBuild(event);
	made = new History(event, HOLD_SECONDS);
	await everything(made);
	await race(made);
	made.write(file);
});
after(() => fs.rmSync(dir, { recursive: true, force: true }));

test('a true history has no findings', async () => {
	const judged = await history('check', file);
	assert.deepEqual(judged, { status: 0, out: `${made.calls.length} calls checked, 0 findings\n`, said: '' });
	for (const refused of ['seats-unavailable', 'sold-out', 'limit-exceeded', 'hold-expired'])
		assert.ok(made.calls.some((one) => one.problem === refused), refused);
	assert.ok(made.calls.some((one) => one.status === 0));
});

test('every planted fault is found in its lines', async () => {
	const { others } = await faults();
	assert.ok(others.length > 30);
	await each(others, (kind) => assertFound(kind, file, where(kind)));
});

test('what was done to the database behind its back is found', async () => {
	const booking = made.calls[2].got.booking;
	const row = `event_id = ${made.event} and booking_id = '${booking}'`;
	const expired = `event_id = ${made.event} and booking_id = '${made.calls.find((one) => one.key === 'late').got.booking}'`;
	const done = [
		[`create table kept as select * from seat_claims where ${row}; delete from seat_claims where ${row}`,
			'insert into seat_claims select * from kept; drop table kept',
			/^rule 1, lines 4,\S+: booking \S+ is CONFIRMED, and has no claim/],
		[`update bookings set user_id = '${crowd[1].id}' where ${row}`,
			`update bookings set user_id = '${crowd[0].id}' where ${row}`, /^rule 1, line 4: hold by user \S+ was answered with booking/],
		[`update bookings set status = 'EXPIRED' where ${row}`,
			`update bookings set status = 'CONFIRMED' where ${row}`, /^rule 1, lines 4,\S+: booking \S+ was confirmed, and is not so/],
		[`create table kept as select * from bookings where ${row}; delete from bookings where ${row}`,
			'insert into bookings select * from kept; drop table kept', /^rule 1, line 4: hold was answered 201 .* not in the database/],
		[`update bookings set positions = '{30}' where ${row}`,
			`update bookings set positions = '{0}' where ${row}`, /^rule 1, line 4: hold was answered with other places/],
		[`update bookings set confirmed_at = expires_at + interval '1 second' where ${row}`,
			`update bookings set confirmed_at = created_at where ${row}`, /^rule 4, lines 4,\S+: booking \S+ was confirmed 1000 ms after/],
		[`update bookings set ended_at = ended_at - interval '1 minute' where ${expired}`,
			`update bookings set ended_at = ended_at + interval '1 minute' where ${expired}`,
			/^rule 4, line \d+: booking \S+ expired \d+ ms before its deadline by the database/],
		[`insert into bookings select event_id, gen_random_uuid(), user_id, status, version, places, '{35}', seat_prices,
			section_nos, quantities, section_prices, gone_positions, gone_quantities, total, currency, created_at,
			first_expires_at, expires_at, confirmed_at, ended_at, release_asked_at, cancel_reason, 'one', 'x'
			from bookings where ${row}`,
			`delete from bookings where event_id = ${made.event} and fingerprint = 'x'`, /^rule 5, line 4: one key, and two bookings/],
		[`update answers set key = 'other' where event_id = ${made.event} and key = 'two'`,
			`update answers set key = 'two' where event_id = ${made.event} and key = 'other'`,
			/^rule 5, line \d+: the answer to the key of this confirm/],
	];
	for (const [change, undo, wanted] of done) {
		tamper(change);
		const judged = await history('check', file);
		tamper(undo);
		assert.equal(judged.status, 1, `${change}: ${judged.said}`);
		assert.ok(judged.out.split('\n').some((line) => wanted.test(line)), `${wanted}: ${judged.out}`);
	}
	assert.equal((await history('check', file)).status, 0);
});

test('a seat that was really sold twice is found', async () => {
	const h = new History(await eventWith({ seats: 2, hold_seconds: 60 }), 60);
	const sold = async (who) => {
		const held = await h.hold(who, { seats: [seat(1)] });
		assert.equal(held.status, 201, held.text);
		await h.move(who, 'confirm', held.body.booking_id);
	};
	await sold(crowd[0]);
	const first = `event_id = ${h.event} and booking_id = '${h.calls[0].got.booking}'`;
	tamper(`delete from seat_claims where ${first}; update bookings set status = 'CANCELLED' where ${first}`);
	await redisFlush();
	await redisBuild(h.event);
	await sold(crowd[1]);
	tamper(`update bookings set status = 'CONFIRMED' where ${first}`);
	h.write(where('twice'));
	const judged = await history('check', where('twice'));
	assert.equal(judged.status, 1);
	assert.match(judged.out, /^rule 2, lines 4,2: seat S-A-1 was owned by booking \S+ and by booking \S+ at once$/m);
});

test('places kept from sale by nobody are found', async () => {
	const h = new History(await eventWith({ seats: 2, places: 5, hold_seconds: 60 }), 60);
	await redisBuild(h.event);
	const held = await h.hold(crowd[0], { seats: [seat(1)], places: 5 });
	await h.move(crowd[0], 'release', held.body.booking_id);
	// Claims of a booking that began much later: nobody's at the time of the refusal.
	tamper(`insert into seat_claims values (${h.event}, 0, gen_random_uuid(), 'b', 'infinity');
		insert into ga_claims values (${h.event}, 1, gen_random_uuid(), 5, 'b', 'infinity');
		update ga_counts set taken = 5 where event_id = ${h.event}`);
	await sleep(60);
	assert.equal((await h.hold(crowd[1], { seats: [seat(1)] })).slug, 'seats-unavailable');
	assert.equal((await h.hold(crowd[1], { places: 1 })).slug, 'sold-out');
	tamper(`delete from seat_claims where event_id = ${h.event}; delete from ga_claims where event_id = ${h.event};
		update ga_counts set taken = 0 where event_id = ${h.event}`);
	h.write(where('refused'));
	const judged = await history('check', where('refused'));
	assert.equal(judged.status, 1, judged.out);
	assert.match(judged.out, /^rule 3, lines 4,2: seat S-A-1 was refused, and nobody/m);
	assert.match(judged.out, /^rule 3, lines 5,2: section G was said to be sold out/m);
	// Where Redis may have been behind for a while, they are not.
	assert.equal((await history('check', where('refused'), '--drift-ms', '60000')).status, 0);
});

test('a crash may undo holds, and what was confirmed never', async () => {
	const h = new History(await eventWith({ seats: 4, hold_seconds: 60 }), 60);
	const [held, sold] = [await h.hold(crowd[0], { seats: [seat(1)] }), await h.hold(crowd[1], { seats: [seat(2)] })];
	await h.move(crowd[1], 'confirm', sold.body.booking_id);
	const undo = ({ body }) => tamper(`delete from seat_claims where event_id = ${h.event} and booking_id = '${body.booking_id}';
		delete from bookings where event_id = ${h.event} and booking_id = '${body.booking_id}'`);
	undo(held);
	await h.get(crowd[0], held.body.booking_id);
	h.write(where('crash'));
	assert.equal((await history('check', where('crash'))).status, 1);
	assert.deepEqual(await history('check', where('crash'), '--crash'),
		{ status: 0, out: '4 calls checked, 0 findings\n', said: '' });
	undo(sold);
	const judged = await history('check', where('crash'), '--crash');
	assert.equal(judged.status, 1);
	assert.match(judged.out, /^rule 1, line 4: confirm was answered 200 with booking \S+, which is not in the database$/m);
});

test('what the load generator writes down is judged', async () => {
	const from = where('walk');
	const walked = await program('loadgen', 'walk', '--url', process.env.HOLDFAST_URL, '--duration', '3',
		'--buyers', '8', '--history', from, '--quiet').catch((failed) => failed);
	assert.equal(walked.code ?? 0, 0, walked.stdout + walked.stderr);
	const judged = await history('check', from);
	assert.equal(judged.status, 0, judged.out + judged.said);
	assert.match(judged.out, /^[1-9]\d+ calls checked, 0 findings\n$/);
	await planted('two-owners', from);
	assert.equal((await history('check', where('two-owners'))).status, 1);
});

test('findings beyond the most of a rule are counted', async () => {
	await planted('lost-booking');
	const judged = await history('check', where('lost-booking'), '--most', '0');
	assert.equal(judged.status, 1);
	assert.match(judged.out, /^rule 1: \d+ more\n/);
	assert.match(judged.out, /calls checked, [1-9]\d* findings\n$/);
});

test('a history that nobody would have written is refused with its line', async () => {
	const lines = fs.readFileSync(file, 'utf8').split('\n');
	const last = lines.length - 1;
	const changed = (at, line) => [...lines.slice(0, at), line, ...lines.slice(at + 1)].join('\n');
	const hostile = [
		['', /line 1: /],
		[lines.slice(0, -2).join('\n') + '\n', new RegExp(`line ${last}: the history is cut off`)],
		[lines.slice(0, 5).join('\n').slice(0, -7), /line 5: it is cut off/],
		[changed(3, lines[3].replace('"b":', '"b":1,"b":')), /line 4: byte/],
		[changed(3, lines[3].replace(/"sent":\d+/, '"sent":9'.padEnd(40, '9'))), /line 4: byte/],
		[changed(3, '['), /line 4: byte 1/],
		[changed(3, lines[3].replace(/"done":\d+/, `"done":${made.calls[4].done}`)),
			/line 5: it was done before the call of the line before/],
		[changed(last - 1, '{"end":1,"calls":' + made.calls.length + '}'), new RegExp(`line ${last}: it ended before`)],
		[changed(1, ''), /line 2: byte 1/],
		[changed(0, lines[0].replace(/"event":"\d+"/, '"event":"none"')), /no event's id/],
		[changed(0, lines[0].replace(/"event":"\d+"/, '"event":"2000000000"')), /the database has no event/],
		[Buffer.concat([Buffer.from(`${lines[0]}\n`), Buffer.from([0xff, 0xfe, 10])]), /line 2: it is not UTF-8/],
		[Buffer.concat([Buffer.from(`${lines[0]}\n`), Buffer.alloc(100 << 20, 'x')]), /line 2: it is longer/],
	];
	for (const [text, wanted] of hostile) {
		fs.writeFileSync(where('hostile'), text);
		for (const words of [['check'], ['plant', 'lost-booking']]) {
			if (words[0] === 'plant' && /event/.test(wanted)) continue;
			const judged = await history(...words, where('hostile'));
			assert.equal(judged.status, 2, `${wanted}: ${judged.out}`);
			assert.match(judged.said, wanted);
			assert.equal(judged.out, '');
		}
	}
});

test('a check that cannot be told of does not pass', async () => {
	await planted('lost-booking');
	for (const words of [['check', file], ['check', where('lost-booking')], ['--list']]) {
		const judged = history.to(fs.openSync('/dev/full', 'w'), ...words);
		assert.equal(judged.status, 2, words.join(' '));
		assert.match(judged.said, /standard output cannot be written: No space left/);
	}
});

test('what it cannot do it says, with status 2', async () => {
	for (const [words, wanted] of [
		[[], /check FILE/], [['check'], /check FILE/], [['check', where('none')], /cannot be read/],
		[['check', dir], /cannot be read/], [['check', file, '--most', 'x'], /take a number/],
		[['plant', 'no-such-fault', file], /no such fault/], [['plant', 'late-confirm'], /FAULT and a FILE/],
		[['check', file, '--set', 'database_url=postgresql://127.0.0.1:1/none'], /cannot be asked/],
	]) {
		const judged = await history(...words);
		assert.equal(judged.status, 2, words.join(' '));
		assert.match(judged.said, wanted);
	}
	new History(made.event, 1).write(where('empty'));
	assert.deepEqual((await history('check', where('empty'))).out, '0 calls checked, 0 findings\n');
	const { out } = await history('--list');
	await each(out.trim().split('\n').map((line) => line.split(' ')[0]), async (kind) => {
		const judged = await history('plant', kind, where('empty'));
		assert.equal(judged.status, 2, kind);
		assert.equal(judged.out, '');
		assert.match(judged.said, new RegExp(`no call that ${kind} could be planted at`));
	});
});
