// reconcile as cron runs it: what is damaged in Redis is found and set right, what is missing is
// built, what is over goes; and what Redis did not hear is told when it is back.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, afterEach, before, describe, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, get } = require('../lib/client.js');
const { Redis } = require('../lib/redis.js');
const stack = require('../lib/stack.js');
const { assertPlaces, assertSeats, buyer, confirmed, event, held, hold, move, settled, staff } =
	require('../lib/world.js');

let olga, ann, bob, redis;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
	redis = new Redis();
});
after(async () => {
	redis.close();
	// What the dead had taken may be a hold in flight, until nobody can be at work on it any more.
	await stack.until('nothing is left to the next run', () => reconcile('--full').skipped === 0, 30);
	stack.verify();
});

// A run: what it printed, and the numbers of its summary. It tells no watchers, which would take each a second.
function reconcile(...args) {
	const done = stack.program('reconcile', ['--set', 'live=off', ...args]);
	assert.equal(done.status, 0, done.stdout + done.stderr);
	const numbers = Object.fromEntries([...done.stderr.matchAll(/ ([a-z]+)=(\d+)/g)]
		.map(([, name, n]) => [name, Number(n)]));
	return { ...numbers, stdout: done.stdout, stderr: done.stderr };
}

const says = (run, id) => run.stdout.split('\n').filter((line) => line.startsWith(`event=${id} `));

// An event with a hold, a sale and places, as PostgreSQL's deadlines have it; its keys.
async function known() {
	const { event_id: id } = await event(olga);
	const key = (name) => `hf:{${id}}:${name}`;
	const mine = await held(ann, id, ['VIP-A-1', 'VIP-A-2']);
	const sold = await confirmed(bob, id, ['VIP-A-3']);
	const floor = await held(ann, id, 4);
	const floorSold = await confirmed(bob, id, 3);
	const ended = await held(ann, id, ['VIP-A-9'], { key: freshKey() });
	assertStatus(await move(ann, ended, 'release'), 200);
	stack.reconcile(id);
	await redis.call('DEL', key('entry'));
	assert.match(stack.reconcile(id), / entries_wrong=4 seats_wrong=0 counts_wrong=2 .* repaired=6 /);
	return { id, mine, sold, floor, floorSold, ended, key };
}

// All that is kept of an event, but for what moves by itself.
async function kept(id) {
	const key = (name) => `hf:{${id}}:${name}`;
	const hash = async (name) => {
		const flat = await redis.call('HGETALL', key(name));
		return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => flat.slice(2 * i, 2 * i + 2)).sort());
	};
	const meta = await hash('meta');
	for (const name of ['version', 'build', 'offset', 'heard', 'unheard', 'complete']) delete meta[name];
	return {
		meta, seats: await redis.call('GET', key('seats')), ids: await hash('ids'), owner: await hash('owner'),
		entry: await hash('entry'), due: await redis.call('ZRANGE', key('due'), 0, -1, 'WITHSCORES'),
		count: await hash('count'), used: (await redis.call('ZRANGE', key('used'), 0, -1)).sort(),
	};
}

const stranger = '00000001-0000-8000-8000-000000000000';

// What a light run promises to find.
const light = {
	'a seat that is held and shown free': (e) => redis.call('SETRANGE', e.key('seats'), 0, 'a'),
	'a seat that is free and shown sold': (e) => redis.call('SETRANGE', e.key('seats'), 7, 'b'),
	'a byte that is no state': (e) => redis.call('SETRANGE', e.key('seats'), 7, '?'),
	'a string of seats that is cut': async (e) =>
		redis.call('SET', e.key('seats'), (await redis.call('GET', e.key('seats'))).slice(0, 5)),
	'no string of seats': (e) => redis.call('DEL', e.key('seats')),
	'an entry that is lost': (e) => redis.call('HDEL', e.key('entry'), e.mine.booking_id),
	'an entry too many': (e) => redis.call('HSET', e.key('entry'), stranger, 'h|x|99999999999999|0|7,8|Floor:2'),
	'an entry that is none': (e) => redis.call('HSET', e.key('entry'), stranger, 'rubbish'),
	'a count of places held': (e) => redis.call('HSET', e.key('count'), 'h:Floor', 9),
	'a count below nothing': (e) => redis.call('HSET', e.key('count'), 'h:Floor', -9),
	'a count that is no number': (e) => redis.call('HSET', e.key('count'), 'h:Floor', 'many'),
	'a count of places sold': (e) => redis.call('HSET', e.key('count'), 'b:Floor', 0),
	'a count that is lost': (e) => redis.call('HDEL', e.key('count'), 'b:Floor'),
	'a capacity': (e) => redis.call('HSET', e.key('count'), 'c:Floor', 1000),
	'a capacity that is lost': (e) => redis.call('HDEL', e.key('count'), 'c:Floor'),
	'the first deadline': (e) => redis.call('ZADD', e.key('due'), 1e14, e.mine.booking_id, 1e14, e.floor.booking_id),
	'a deadline that is lost': (e) => redis.call('ZREM', e.key('due'), e.mine.booking_id),
	'a deadline too many': (e) => redis.call('ZADD', e.key('due'), 1e14, stranger),
	'the begin of sales': (e) => redis.call('HSET', e.key('meta'), 'from', 9e12),
	'the end of sales': (e) => redis.call('HSET', e.key('meta'), 'until', 0),
	'the life of a hold': (e) => redis.call('HSET', e.key('meta'), 'hold', 1),
	'the most places of a booking': (e) => redis.call('HDEL', e.key('meta'), 'max'),
	'the number of seats': (e) => redis.call('HSET', e.key('meta'), 'seats', 3),
	'the sections': (e) => redis.call('HSET', e.key('meta'), 'sections', 'Floor|ga|999|'),
	'the clock': (e) => redis.call('HSET', e.key('meta'), 'offset', -3600000),
	'the run that it was built under': (e) => redis.call('HSET', e.key('meta'), 'stamp', 'of old'),
	'everything': (e) => redis.call('EVAL',
		"for _, key in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', key) end", 0, e.key('*')),
	...Object.fromEntries(['seats', 'entry', 'due', 'count', 'meta'].map((name) => [`another kind of key: ${name}`,
		async (e) => {
			await redis.call('DEL', e.key(name));
			await redis.call('SADD', e.key(name), 'rubbish');
		}])),
};

// What only a full run looks at.
const full = {
	'two seats mixed up': async (e) => {
		await redis.call('SETRANGE', e.key('seats'), 0, 'a');
		await redis.call('SETRANGE', e.key('seats'), 7, 'h');
	},
	'the owner of a seat': (e) => redis.call('HSET', e.key('owner'), 0, e.sold.booking_id),
	'an owner that is lost': (e) => redis.call('HDEL', e.key('owner'), 2),
	'an owner of a free seat': (e) => redis.call('HSET', e.key('owner'), 7, stranger),
	'whose an entry is': async (e) => redis.call('HSET', e.key('entry'), e.mine.booking_id,
		(await redis.call('HGET', e.key('entry'), e.mine.booking_id)).replace(ann.user_id, bob.user_id)),
	'the seats of an entry': async (e) => redis.call('HSET', e.key('entry'), e.mine.booking_id,
		(await redis.call('HGET', e.key('entry'), e.mine.booking_id)).replace('|0,1|', '|0,5,-4,99999999999|')),
	'the places of an entry': async (e) => redis.call('HSET', e.key('entry'), e.floor.booking_id,
		(await redis.call('HGET', e.key('entry'), e.floor.booking_id)).replace('Floor:4', 'Floor:1')),
	'the state of an entry': async (e) => redis.call('HSET', e.key('entry'), e.sold.booking_id,
		(await redis.call('HGET', e.key('entry'), e.sold.booking_id)).replace(/^b/, 'h')),
	'the deadline of an entry': async (e) => redis.call('HSET', e.key('entry'), e.mine.booking_id,
		(await redis.call('HGET', e.key('entry'), e.mine.booking_id)).replace(/\|\d{13}\|/, '|99999999999999|')),
	'where a seat is': (e) => redis.call('HSET', e.key('ids'), 'VIP-A-1', 7),
	'a seat that is not known': (e) => redis.call('HDEL', e.key('ids'), 'VIP-A-1'),
	'a seat too many': (e) => redis.call('HSET', e.key('ids'), 'VIP-A-99', 99),
	'an id that a retry may bring': (e) => redis.call('ZREM', e.key('used'), e.ended.booking_id),
	'the version': (e) => redis.call('HSET', e.key('meta'), 'version', 'rubbish'),
	'since when all ids are known': (e) => redis.call('HSET', e.key('meta'), 'complete', 'rubbish'),
	'what was heard': (e) => redis.call('HDEL', e.key('meta'), 'heard'),
	...Object.fromEntries(['owner', 'ids', 'used', 'fence', 'dirty', 'before', 'moved'].map((name) =>
		[`another kind of key: ${name}`, async (e) => {
			await redis.call('DEL', e.key(name));
			await redis.call('RPUSH', e.key(name), 'rubbish');
		}])),
};

describe('every single field that is damaged', () => {
	let e, right;
	before(async () => {
		e = await known();
		reconcile('--light');
		right = await kept(e.id);
	});
	const sane = async () => {
		assert.match(stack.reconcile(e.id, '--dry-run', '--verbose'), new RegExp(
			`^event=${e.id} event_wrong=0 entries=4 entries_wrong=0 seats_wrong=0 counts_wrong=0 deadlines_wrong=0 `));
		assert.deepEqual(await kept(e.id), right);
	};

	for (const [name, damage] of Object.entries(light)) {
		test(`light: ${name}`, async () => {
			await damage(e);
			const before_ = await kept(e.id).catch(() => null);
			const dry = reconcile('--light', '--dry-run', '--verbose');
			assert.match(says(dry, e.id)[0] ?? '', /differs=/, dry.stdout);
			assert.deepEqual(await kept(e.id).catch(() => null), before_, 'a dry run changes nothing');
			assert.match(says(reconcile('--light', '--verbose'), e.id)[0] ?? '', /differs=/);
			await sane();
			assert.deepEqual(says(reconcile('--light', '--verbose'), e.id), [], 'once');
		});
	}
	for (const [name, damage] of Object.entries(full)) {
		test(`full: ${name}`, async () => {
			await damage(e);
			reconcile('--full');
			await sane();
		});
	}
});

test('the numbers of a run say what it found', async () => {
	const e = await known();
	reconcile('--full');
	await redis.call('SETRANGE', e.key('seats'), 7, 'b');
	await redis.call('HSET', e.key('count'), 'h:Floor', 9);
	await redis.call('HDEL', e.key('entry'), e.sold.booking_id);
	await redis.call('ZREM', e.key('due'), e.mine.booking_id);
	await redis.call('ZREM', e.key('used'), e.ended.booking_id);
	const run = reconcile('--full');
	assert.deepEqual([run.event, run.entry, run.seat, run.count, run.deadline, run.id, run.repaired],
		[0, 1, 1, 1, 1, 1, 5], run.stderr);
	assert.equal(stack.sql("select rows from jobs where name = 'reconcile-full'"), String(run.rows));
	const clean = reconcile('--full');
	assert.deepEqual([clean.entry, clean.seat, clean.count, clean.deadline, clean.id, clean.repaired], [0, 0, 0, 0, 0, 0]);
	const metrics = (await get('/metrics')).text;
	for (const kind of ['entry', 'seat', 'count', 'deadline', 'id']) {
		assert.match(metrics, new RegExp(`^holdfast_drift_total\\{kind="${kind}"\\} [1-9]`, 'm'));
	}
});

test('a hold in flight is no difference, and a young entry is left alone', async () => {
	const e = await known();
	const at = Date.now();
	await redis.call('HSET', e.key('entry'), stranger, `h|x|${at + 60000}|${at}|7|`);
	await redis.call('SETRANGE', e.key('seats'), 7, 'h');
	await redis.call('HSET', e.key('owner'), 7, stranger);
	await redis.call('ZADD', e.key('due'), at + 60000, stranger);
	const run = stack.reconcile(e.id);
	assert.match(run, / entries_wrong=0 seats_wrong=0 .* repaired=0 skipped=1/);
	assert.equal(await redis.call('GETRANGE', e.key('seats'), 7, 7), 'h');
	await redis.call('HSET', e.key('entry'), stranger, `h|x|${at + 60000}|${at - 60000}|7|`);
	assert.match(stack.reconcile(e.id), / entries_wrong=1 .* repaired=1 skipped=0/);
	assert.equal(await redis.call('GETRANGE', e.key('seats'), 7, 7), 'a');
});

test('two at once: the second leaves the event alone', async () => {
	const e = await known();
	await redis.call('SET', e.key('fence'), 'another', 'PX', 60000);
	const done = stack.program('reconcile', ['--event', e.id]);
	assert.equal(done.stdout, `event=${e.id} busy=yes\n`);
	assert.match(done.stderr, new RegExp(` event=${e.id} busy=yes reason=another-is-at-it\n`));
	assert.ok(reconcile('--full').busy >= 1);
	await redis.call('DEL', e.key('fence'));
});

describe('which events', () => {
	const exists = (id) => redis.call('EXISTS', `hf:{${id}}:meta`);
	const shift = (id, changes) => stack.sql(`update events set ${changes} where event_id = ${id}`);

	test('all that are sold are built, before anybody asks', async () => {
		const made = await Promise.all(Array.from({ length: 5 }, () => event(olga)));
		const soon = await event(olga), later = await event(olga), draft = await event(olga, { status: 'draft' });
		const closed = await event(olga, { status: 'closed' });
		shift(soon.event_id, "sales_start = now() + interval '1 minute'");
		shift(later.event_id, "sales_start = now() + interval '1 day'");
		for (const mode of ['--light', '--full']) {
			stack.redis('flushall');
			assert.ok(reconcile(mode).missing >= 6);
			for (const one of [...made, soon]) assert.equal(await exists(one.event_id), 1, mode);
			for (const one of [later, draft, closed]) assert.equal(await exists(one.event_id), 0, mode);
			assert.equal(reconcile(mode).missing, 0);
		}
	});

	test('what is over goes, and what is not of an event; what is live stays', async () => {
		const [old, fresh, closed] = await Promise.all([known(), known(), known()]);
		shift(old.id, "sales_start = now() - interval '9 days', sales_end = now() - interval '3 days',"
			+ "event_date = now() - interval '25 hours'");
		shift(fresh.id, "sales_start = now() - interval '9 days', sales_end = now() - interval '3 days',"
			+ "event_date = now() - interval '23 hours'");
		shift(closed.id, "status = 'closed'");
		for (const name of ['meta', 'used', 'dirty']) await redis.call('SET', `hf:{1999999999}:${name}`, 'x');
		for (const name of ['hf:{abc}:meta', 'other:{1}:meta', 'hf:{-1}:meta']) await redis.call('SET', name, 'x');
		assert.match(reconcile('--full', '--dry-run', '--verbose').stdout, new RegExp(`^event=${old.id} over=yes$`, 'm'));
		assert.equal(await exists(old.id), 1, 'a dry run changes nothing');
		assert.equal(reconcile('--light').removed, 0);
		assert.equal(reconcile('--full').removed, 2);
		for (const id of [old.id, 1999999999]) assert.deepEqual(await redis.call('KEYS', `hf:{${id}}:*`), []);
		for (const e of [fresh, closed]) assert.equal(await redis.call('HLEN', e.key('entry')), 4);
		for (const name of ['hf:{abc}:meta', 'other:{1}:meta', 'hf:{-1}:meta']) {
			assert.equal(await redis.call('DEL', name), 1, name);
		}
		await redis.call('SET', old.key('meta'), 'x');
		assert.match(stack.reconcile(old.id), new RegExp(`^event=${old.id} over=yes\\n$`), 'by its id too');
		assert.deepEqual(await redis.call('KEYS', old.key('*')), []);
		await redis.call('SET', 'hf:{1999999999}:used', 'x');
		for (const more of [['--dry-run'], []]) {
			const none = stack.program('reconcile', ['--event', '1999999999', ...more]);
			assert.deepEqual([none.status, none.stdout.split('\n')[0]], [1, 'event=1999999999 over=yes'], none.stderr);
			assert.doesNotMatch(none.stderr, /refused/);
		}
		assert.deepEqual(await redis.call('KEYS', 'hf:{1999999999}:*'), []);
		// Its bookings are still there for their buyers.
		assertStatus(await move(bob, old.sold, 'cancel'), 200);
		assert.equal(reconcile('--full').busy, 0);
	});
});

test('a limit, and two modes at once', () => {
	assert.equal(reconcile('--full', '--limit', '1').rows, 1);
	for (const args of [['--light', '--full'], ['--full', '--event', '1'], ['--event', 'x'], ['--event', '0']]) {
		assert.equal(stack.program('reconcile', args).status, 2, args.join(' '));
	}
	assert.equal(stack.program('reconcile', ['--set', 'redis_url=unix:///nonexistent']).status, 75);
	assert.equal(reconcile('--set', 'redis_url=').events, 0);
});

describe('Redis that is not there, or was not', () => {
	const dir = path.join(stack.env.HOLDFAST_STATE, 'redis');
	const stop = async () => {
		process.kill(stack.pidOf('redis'), 'SIGKILL');
		await stack.until('it is away', async () => (await get('/readyz')).body.status === 'degraded');
	};
	const start = async (...args) => {
		const done = stack.run('redis-server', [path.join(dir, 'redis.conf'), ...args]);
		assert.equal(done.status, 0, done.stderr);
		await stack.redisFound();
		redis = new Redis();
	};
	afterEach(stack.redisFound);

	for (const [what, save, restore] of [
		['AOF', () => stack.redis('config', 'set', 'appendfsync', 'always'), []],
		['RDB', () => stack.redis('save'), ['--appendonly', 'no']],
	]) {
		test(`started from an old ${what}: not believed, and built anew`, async () => {
			const e = await known();
			const copy = `${dir}.old`;
			save();
			fs.rmSync(copy, { recursive: true, force: true });
			fs.cpSync(dir, copy, { recursive: true, filter: (name) => !/\.(sock|pid)$/.test(name) });
			// What the old file does not know: a release, a hold, a confirm.
			assertStatus(await move(ann, e.mine, 'release'), 200);
			await held(bob, e.id, ['VIP-A-7']);
			assertStatus(await move(ann, e.floor, 'confirm'), 200);
			await stop();
			fs.rmSync(path.join(dir, 'appendonlydir'), { recursive: true, force: true });
			fs.cpSync(copy, dir, { recursive: true });
			fs.rmSync(copy, { recursive: true });
			if (what === 'RDB') fs.rmSync(path.join(dir, 'appendonlydir'), { recursive: true, force: true });
			await start(...restore);
			assert.ok(await redis.call('HEXISTS', e.key('entry'), e.mine.booking_id), 'the old data is there');
			assert.ok(reconcile('--light').missing >= 1);
			await assertSeats(e.id, 'aabaaahaaaaaaa');
			await assertPlaces(e.id, { Floor: [3, 0, 7] });
			assert.deepEqual(says(reconcile('--light', '--verbose'), e.id), []);
			stack.verify();
		});
	}

	// Nobody hears while `doing` goes on, and afterwards the same server goes on where it was.
	const unheard = async (doing) => {
		const pid = stack.pidOf('redis');
		process.kill(pid, 'SIGSTOP');
		try {
			return await doing();
		} finally {
			process.kill(pid, 'SIGCONT');
		}
	};
	const pastDeadline = (booking) => stack.sql(['bookings', 'seat_claims', 'ga_claims'].map((table) =>
		`update ${table} set expires_at = now() - interval '1 second'
			where booking_id = '${booking.booking_id}';`).join(''));
	const has = (e, booking) => redis.call('HGET', e.key('entry'), booking.booking_id);

	test('what it did not hear is told as soon as it is back, though nobody asks', async () => {
		const e = await known();
		const [one, two] = await unheard(async () => {
			assertStatus(await move(ann, e.mine, 'confirm'), 200);
			assertStatus(await move(ann, e.floor, 'release'), 200);
			return [await held(bob, e.id, ['VIP-A-5']), await confirmed(bob, e.id, 2)];
		});
		await settled(async () => {
			assert.match(await has(e, e.mine), /^b\|/);
			assert.equal(await has(e, e.floor), null);
			assert.match(await has(e, one) ?? '', /^h\|/);
			assert.match(await has(e, two) ?? '', /^b\|/);
		});
		assert.equal(await redis.call('GET', e.key('seats')), 'bbbahaaaaaaaaa');
		assert.match(stack.reconcile(e.id), / entries_wrong=0 seats_wrong=0 counts_wrong=0 /);
	});

	for (const dies of [false, true]) {
		test(`the retry of a hold that Redis never heard of is told its answer${
			dies ? ', also when its worker has died' : ''}`, async () => {
			const e = await known();
			const [seat, places] = [freshKey(), freshKey()];
			const wants = { event_id: e.id, seat_ids: ['VIP-A-5'] };
			const more = { event_id: e.id, section_id: 'Floor', seats_requested: 3 };
			const [first, second] = await unheard(async () => {
				const made = [assertStatus(await hold(ann, wants, { key: seat }), 201),
					assertStatus(await hold(ann, more, { key: places }), 201)];
				// They end, and others have what they had, before Redis is back.
				for (const one of made) pastDeadline(one.body);
				await confirmed(bob, e.id, ['VIP-A-5']);
				await confirmed(bob, e.id, 3);
				if (dies) {
					const old = stack.workers('booking');
					for (const pid of old) process.kill(pid, 'SIGKILL');
					await stack.until('other workers are there', () => {
						const now = stack.workers('booking');
						return now.length === old.length && !now.some((pid) => old.includes(pid));
					});
				}
				return made;
			});
			await stack.redisFound();
			for (let round = 0; round < 16; round++) {
				const again = assertStatus(await hold(ann, wants, { key: seat }), 201);
				assert.equal(again.text, first.text);
				assert.equal(assertStatus(await hold(ann, more, { key: places }), 201).text, second.text);
			}
			assertProblem(await hold(ann, wants, { key: freshKey() }), 409, 'seats-unavailable');
			reconcile('--light');
			assert.equal(assertStatus(await hold(ann, wants, { key: seat }), 201).text, first.text);
			// What the dead had asked for Redis may have done since: a hold in flight, and later one too many.
			if (dies) await stack.until('nobody is at work on it', () => / skipped=0$/m.test(stack.reconcile(e.id)), 30);
			assert.match(stack.reconcile(e.id),
				/ entries_wrong=0 seats_wrong=0 counts_wrong=0 deadlines_wrong=0 ids_unknown=0 /);
		});
	}

	test('a section that Redis believes full, of which it did not hear that places came free', async () => {
		const e = await known();
		const rest = await held(bob, e.id, 3);
		await unheard(async () => assertStatus(await move(bob, rest, 'release'), 200));
		await settled(async () => {
			const again = await hold(ann, { event_id: e.id, section_id: 'Floor', seats_requested: 3 });
			assert.equal(again.status, 201, again.text);
		});
	});
});
