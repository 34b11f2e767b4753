// The soak (tests/soak): what grows is found, and what does not is not; a short one measures all parts.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Session, range } = require('../lib/crowd.js');
const stack = require('../lib/stack.js');
const { Jobs } = require('../soak/jobs.js');
const { judge, line } = require('../soak/judge.js');

const flat = { name: 'x', unit: 'kB', of: (sample) => sample.x, flat: { share: 0.05, floor: 10 } };
const each = { name: 'x', unit: 'B', of: (sample) => sample.x, each: 100 };
const exactly = { name: 'x', unit: '', of: (sample) => sample.x, exactly: 0 };
const samples = (x) => range(60, 0).map((i) => ({ seconds: 10 * i, bookings: 7 * i, x: x(i) }));
const verdict = (measure, x) => judge([measure], samples(x))[0];

// Interrupted after so many looks.
function soak(settings, looks = Infinity) {
	const child = spawn('node', [path.join(stack.tree, 'tests/soak/soak.js')], { env: { ...process.env, SOAK_NAME: 'soak-short', ...settings } });
	let text = '', left = looks;
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (part) => {
			text += part;
			if (text.split(/^soak: /m).length <= left) return;
			left = Infinity; // once
			child.kill('SIGINT');
		});
	}
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (status) => resolve({ status, text }));
	});
}

test('a job that fails in the middle is told at the end', async () => {
	const running = new Jobs([['is-not-there']], 60);
	await stack.pause(300);
	assert.equal(running.runs, 0);
	await assert.rejects(running.end(), /is-not-there ended with ENOENT/);
});

test('a slope is the one of least squares', () => {
	assert.deepEqual(line([[0, 1], [1, 3], [2, 5]]), { slope: 2, mean: 3 });
	assert.deepEqual(line([[0, 0], [1, 3], [2, 0], [3, 3]]), { slope: 0.6, mean: 1.5 });
	assert.equal(line([[1, 5], [1, 7]]).slope, 0);
});

test('noise, a warm beginning and a saw are flat; a leak is not', () => {
	assert.ok(verdict(flat, (i) => 1000 + 20 * Math.sin(i)).met);
	assert.ok(verdict(flat, (i) => Math.min(1000, 100 * i)).met);
	assert.ok(verdict(flat, (i) => 1000 + (i % 5) * 30).met);
	assert.ok(verdict(flat, () => 0).met);
	const leak = verdict(flat, (i) => 1000 + 2 * i + 20 * Math.sin(i));
	assert.ok(!leak.met && leak.grows > 50 && leak.grows < 70, JSON.stringify(leak));
	assert.ok(!verdict(flat, (i) => i / 2).met);
});

test('what grows with the bookings may grow so much for each', () => {
	assert.ok(verdict(each, (i) => 5000 + 7 * i * 99).met);
	const { met, grows } = verdict(each, (i) => 5000 + 7 * i * 101);
	assert.ok(!met && Math.abs(grows - 101) < 1e-6, String(grows));
});

test('what must not happen at all is found wherever it happens', () => {
	assert.ok(verdict(exactly, () => 0).met);
	assert.ok(!verdict(exactly, (i) => Number(i === 3)).met);
});

test('a short soak measures every part, and tells of connections that nobody closes', async () => {
	const forgotten = [];
	const forgetting = setInterval(() => forgotten.push(new Session()), 500);
	const { status, text } = await soak({ SOAK_SECONDS: '16', SOAK_BUYERS: '12' });
	clearInterval(forgetting);
	await Promise.all(forgotten.map((session) => session.close()));
	assert.equal(status, 1, text);
	const failed = text.split('\n').filter((said) => said.startsWith('FAILED '));
	assert.ok(failed.some((said) => /^FAILED PostgreSQL: connections grows: \d+, at most \d+ a half$/.test(said)), text);
	// In so short a time, on a machine that does other things, others may seem to grow, too.
	for (const said of failed) assert.match(said, / grows: /);
	assert.match(text, /^soak: \d+ of 16 s, \d+ bookings, a worker [\d,]+ kB, Redis [\d,]+ kB, PostgreSQL \d+ connections$/m);

	const report = JSON.parse(fs.readFileSync(path.join(stack.tree, 'build/soak-short/report.json'), 'utf8'));
	assert.ok(report.samples.length >= 4 && report.about.bookings > 0 && report.about.jobs > 0, JSON.stringify(report.about));
	const names = new Set(report.rows.map((row) => row.name));
	for (const [pool, workers] of Object.entries(stack.allWorkers())) {
		for (const i of range(workers.length)) assert.ok(names.has(`${pool} ${i}: memory`), `${pool} ${i}`);
	}
	for (const row of report.rows) {
		assert.ok([row.first, row.last, row.grows, row.allowed].every(Number.isFinite), JSON.stringify(row));
		if (/memory|table (bookings|seat_claims)|connections|clients|worker/.test(row.name) && row.allowed > 0)
			assert.ok(row.last > 0, JSON.stringify(row));
	}
	const picture = fs.readFileSync(path.join(stack.tree, 'build/soak-short/soak.svg'), 'utf8');
	assert.match(picture, /^<svg [\s\S]*<polyline points="[\d., ]+"[\s\S]*<\/svg>\n$/);
	assert.doesNotMatch(picture, /NaN|undefined/);
});

test('a soak that is interrupted tells what was seen until then', async () => {
	const { status, text } = await soak({ SOAK_SECONDS: '60', SOAK_BUYERS: '4' }, 5);
	assert.equal(status, 130, text);
	assert.match(text, /^\| booking, worst worker: memory, kB \|/m);
});

test('a soak of no length is refused', async () => {
	assert.equal((await soak({ SOAK_SECONDS: 'long' })).status, 2);
	assert.equal((await soak({ SOAK_SECONDS: '1' })).status, 2);
});
