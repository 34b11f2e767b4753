// The metrics while PostgreSQL is away: they say so, at once, and go on counting. Needs a stack whose
// PostgreSQL is its own.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { assertProblem, get } = require('../lib/client.js');
const { scrape } = require('../lib/metrics.js');
const { signal } = require('../lib/parts.js');
const stack = require('../lib/stack.js');

test('PostgreSQL killed: a scrape within bounds, without what it knows', async () => {
	const degraded = 'holdfast_degraded_seconds_total{server="postgres"}';
	const first = await scrape();
	assert.equal(first.value('holdfast_postgres_up'), 1);
	assert.notEqual(first.value('holdfast_job_late_seconds{job="janitor"}'), undefined);
	const pid = stack.pidOf('postgres');
	process.kill(pid, 'SIGKILL');
	await stack.until('PostgreSQL has gone', () => !stack.isAlive(pid));
	try {
		for (let i = 0; i < 5; i++) {
			const began = Date.now();
			const now = await scrape();
			assert.ok(Date.now() - began < 4500, `${Date.now() - began} ms`);
			assert.equal(now.value('holdfast_postgres_up'), 0);
			assert.equal(now.value('holdfast_redis_up'), 1);
			assert.equal(now.families.get('holdfast_job_late_seconds'), undefined);
		}
		const before = await scrape();
		for (let i = 0; i < 3; i++) assertProblem(await get('/events/1'), 503, 'unavailable');
		const away = await scrape();
		const series = 'holdfast_http_requests_total{method="GET",route="/events/{event_id}",code="503"}';
		assert.equal(away.value(series) - before.value(series), 3);
		await stack.until('a second of it is counted', async () =>
			(await scrape()).value(degraded) > first.value(degraded) + 1);
		const calls = 'holdfast_postgres_calls_total{result="away"}';
		assert.ok((await scrape()).value(calls) > first.value(calls));
	} finally {
		stack.up();
	}
	await stack.postgresFound();
	const back = await scrape();
	assert.equal(back.value('holdfast_postgres_up'), 1);
	assert.notEqual(back.value('holdfast_job_late_seconds{job="janitor"}'), undefined);
});

test('PostgreSQL frozen: a scrape waits a second for it, no more', async () => {
	const pid = stack.pidOf('postgres');
	process.kill(pid, 'SIGSTOP');
	try {
		// Each worker waits for its own connection; its sessions are processes of their own, which answer.
		signal(stack.workers('postgres'), 'SIGSTOP');
		for (let i = 0; i < 4; i++) {
			const began = Date.now();
			assert.equal((await scrape()).value('holdfast_postgres_up'), 0);
			assert.ok(Date.now() - began < 4500, `${Date.now() - began} ms`);
		}
	} finally {
		signal(stack.workers('postgres'), 'SIGCONT');
		process.kill(pid, 'SIGCONT');
	}
	await stack.postgresFound();
	assert.equal((await scrape()).value('holdfast_postgres_up'), 1);
});
