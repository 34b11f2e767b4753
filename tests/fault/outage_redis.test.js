// Redis gone, empty, old, mute, full: clients get the same answers, slower, and nobody is told 503.
'use strict';

const fs = require('node:fs');

const { closing, lasts, mending, row } = require('../lib/outage.js');
const parts = require('../lib/parts.js');
const stack = require('../lib/stack.js');

const degraded = { ready: ['degraded'] };

row('Redis, back empty', degraded, async () => {
	await parts.redis.kill();
	await lasts();
	fs.rmSync(parts.redis.files, { recursive: true });
	parts.redis.start();
	return Date.now();
});

row('Redis, back from an old file', degraded, async (sale) => {
	const old = `${parts.redis.files}.old`;
	fs.cpSync(parts.redis.files, old, { recursive: true });
	await sale.progress(300);
	await parts.redis.kill();
	await lasts();
	fs.rmSync(parts.redis.files, { recursive: true });
	fs.renameSync(old, parts.redis.files);
	parts.redis.start();
	return Date.now();
});

row('Redis stands still', degraded, async () => {
	const pid = stack.pidOf('redis');
	parts.signal(pid, 'SIGSTOP');
	await lasts();
	parts.signal(pid, 'SIGCONT');
	return Date.now();
});

row('Redis takes connections and says nothing', degraded, async () => {
	await parts.redis.kill();
	const leave = await parts.redis.mute();
	try {
		await lasts();
	} finally {
		await leave();
	}
	parts.redis.start();
	return Date.now();
});

row('Redis has no memory left', degraded, async () => {
	stack.redis('config', 'set', 'maxmemory', '1');
	await lasts();
	stack.redis('config', 'set', 'maxmemory', '0');
	return Date.now();
});

row('Redis is emptied', { ready: ['ok'] }, async () => {
	stack.redis('flushall');
	return Date.now();
});

mending(() => parts.redis.heal());
closing();
