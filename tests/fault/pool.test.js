// The keeper of a pool (deploy/pool): it stops at whatever moment it is told to, a pool that cannot start
// does not become a busy loop, and a worker that hangs is replaced. Needs a build with fault points.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, test } = require('node:test');

const { assertProblem, assertStatus, get } = require('../lib/client.js');
const faults = require('../lib/faults.js');
const parts = require('../lib/parts.js');
const stack = require('../lib/stack.js');
const { buyer } = require('../lib/world.js');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-pool-'));
const catalog = path.join(stack.env.HOLDFAST_BIN, 'holdfast-catalog');
const keepers = [];

// Whatever a test that failed has left.
after(async () => {
	for (const { child } of keepers) if (child.exitCode === null && !child.signalCode) child.kill('SIGTERM');
	await Promise.all(keepers.map(({ ended }) => ended));
	fs.rmSync(dir, { recursive: true });
});

// A pool of this command on a socket of its own: {child, socket, pidFile, log()}.
function keep(workers, ...command) {
	const name = path.join(dir, `${keepers.length}`);
	const log = fs.openSync(`${name}.log`, 'w');
	const child = spawn(path.join(stack.tree, 'deploy/pool'),
		[`${name}.sock`, `${name}.pid`, '16', String(workers), ...command], { stdio: ['ignore', log, log] });
	fs.closeSync(log);
	const ended = new Promise((resolve) => { child.on('exit', resolve); });
	keepers.push({ child, ended });
	return { child, ended, socket: `${name}.sock`, pidFile: `${name}.pid`, log: () => fs.readFileSync(`${name}.log`, 'utf8') };
}

// Milliseconds until it has stopped; nothing of it is left.
async function stop(pool) {
	const began = Date.now();
	const multiwatch = fs.existsSync(pool.pidFile) ? Number(fs.readFileSync(pool.pidFile, 'utf8')) : 0;
	const hasEnded = () => pool.child.exitCode !== null || pool.child.signalCode;
	// By itself, or by the signal where that came before it was more than a shell that starts. For an instant,
	// while it sets its trap, a bash ignores the signal: so once more.
	let told = 0;
	await stack.until('the keeper has ended', () => {
		if (hasEnded()) return true;
		if (Date.now() - told > 2000) {
			told = Date.now();
			pool.child.kill('SIGTERM');
		}
		return false;
	}, 60);
	if (multiwatch) assert.throws(() => process.kill(-multiwatch, 0), { code: 'ESRCH' });
	assert.ok(!fs.existsSync(pool.socket));
	return Date.now() - began;
}

test('a pool stops at whatever moment of its start', async (t) => {
	const took = [];
	for (let i = 0; i < 24; i++) {
		const pool = keep(4, catalog, '--config', stack.env.HOLDFAST_CONF);
		await stack.pause(i * 4);
		took.push(await stop(pool));
	}
	t.diagnostic(`the longest took ${Math.max(...took)} ms`);
	// Eight seconds is when force is used.
	assert.ok(Math.max(...took) < 6000, `${took}`);
});

test('workers that refuse their settings are started once a second', async (t) => {
	const pool = keep(4, catalog, '--config', stack.env.HOLDFAST_CONF, '--set', 'worker_budget_ms=none');
	const began = Date.now(), count = () => (pool.log().match(/worker_budget_ms/g) ?? []).length;
	await stack.until('all of them twice, and again', () => count() > 8);
	const starts = count(), seconds = (Date.now() - began) / 1000;
	t.diagnostic(`${starts} starts of 4 workers in ${seconds} s`);
	assert.ok(starts <= 4 * (seconds + 2), pool.log());
	assert.ok(await stop(pool) < 6000);
});

test('workers that die at once make the pool pause', async (t) => {
	const pool = keep(2, '/bin/sh', '-c', 'read -r up idle </proc/uptime; echo "started $up"; exit 1');
	// The seconds of all starts, before it has given up and after.
	const starts = () => pool.log().split(/multiwatch \d+ has gone/).map((part) =>
		[...part.matchAll(/started ([\d.]+)/g)].map(([, up]) => Number(up)));
	const [before, then] = await stack.until('the pool gives up, and tries again', () => {
		const all = starts();
		return all[1]?.length && all;
	});
	const took = before.at(-1) - before[0], paused = then[0] - before.at(-1);
	t.diagnostic(`${before.length} starts of 2 workers in ${took.toFixed(2)} s, the next after ${paused.toFixed(2)} s`);
	// One that lived for a tenth of a second, on a busy machine, is counted anew.
	assert.ok(before.length <= 202 * (2 + 2 * took / 0.1), `${before.length} in ${took} s`);
	// Where it took longer to give up, no pause is needed.
	assert.ok(paused > 0.9 || took > 0.9, `${paused} s`);
	assert.ok(await stop(pool) < 6000);
});

// The workers of a pool, so many, once each hears its alarm.
async function watched(pool, count) {
	const alarm = 1n << 13n;
	const hears = (pid) => BigInt(`0x${/^SigCgt:\t(\w+)$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]}`) & alarm;
	await stack.until('all workers are up', () => {
		const now = stack.workers(pool);
		return now.length === count && now.every(hears);
	});
	return stack.workers(pool);
}

test('a worker that hangs costs the request that it has; once two minutes are over it is replaced', async () => {
	const library = path.join(dir, 'late.so'), late = path.join(dir, 'late');
	execFileSync('gcc', ['-std=gnu17', '-O2', '-shared', '-fPIC', '-o', library, path.join(__dirname, 'late.c')],
		{ stdio: 'inherit' });
	const { token } = await buyer();
	const count = stack.workers('booking').length;
	await parts.pools.stop('booking');
	await parts.pools.start('booking', { LD_PRELOAD: library, LATE: late });
	try {
		const before = await watched('booking', count);
		faults.arm(1, [['request.begun', 'wait:60000', 1000]]);
		const hangs = get('/bookings', { token });
		hangs.catch(() => {}); // it is looked at below
		await stack.until('one hangs', () => faults.fired()['request.begun wait:60000']);
		faults.disarm();
		assertStatus(await get('/bookings', { token }), 200);
		// nginx waits a second longer than a request may take.
		const answer = await hangs;
		assertProblem(answer, 503, 'unavailable');
		assert.ok(Number(answer.headers['retry-after']) > 0);
		assert.deepEqual(stack.workers('booking'), before);
		fs.writeFileSync(late, '');
		parts.signal(before, 'SIGALRM');
		await stack.until('it is replaced', () => {
			const now = stack.workers('booking');
			return now.length === before.length && now.some((pid) => !before.includes(pid));
		});
		assert.equal((await watched('booking', count)).filter((pid) => before.includes(pid)).length, before.length - 1);
		assertStatus(await get('/bookings', { token }), 200);
	} finally {
		faults.disarm();
		await parts.pools.stop('booking');
		await parts.pools.start('booking');
	}
});
