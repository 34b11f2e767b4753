// PostgreSQL killed, stopped, in recovery, out of connections, without room on its disk: booking answers
// 503 at once and is back by itself; what was confirmed stays so.
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { before } = require('node:test');

const { get } = require('../lib/client.js');
const { Session, sql } = require('../lib/crowd.js');
const { closing, lasts, mending, row } = require('../lib/outage.js');
const parts = require('../lib/parts.js');
const stack = require('../lib/stack.js');

const away = /^503 (unavailable|unknown-outcome)$/;
const unavailable = { must: away, ready: ['unavailable'] };

let postgres, disk;

// The server of these tests runs with a disk that can be made to refuse writes.
before(async () => {
	postgres = new parts.Postgres();
	disk = path.join(path.dirname(postgres.data), 'disk');
	fs.mkdirSync(disk);
	const library = path.join(disk, 'full_disk.so');
	execFileSync('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-O2', '-shared', '-fPIC', '-o', library,
		path.join(__dirname, 'full_disk.c'), '-ldl'], { stdio: 'inherit' });
	for (const one of [disk, library]) fs.chmodSync(one, 0o755);
	postgres.environment = { LD_PRELOAD: library, FULL_DISK: disk };
	await postgres.stop('fast');
	await postgres.start();
	await stack.until('readyz is 200', async () => (await get('/readyz')).status === 200);
});

row('PostgreSQL is killed', unavailable, async (sale) => {
	await postgres.crash(sale, () => postgres.kill());
	await lasts();
	await postgres.start();
	return Date.now();
});

row('PostgreSQL is restarted', { must: away }, async () => {
	await postgres.stop('fast');
	await postgres.start();
	return Date.now();
});

row('one backend of PostgreSQL is killed', { answers: [away] }, async (sale) => {
	const [[pid]] = sql(`select pid from pg_stat_activity where usename = 'holdfast_booking' limit 1`);
	await postgres.crash(sale, () => parts.kill(Number(pid)));
	return Date.now();
});

row('PostgreSQL is stopped', unavailable, async () => {
	await postgres.stop('fast');
	await lasts();
	await postgres.start();
	return Date.now();
});

row('PostgreSQL is stopped at once', unavailable, async (sale) => {
	await postgres.crash(sale, () => postgres.stop('immediate'));
	await lasts();
	await postgres.start();
	return Date.now();
});

row('PostgreSQL is in recovery and refuses connections', unavailable, async () => {
	await postgres.stop('fast');
	await postgres.write('standby.signal', '');
	await postgres.write('postgresql.auto.conf', 'hot_standby = off\n');
	await postgres.start('-W');
	await lasts();
	await postgres.promote();
	await postgres.write('postgresql.auto.conf', '');
	return Date.now();
});

row('PostgreSQL is in recovery and only reads', unavailable, async () => {
	await postgres.stop('fast');
	await postgres.write('standby.signal', '');
	await postgres.start('-W');
	await lasts();
	await postgres.promote();
	return Date.now();
});

row('PostgreSQL stands still', { answers: [away] }, async () => {
	const all = postgres.all();
	parts.signal(all, 'SIGSTOP');
	await lasts();
	parts.signal(all, 'SIGCONT');
	return Date.now();
});

row('PostgreSQL has no connection left', unavailable, async (sale) => {
	const operator = new Session(process.env.DATABASE_URL.replace('holdfast_owner@', 'postgres@'));
	await operator.say('select 1');
	const crowd = await postgres.crowdOut();
	try {
		await crowd.full();
		// Of the places that come free at once, a worker may be the one who gets some.
		await stack.until('no worker has a connection', async () => {
			await operator.say(`select pg_terminate_backend(pid) from pg_stat_activity where usename like 'holdfast\\_%'`);
			await crowd.full();
			await stack.pause(100);
			return sale.looks.slice(-2).every((look) => look.state === 'unavailable');
		});
		await lasts();
	} finally {
		await crowd.leave();
		await operator.close();
	}
	return Date.now();
});

row('the disk has no room for tables', { must: away }, async () => {
	fs.writeFileSync(path.join(disk, 'data'), '');
	await lasts();
	fs.rmSync(path.join(disk, 'data'));
	return Date.now();
});

// It dies of it, and again while it recovers, until there is room; in the end it may have given up.
row('the disk has no room for the log', unavailable, async (sale) => {
	await postgres.crash(sale, () => fs.writeFileSync(path.join(disk, 'log'), ''));
	await lasts();
	fs.rmSync(path.join(disk, 'log'));
	const back = Date.now();
	await stack.until('PostgreSQL is back', async () => {
		if (!stack.isAlive(postgres.pid())) await postgres.start();
		return (await get('/readyz')).status === 200;
	});
	return back;
});

mending(async () => {
	for (const name of ['data', 'log']) fs.rmSync(path.join(disk, name), { force: true });
	await postgres.heal();
});
closing();
