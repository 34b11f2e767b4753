// The stack under test from the inside: its database, its Redis, its processes and programs.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');

const tree = path.join(__dirname, '../..');
const env = process.env;

function run(command, args, options = {}) {
	const done = spawnSync(command, args, { encoding: 'utf8', input: '', timeout: 300000, killSignal: 'SIGKILL', ...options });
	if (done.error) throw done.error;
	return done;
}

function output(command, args) {
	const done = run(command, args);
	assert.equal(done.status, 0, `${command}: ${done.stderr}`);
	return done.stdout.trim();
}

// As the owner of the schema, or as `role`. Columns of a row are separated by |, rows by newlines.
const sql = (text, role = 'holdfast_owner') => output('psql',
	[env.DATABASE_URL.replace('holdfast_owner@', `${role}@`), '-XAtq', '-v', 'ON_ERROR_STOP=1',
		'-c', 'set search_path = holdfast, public', '-c', text]);

const redis = (...args) => output('redis-cli', ['-s', env.REDIS_SOCKET, ...args.map(String)]);

// One of our programs with the configuration of the stack: {status, stdout, stderr}. Without the owner's
// address of the database, which would go before that of the program's own role.
const program = (name, args = [], input = '') => run(path.join(env.HOLDFAST_BIN, `holdfast-${name}`),
	['--config', env.HOLDFAST_CONF, ...args], { input, env: { ...env, DATABASE_URL: undefined } });

// Redis and PostgreSQL compared for an event, once no other comparison is at it: what was printed.
function reconcile(event, ...args) {
	const end = Date.now() + 180000;
	for (;;) {
		const done = program('reconcile', [...args, '--event', String(event)]);
		assert.equal(done.status, 0, done.stdout + done.stderr);
		if (!/ busy=yes\n$/.test(done.stdout)) return done.stdout;
		assert.ok(Date.now() < end, `${done.stdout}: for three minutes`);
		output('sleep', ['0.1']);
	}
}

// Starts what is missing of the stack, its settings as they are but for these: {name: value}.
function up(changes = {}) {
	const settings = fs.readFileSync(env.HOLDFAST_CONF, 'utf8');
	const own = /^(environment|database_url|redis_url|jwt_keys_file|id_secret|metrics_file|live_socket|mail_templates) =/;
	const kept = settings.split('\n').filter((line) => line && !line.startsWith('#') && !own.test(line))
		.map((line) => line.replace(/ = /, '=')).filter((pair) => !(pair.split('=')[0] in changes));
	const set = [...kept, ...Object.entries(changes).map(([name, value]) => `${name}=${value}`)].join(' ');
	const done = run(path.join(tree, 'deploy/stack'),
		['--bin', env.HOLDFAST_BIN, '--state', env.HOLDFAST_STATE, 'up'],
		{ env: { ...env, HOLDFAST_SET: set } });
	assert.equal(done.status, 0, done.stdout + done.stderr);
}

// The same for settings of pools that run: only those that are named begin anew.
async function change(changes, ...names) {
	let text = fs.readFileSync(env.HOLDFAST_CONF, 'utf8');
	for (const [name, value] of Object.entries(changes)) {
		const line = `${name} = ${value}`;
		const old = new RegExp(`^${name} = .*$`, 'm');
		text = old.test(text) ? text.replace(old, () => line) : `${text.trimEnd()}\n${line}\n`;
	}
	fs.writeFileSync(`${env.HOLDFAST_CONF}.new`, text, { mode: fs.statSync(env.HOLDFAST_CONF).mode });
	fs.renameSync(`${env.HOLDFAST_CONF}.new`, env.HOLDFAST_CONF);
	await Promise.all(names.map(async (pool) => {
		const before = workers(pool), supervisor = pidOf(pool);
		let told = 0;
		await until(`the pool ${pool}`, () => {
			// One that is just starting a worker may miss it: so once more.
			if (Date.now() - told > 2000 && isAlive(supervisor)) {
				told = Date.now();
				process.kill(supervisor, 'SIGTERM');
			}
			const now = workers(pool);
			return now.length === before.length && !now.some((pid) => before.includes(pid));
		});
	}));
}

// Starts Redis again after it was killed, and nothing else.
function startRedis() {
	output('redis-server', [path.join(env.HOLDFAST_STATE, 'redis/redis.conf')]);
}

// No worker keeps from it any more: each learns for itself that Redis is back, once it tries again, which is
// redis_retry_ms and a half of it after its last try at most. To ask them would prove nothing: one alone may
// answer all who ask. The rest is for a worker that wrote down late, on a busy machine, that it had failed.
async function redisFound() {
	await until('Redis answers', () => run('redis-cli', ['-s', env.REDIS_SOCKET, 'ping']).stdout.trim() === 'PONG');
	await pause(2000);
}

// The same for PostgreSQL, which a worker that could not connect tries again postgres_connect_ms after it began.
async function postgresFound() {
	await until('PostgreSQL answers', () => run('psql', [env.DATABASE_URL, '-XAtqc', 'select 1']).stdout.trim() === '1');
	await pause(1100);
}

// Until each worker of a pool has a connection to PostgreSQL, so that it sends what it is asked; ask: a request
// for which it needs one.
const connected = (pool, ask) => until(`each worker of the pool ${pool} is connected`, async () => {
	await Promise.all(Array.from({ length: 24 }, ask));
	return Number(sql(`select count(*) from pg_stat_activity where datname = current_database()
		and usename = 'holdfast_${pool}'`)) >= workers(pool).length;
});

// Until it is so, or fails in words: after so long that a busy machine cannot be why.
async function until(what, condition, seconds = 60) {
	const end = Date.now() + seconds * 1000;
	for (;;) {
		const found = await condition();
		if (found) return found;
		assert.ok(Date.now() < end, `${what}: not within ${seconds} s`);
		await pause(20);
	}
}

const pidOf = (name) => Number(fs.readFileSync(path.join(env.HOLDFAST_PIDS, `${name}.pid`), 'utf8'));

function isAlive(pid) {
	try {
		return !/^State:\s*Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
	} catch (error) {
		if (error.code === 'ENOENT' || error.code === 'ESRCH') return false;
		throw error;
	}
}

const pools = ['accounts', 'catalog', 'booking', 'queue', 'payment', 'webhooks', 'admin'];

// The process ids of a pool's workers, which are the children of its supervisor.
function workers(pool) {
	try {
		const supervisor = pidOf(pool);
		return fs.readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8')
			.trim().split(' ').filter(Boolean).map(Number).sort((a, b) => a - b);
	} catch (error) {
		if (error.code === 'ENOENT' || error.code === 'ESRCH') return [];
		throw error;
	}
}

const allWorkers = () => Object.fromEntries(pools.map((pool) => [pool, workers(pool)]));

// The books are right: every invariant holds, in PostgreSQL and against Redis.
function verify() {
	const done = program('verify');
	assert.equal(done.status, 0, done.stdout + done.stderr);
	assert.match(done.stdout, /^I1 ok 0/m);
	assert.match(done.stdout, /^I2 ok 0/m);
}

// The deadline of a booking is now past, and Redis knows nothing of its event any more.
function expire(bookingId) {
	const event = sql(`
		update bookings set expires_at = now() - interval '1 second' where booking_id = '${bookingId}';
		update seat_claims set expires_at = now() - interval '1 second' where booking_id = '${bookingId}';
		update ga_claims set expires_at = now() - interval '1 second' where booking_id = '${bookingId}';
		select event_id from bookings where booking_id = '${bookingId}'`);
	forget(event);
}

// Redis keeps all of an event. Before it does it may keep some.
const kept = (event) => until(`Redis keeps event ${event}`, () => redis('hexists', `hf:{${event}}:meta`, 'stamp') === '1');

// In one step, since a rebuild may be under way.
const forget = (event) => redis('eval',
	"for _, key in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', key) end", 0, `hf:{${event}}:*`);

// What is kept of bookings, claims and accounts, as one text: the same before and after what must
// change nothing.
const books = () => sql(`
	select md5(coalesce(string_agg(b::text, '' order by b.booking_id), '')) from bookings b
	union all select md5(coalesce(string_agg(c::text, '' order by c.event_id, c.position), ''))
		from seat_claims c
	union all select md5(coalesce(string_agg(g::text, '' order by g.event_id, g.section_no,
		g.booking_id), '')) from ga_claims g
	union all select md5(coalesce(string_agg(e::text, '' order by e.event_id), '')) from events e
	union all select count(*)::text from users
	union all select count(*)::text from venues
	union all select count(*)::text from answers`);

module.exports = {
	allWorkers, books, change, connected, env, expire, forget, isAlive, kept, pause, pidOf, pools, postgresFound, program,
	reconcile, redis, redisFound, run, sql, startRedis, tree, until, up, verify, workers,
};
