// The report of the load generator: where it cannot be written that is told, as soon as it can be known.
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const stack = require('../lib/stack.js');

const { env } = stack;
let directory;
const file = (name) => path.join(directory, name);

before(() => {
	directory = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-report.'));
});
after(() => {
	fs.rmSync(directory, { recursive: true });
	stack.verify();
});

// One run of a scenario on an event of its own: {status, stdout, stderr}.
const lock = (...args) => new Promise((resolve) => {
	execFile(path.join(env.HOLDFAST_BIN, 'holdfast-loadgen'), ['lock', '--url', env.HOLDFAST_URL, '--config', env.HOLDFAST_CONF,
		'--accounts', file('accounts'), '--buyers', '2', '--quiet', '--report', ...args],
		(error, stdout, stderr) => resolve({ status: error ? error.code : 0, stdout, stderr }));
});

test('a report that cannot be written ends the run before it begins', async () => {
	const made = () => stack.sql('select count(*) from users'), before = made();
	for (const where of [file('none/r'), directory]) {
		const done = await lock(where);
		assert.equal(done.status, 2, done.stdout + done.stderr);
		assert.match(done.stderr, /: (No such file or directory|Is a directory)\n$/);
		assert.ok(done.stderr.includes(where));
		assert.equal(done.stdout, '');
	}
	assert.equal(made(), before);
});

test('a report that is there is written anew, at the end', async () => {
	fs.writeFileSync(file('r'), 'x'.repeat(100000));
	assert.equal((await lock(file('r'), '--expect', 'none')).status, 2);
	assert.equal(fs.statSync(file('r')).size, 100000);
	assert.equal((await lock(file('r'))).status, 0);
	assert.equal(JSON.parse(fs.readFileSync(file('r'), 'utf8')).buyers, 2);
});

test('a disk that is full is noticed at the end', async () => {
	const full = await lock('/dev/full');
	assert.equal(full.status, 2, full.stderr);
	assert.match(full.stderr, /\/dev\/full: No space left/);
});
