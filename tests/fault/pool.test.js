// The keeper of a pool (deploy/pool): it stops at whatever moment it is told to, and a pool that cannot
// start does not become a busy loop.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, test } = require('node:test');

const stack = require('../lib/stack.js');

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
	await stack.pause(3000);
	const starts = pool.log().match(/worker_budget_ms/g).length;
	t.diagnostic(`${starts} starts of 4 workers in 3 s`);
	assert.ok(starts >= 4 && starts <= 20, pool.log());
	assert.ok(await stop(pool) < 6000);
});

test('workers that die at once make the pool pause', async (t) => {
	const pool = keep(2, '/bin/sh', '-c', 'echo started; exit 1');
	await stack.until('the pool gives up for a while', () => /multiwatch \d+ has gone/.test(pool.log()), 60);
	const before = pool.log().match(/started/g).length;
	await stack.pause(700);
	assert.equal(pool.log().match(/started/g).length, before);
	t.diagnostic(`${before} starts of 2 workers before a pause`);
	assert.ok(before <= 2 * 202, `${before}`);
	assert.ok(await stop(pool) < 6000);
});
