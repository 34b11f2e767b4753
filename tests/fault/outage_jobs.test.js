// Jobs killed in the middle of a batch, and more than one copy of each at once, while a sale is on: what
// they leave behind is right, and the next run does the rest.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { buyers, eventWith, holdPlaces, insist, sql } = require('../lib/crowd.js');
const { closing, long, row } = require('../lib/outage.js');
const stack = require('../lib/stack.js');

const jobs = fs.readdirSync(path.join(stack.tree, 'app/jobs')).filter((file) => /\.c$/.test(file) && file !== 'job.c')
	.map((file) => file.replace('.c', '')).sort();
const until = () => Date.now() + (long ? 10000 : 1500);

// Runs a program of ours; after `life` milliseconds, where given, it is killed.
function run(name, life) {
	return new Promise((resolve, reject) => {
		const child = spawn(path.join(stack.env.HOLDFAST_BIN, `holdfast-${name}`), ['--config', stack.env.HOLDFAST_CONF],
			{ stdio: ['ignore', 'ignore', 'pipe'] });
		let said = '';
		child.stderr.on('data', (part) => { said += part; });
		child.on('error', reject);
		child.on('exit', (status, signal) => resolve({ status, signal, said }));
		if (life !== undefined) setTimeout(() => child.kill('SIGKILL'), life);
	});
}

// Holds of one place each, all due at about the same time.
async function dueHolds(count) {
	const event = await eventWith({ places: count, hold_seconds: 1 });
	for (const buyer of buyers(count)) {
		const { status, text } = await insist(holdPlaces(buyer, event, 1));
		assert.equal(status, 201, text);
	}
	await stack.until('they are due', () => sql(`select count(*) from holdfast.ga_claims
		where event_id = ${event} and expires_at > now()`)[0][0] === '0');
	return event;
}

for (const name of jobs) {
	row(`the job ${name} is killed again and again`, {}, async () => {
		const event = await dueHolds(long ? 2000 : 300);
		let killed = 0;
		for (const end = until(); Date.now() < end || killed < 3;) {
			const { status, signal, said } = await run(name, 2 + Math.random() * 60);
			if (signal) killed++;
			else assert.equal(status, 0, said);
			assert.ok(Date.now() < end + 20000, `${name} is too quick to be killed: ${killed} times`);
		}
		const { status, said } = await run(name);
		assert.equal(status, 0, said);
		assert.equal((await run('janitor')).status, 0);
		assert.deepEqual(sql(`select status, count(*) from holdfast.bookings where event_id = ${event} group by 1`),
			[['EXPIRED', String(long ? 2000 : 300)]]);
		assert.deepEqual(sql(`select taken from holdfast.ga_counts where event_id = ${event}`), [['0']]);
		return Date.now();
	});
}

row('three copies of every job at once', {}, async () => {
	const event = await dueHolds(300);
	let runs = 0;
	for (const end = until(); Date.now() < end; runs++) {
		const all = await Promise.all([...jobs, ...jobs, ...jobs].map(async (name) => ({ name, ...await run(name) })));
		for (const { name, status, said } of all) assert.equal(status, 0, `${name}: ${said}`);
	}
	assert.ok(runs > 0);
	assert.deepEqual(sql(`select taken from holdfast.ga_counts where event_id = ${event}`), [['0']]);
	return Date.now();
});

closing();
