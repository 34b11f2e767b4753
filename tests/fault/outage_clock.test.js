// The clock of a host that is an hour wrong: all workers and jobs see it, PostgreSQL and Redis do not.
// Nobody notices: only the database's clock counts.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { assertStatus, get } = require('../lib/client.js');
const { closing, lasts, long, mending, row } = require('../lib/outage.js');
const parts = require('../lib/parts.js');
const stack = require('../lib/stack.js');
const { buyer, confirmed, event, staff } = require('../lib/world.js');

const library = fs.readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`)
	.find((file) => fs.existsSync(file));

// How wrong it is stands in a file, and may change while they run.
const offset = path.join(stack.env.HOLDFAST_STATE, 'clock');
const wrong = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: offset, FAKETIME_CACHE_DURATION: '1',
	FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', ASAN_OPTIONS: 'verify_asan_link_order=0' };

function setClock(by) {
	fs.writeFileSync(offset, `${by}\n`);
	const { stdout } = spawnSync('date', ['+%s'], { encoding: 'utf8', env: { ...process.env, ...wrong } });
	const ahead = Number(stdout) * 1000 - Date.now();
	assert.ok(by === '+0' || Math.abs(ahead) > 3500e3, `libfaketime has no effect: ${ahead} ms`);
}

// What the library shares is named by a process id, and stays behind where that was killed.
function sweep() {
	for (const name of fs.readdirSync('/dev/shm')) {
		const pid = /^(?:sem\.)?faketime_(?:sem|shm)_(\d+)$/.exec(name)?.[1];
		if (!pid || fs.existsSync(`/proc/${pid}`)) continue;
		const file = path.join('/dev/shm', name);
		if (fs.statSync(file, { throwIfNoEntry: false })?.uid === process.getuid()) fs.rmSync(file, { force: true });
	}
}

async function restart(environment) {
	sweep();
	await Promise.all(stack.pools.map(async (pool) => {
		await parts.pools.stop(pool);
		await parts.pools.start(pool, environment);
	}));
	await stack.until('readyz is 200', async () => (await get('/readyz')).status === 200);
}

const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

// A job, as cron of that host would start it.
function job(name, args) {
	const done = spawnSync(path.join(stack.env.HOLDFAST_BIN, `holdfast-${name}`),
		['--config', stack.env.HOLDFAST_CONF, ...args], { encoding: 'utf8', env: { PATH: process.env.PATH, ...wrong } });
	assert.equal(done.status, 0, done.stdout + done.stderr);
}

for (const [how, first, then] of [['an hour fast', '+1h', '+1h'], ['set back by an hour meanwhile', '+0', '-1h']]) {
	row(`the clock of the host is ${how}`, { answers: [/^503 unavailable$/] }, async (sale) => {
		setClock(first);
		await restart(wrong);
		const began = Date.now();
		await sale.progress(100);
		setClock(then);
		await stack.pause(1100); // as long as libfaketime believes what it has read
		await sale.progress(200);
		const [olga, ann] = await Promise.all([staff(), buyer()]);
		const { iat, exp } = claimsOf(ann.token);
		assert.ok(Math.abs(iat * 1000 - Date.now()) < 60e3 && exp > iat, JSON.stringify({ iat, exp }));
		assertStatus(await get('/auth/me', { token: ann.token }), 200);
		const { event_id: id } = await event(olga);
		const booking = await confirmed(ann, id, ['B1']);
		assert.ok(Math.abs(Date.parse(booking.confirmed_at) - Date.now()) < 60e3, booking.confirmed_at);
		for (const [name, args] of [['janitor', []], ['reconcile', ['--event', sale.event]]]) job(name, args);
		if (long) await lasts();
		// A busy machine may be late with a few answers; a wrong clock would be it with all of them.
		const { counts } = sale.tally(began);
		const late = counts['503 unavailable'] ?? 0;
		delete counts['503 unavailable'];
		assert.ok(late < counts[201] / 10, `${late} were told 503`);
		assert.deepEqual(Object.keys(counts).filter((kind) => /^(4(?!09|10)|5)/.test(kind)), []);
		await restart({});
		return Date.now();
	});
}

mending(() => restart({}));
closing();
