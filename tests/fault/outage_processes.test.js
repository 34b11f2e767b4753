// Workers, pools and nginx are killed while a sale is on: one request of a worker is lost at most, and
// all are back by themselves; nginx is started again, as a service manager would.
'use strict';

const assert = require('node:assert/strict');

const { closing, lasts, long, row } = require('../lib/outage.js');
const parts = require('../lib/parts.js');
const stack = require('../lib/stack.js');

const unavailable = /^503 unavailable$/;
const cut = /^(ECONNRESET|ECONNREFUSED|EPIPE|socket hang up|cut off)$/;

row('one worker of the pool booking after another', { answers: [unavailable] }, async () => {
	for (const end = Date.now() + (long ? 10000 : 700); Date.now() < end; await stack.pause(25)) {
		const workers = stack.workers('booking');
		if (workers.length) parts.signal(workers[Math.floor(Math.random() * workers.length)]);
	}
	return Date.now();
});

row('all workers of all pools at once', { answers: [unavailable] }, async () => {
	const workers = Object.values(stack.allWorkers()).flat();
	assert.ok(workers.length >= 6);
	await parts.kill(workers);
	return Date.now();
});

row('the supervisor of a pool, without its workers', { answers: [unavailable], within: 1500 }, async () => {
	await parts.kill(stack.pidOf('booking'));
	return Date.now();
});

row('a whole pool', { must: unavailable, within: 1500 }, async () => {
	await parts.kill([stack.pidOf('booking'), ...stack.workers('booking')]);
	return Date.now();
});

row('all pools', { must: unavailable, within: 1500 }, async () => {
	await parts.kill(stack.pools.flatMap((pool) => [stack.pidOf(pool), ...stack.workers(pool)]));
	return Date.now();
});

row('the workers of nginx', { answers: [cut] }, async () => {
	await parts.kill(parts.nginx.pids().slice(1));
	return Date.now();
});

row('nginx', { must: cut }, async () => {
	await parts.kill(parts.nginx.pids());
	await lasts();
	parts.nginx.start();
	return Date.now();
});

closing();
