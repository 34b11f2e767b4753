// docs/failover.md, done: PostgreSQL's primary is killed for good while a sale is on, its synchronous
// replica is promoted, and nobody tells the workers. Needs a stack whose PostgreSQL is its own.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');

// All who ask the database ask whichever server takes writes; both have their socket at one place.
const env = process.env;
const host = /host=([^&]*)/.exec(env.DATABASE_URL)[1];
const both = (url) => url.replace(`host=${host}&port=5432`,
	`host=${host},${host}&port=5432,5433&target_session_attrs=read-write`);
const primaryUrl = env.DATABASE_URL;
env.DATABASE_URL = both(primaryUrl);

const parts = require('../lib/parts.js');
const { Sale } = require('../lib/sale.js');
const stack = require('../lib/stack.js');
const { assertProblem, freshKey, get } = require('../lib/client.js');
const { buyer, event, held, move, staff } = require('../lib/world.js');

const manual = fs.readFileSync(path.join(stack.tree, 'docs/failover.md'), 'utf8');
const superuser = (text) => stack.sql(text, 'postgres');
let primary, replica;

function said(start) {
	const line = manual.split('\n').find((one) => one.startsWith(start));
	assert.ok(line, `docs/failover.md does not say: ${start}`);
	return line;
}

const ready = () => stack.until('readyz is 200', async () => (await get('/readyz')).status === 200);

before(async () => {
	primary = new parts.Postgres();
	replica = Object.assign(new parts.Postgres(), { data: path.join(path.dirname(primary.data), 'replica') });
	const words = said('pg_basebackup ').split(/ (?=(?:[^"]*"[^"]*")*[^"]*$)/);
	words[words.indexOf('-d') + 1] = `${primaryUrl.replace('holdfast_owner@', 'postgres@')}&application_name=holdfast_b`;
	words[words.indexOf('-D') + 1] = replica.data;
	const done = stack.run(words[0], words.slice(1));
	assert.equal(done.status, 0, done.stderr);
	fs.appendFileSync(path.join(replica.data, 'postgresql.auto.conf'), 'port = 5433\n');
	// The account of PostgreSQL cannot read the file of passwords of whoever runs the tests.
	const passwords = /passfile=([^&]*)/.exec(primaryUrl)[1];
	const readable = path.join(path.dirname(primary.data), 'passwords');
	fs.copyFileSync(passwords, readable);
	fs.chmodSync(readable, 0o600);
	const file = path.join(replica.data, 'postgresql.auto.conf');
	fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replaceAll(passwords, readable));
	if (process.getuid() === 0) stack.run('chown', ['-R', 'postgres:', replica.data, readable]);
	await replica.start();
	fs.writeFileSync(path.join(env.HOLDFAST_PIDS, 'postgres.pid'), `${primary.pid()}\n`);
	superuser(`alter system set synchronous_standby_names = ${said('synchronous_standby_names').split(' = ')[1]}`);
	superuser('select pg_reload_conf()');
	await stack.until('the replica is synchronous', () => superuser('select sync_state from pg_stat_replication') === 'sync');

	// The workers are told of both.
	const conf = fs.readFileSync(env.HOLDFAST_CONF, 'utf8');
	fs.writeFileSync(env.HOLDFAST_CONF, conf.replace(/^database_url = .*$/m, both));
	assert.ok(said('database_url = ').includes('target_session_attrs=read-write'));
	for (const pool of stack.pools) {
		await parts.pools.stop(pool);
		await parts.pools.start(pool);
	}
	await ready();
});
after(() => replica?.stop('immediate'));

test('a confirm is answered when the replica has it, a hold at once', async () => {
	const [olga, ann] = [await staff(), await buyer()];
	const { event_id: id } = await event(olga);
	const booking = await held(ann, id, ['B1']);
	const key = freshKey();
	const frozen = replica.all();
	parts.signal(frozen, 'SIGSTOP');
	try {
		await held(ann, id, ['B2']);
		assertProblem(await move(ann, booking, 'confirm', {}, { key }), 503, 'unknown-outcome');
	} finally {
		parts.signal(frozen, 'SIGCONT');
	}
	const answer = await stack.until('it is confirmed', async () => {
		const again = await move(ann, booking, 'confirm', {}, { key });
		return again.status === 200 && again;
	});
	assert.equal(answer.body.status, 'CONFIRMED');
	await stack.until('the replica is synchronous', () => superuser('select sync_state from pg_stat_replication') === 'sync');
});

test('each worker waits once for a replica that is away, and leaves one session behind', async () => {
	const [olga, ann] = [await staff(), await buyer()];
	const { event_id: id } = await event(olga);
	const workers = stack.workers('booking').length;
	const bookings = [];
	for (let i = 1; i <= 2 * workers; i++) bookings.push(await held(ann, id, 1));
	const waiting = () => Number(superuser("select count(*) from pg_stat_activity where wait_event = 'SyncRep'"));
	const refused = async (some) => {
		for (const answer of await Promise.all(some.map((booking) => move(ann, booking, 'confirm')))) {
			assert.equal(answer.status, 503, answer.text);
		}
	};
	const frozen = replica.all();
	parts.signal(frozen, 'SIGSTOP');
	try {
		await refused(bookings.slice(0, workers));
		assert.equal(waiting(), workers);
		const began = Date.now();
		await refused(bookings.slice(workers));
		assert.ok(Date.now() - began < 2000, `the others were told after ${Date.now() - began} ms`);
		assert.equal(waiting(), workers, 'no other session waits');
		await held(ann, id, ['B1']);
	} finally {
		parts.signal(frozen, 'SIGCONT');
	}
	await stack.until('all are confirmed', async () =>
		(await Promise.all(bookings.map((booking) => move(ann, booking, 'confirm')))).every(({ status }) => status === 200));
	assert.equal(waiting(), 0);
	await stack.until('the replica is synchronous', () => superuser('select sync_state from pg_stat_replication') === 'sync');
});

test('the primary dies, the replica is promoted: service is back, and nothing confirmed is lost', async () => {
	const workers = stack.allWorkers();
	const sale = await Sale.open();
	console.log(`the sale of event ${sale.event} has the seed ${sale.seed}`);
	sale.begin();
	await sale.progress(600);
	assert.equal(superuser('show port'), '5432');
	await primary.crash(sale, () => primary.kill());
	await replica.promote();
	const back = Date.now();
	const { took } = await sale.recovered(back);
	assert.ok(took <= 5000, `back after ${took} ms`);
	await sale.progress(300);
	await sale.end();
	assert.equal(superuser('show port'), '5433');
	await sale.check();
	const done = stack.program('verify', ['--wait', '5']);
	assert.equal(done.status, 0, done.stdout + done.stderr);
	assert.deepEqual(stack.allWorkers(), workers, 'no worker was restarted');
	console.log(`back ${took} ms after the promotion: ${JSON.stringify(sale.tally().counts)}`);
});
