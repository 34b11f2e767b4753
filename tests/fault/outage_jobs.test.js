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
const due = long ? 2000 : 120;
const until = () => Date.now() + (long ? 10000 : 600);

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
async function dueHolds() {
	const event = await eventWith({ places: due, hold_seconds: 1 });
	const waiting = buyers(due);
	await Promise.all(Array.from({ length: 16 }, async () => {
		while (waiting.length > 0) {
			const { status, text } = await insist(holdPlaces(waiting.pop(), event, 1));
			assert.equal(status, 201, text);
		}
	}));
	await stack.until('they are due', () => sql(`select count(*) from holdfast.ga_claims
		where event_id = ${event} and expires_at > now()`)[0][0] === '0');
	return event;
}

// All of them have been given back.
function givenBack(event) {
	assert.deepEqual(sql(`select status, count(*) from holdfast.bookings where event_id = ${event} group by 1`),
		[['EXPIRED', String(due)]]);
	assert.deepEqual(sql(`select taken from holdfast.ga_counts where event_id = ${event}`), [['0']]);
}

row('every job is killed again and again', {}, async () => {
	const event = await dueHolds();
	for (const name of jobs) {
		let killed = 0;
		for (const end = until(); Date.now() < end || killed < 3;) {
			const { status, signal, said } = await run(name, 2 + Math.random() * 60);
			if (signal) killed++;
			else assert.equal(status, 0, `${name}: ${said}`);
			assert.ok(Date.now() < end + 60000, `${name} is too quick to be killed: ${killed} times`);
		}
		// The session of the one that was killed last may keep its lock for a moment more.
		await stack.until(`the next ${name} does its work`, async () => {
			const { status, said } = await run(name);
			assert.equal(status, 0, `${name}: ${said}`);
			return said.includes(`job=${name} rows=`);
		});
	}
	givenBack(event);
	return Date.now();
});

row('three copies of every job at once', {}, async () => {
	const event = await dueHolds();
	let worked = 0;
	for (const end = until(); Date.now() < end || worked === 0;) {
		const all = await Promise.all([...jobs, ...jobs, ...jobs].map(async (name) => ({ name, ...await run(name) })));
		for (const { name, status, said } of all) assert.equal(status, 0, `${name}: ${said}`);
		worked += all.filter(({ said }) => said.includes('job=janitor rows=')).length;
	}
	givenBack(event);
	return Date.now();
});

closing();
