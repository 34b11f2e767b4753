// The programs: how they are asked, what they answer, and how they end.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { get } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { assertPlaces, buyer, confirmed, event, held, password, staff } = require('../lib/world.js');

const { env, program, run } = stack;
const nowhere = 'database_url=host=/nonexistent';
let olga, ann, directory;

before(async () => {
	[olga, ann] = await Promise.all([staff(), buyer()]);
	directory = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-programs.'));
});
after(() => {
	fs.rmSync(directory, { recursive: true });
	stack.verify();
});

const names = fs.readdirSync(env.HOLDFAST_BIN).filter((name) => name.startsWith('holdfast-'));
const start = (name, args, options) => run(path.join(env.HOLDFAST_BIN, name), args, options);

test('every program says what it is, and refuses what it does not know', () => {
	assert.ok(names.length >= 8);
	const version = start(names[0], ['--version']).stdout.trim().split(' ')[1];
	assert.match(version, /^\d+\.\d+\.\d+$/);
	for (const name of names) {
		const help = start(name, ['--help']);
		assert.equal(help.status, 0, name);
		assert.ok(help.stdout.startsWith(`${name}: `), help.stdout);
		for (const option of ['--config', '--set', '--print-config', '--help', '--version'])
			assert.ok(help.stdout.includes(option), `${name}: ${option}`);
		assert.equal(start(name, ['--version']).stdout, `${name} ${version}\n`);
		for (const args of [['--nonsense'], ['--set', 'nonsense=1'], ['--set', 'hold_seconds=0'],
			['--set', 'hold_seconds=x'], ['--set', 'hold_seconds=99999999999999999999'], ['--set'],
			['--set', 'rate_limit=maybe'], ['--config'], ['--config', '/nonexistent']]) {
			const done = start(name, ['--config', env.HOLDFAST_CONF, ...args]);
			assert.equal(done.status, 2, `${name} ${args}: ${done.stdout}${done.stderr}`);
			assert.ok(done.stderr.startsWith(`${name}: `), done.stderr);
		}
	}
});

test('a configuration that is wrong is refused with its file and line', () => {
	const file = path.join(directory, 'wrong.conf');
	for (const [text, line] of [['# x\n\nhold_second = 5\n', 3], ['hold_seconds = 5\nhold_seconds\n', 2],
		['hold_seconds = 86401\n', 1], ['hold_seconds = 5 seconds\n', 1],
		['# x\nlog_level = loud\n', 2], ['environment = staging\n', 1], ['payment_provider = paypal\n', 1],
		['currency = eur\n', 1], ['allowed_origins = shop.example\n', 1], ['metrics_networks = 10.0.0.0/33\n', 1]]) {
		fs.writeFileSync(file, text);
		for (const name of ['holdfast-booking', 'holdfast-janitor', 'holdfast-user']) {
			const done = start(name, ['--config', file, '--print-config']);
			assert.equal(done.status, 2, text);
			assert.ok(done.stderr.includes(`${file}:${line}`), done.stderr);
		}
	}
});

test('the environment overrides the file, the command line overrides both; secrets are masked', () => {
	const show = (more, args = []) => Object.fromEntries(start('holdfast-booking',
		['--config', env.HOLDFAST_CONF, ...args, '--print-config'],
		{ env: { PATH: env.PATH, ...more } }).stdout.trim().split('\n').map((line) => line.split(/ = ?/)));
	assert.equal(show({ HOLDFAST_HOLD_SECONDS: '77' }).hold_seconds, '77');
	assert.equal(show({ HOLDFAST_HOLD_SECONDS: '77' }, ['--set', 'hold_seconds=78']).hold_seconds, '78');
	assert.equal(show({ ACCESS_TOKEN_EXPIRE_SECONDS: '99' }).access_token_seconds, '99');
	assert.equal(show({ ALLOWED_ORIGINS: '["https://a.example"]' }).allowed_origins, '["https://a.example"]');
	const secret = 'v3ry-s3cret-0123456789-abcdefghijklm';
	for (const name of ['JWT_SECRET', 'SECRET_KEY', 'HOLDFAST_ID_SECRET', 'REDIS_PASSWORD'])
		assert.ok(!JSON.stringify(show({ [name]: secret })).includes(secret), name);
	assert.ok(!JSON.stringify(show({ DATABASE_URL: `postgresql://u:${secret}@h/d` })).includes(secret));
	assert.ok(!JSON.stringify(show({ REDIS_URL: `redis://:${secret}@h:1` })).includes(secret));
});

test('production refuses secrets that are short, or copied from an example', () => {
	const good = 'Zq8vT2xW9kLm4pRs7uYb1nCd6fGh3jKa';
	const cgi = { PATH: env.PATH, REQUEST_METHOD: 'GET', REQUEST_URI: '/healthz' };
	for (const [secret, status] of [[good, 0], ['short', 2], ['change-me-change-me-change-me-0123456', 2],
		['a'.repeat(64), 2], ['', 2]]) {
		const done = start('holdfast-catalog', ['--config', env.HOLDFAST_CONF, '--set', 'environment=production',
			'--set', 'jwt_keys_file=', '--set', `jwt_secret=${secret}`],
		{ env: cgi, stdio: ['ignore', 'pipe', 'pipe'] });
		assert.equal(done.status, status, `${secret}: ${done.stderr}${done.stdout}`);
		if (secret.length > 10 && status) assert.ok(!done.stderr.includes(secret));
	}
});

test('production refuses an empty id_secret wherever ids are derived of it, and nowhere else', () => {
	const cgi = { PATH: env.PATH, REQUEST_METHOD: 'GET', REQUEST_URI: '/healthz' };
	const routes = fs.readFileSync(path.join(stack.tree, 'app/pools/routes.def'), 'utf8');
	const pools = [...new Set([...routes.matchAll(/^ROUTE\((\w+),/gm)].map(([, name]) => name))];
	const jobs = fs.readdirSync(path.join(stack.tree, 'app/jobs')).filter((name) => name.endsWith('.c') && name !== 'job.c')
		.map((name) => name.slice(0, -2));
	const ends = (name, ...sets) => start(`holdfast-${name}`, ['--config', env.HOLDFAST_CONF, ...jobs.includes(name) ? ['--dry-run'] : [],
		...sets.flatMap((one) => ['--set', one])], { env: cgi, stdio: ['ignore', 'pipe', 'pipe'] });
	const refused = [...pools, ...jobs].filter((name) => {
		const done = ends(name, 'environment=production', 'id_secret=');
		if (done.status !== 2) return false;
		assert.match(done.stderr, new RegExp(`^holdfast-${name}: no id_secret: `));
		assert.equal(ends(name, 'environment=production').status, 0, name);
		assert.equal(ends(name, 'id_secret=').status, 0, 'in development it may be empty');
		return true;
	});
	assert.deepEqual(refused.sort(), ['booking', 'outbox', 'payment', 'payment-sweep', 'queue', 'queue-advance', 'webhooks']);
});

test('a pool that cannot work with its settings says why, and ends', () => {
	const secret = 'Zq8vT2xW9kLm4pRs7uYb1nCd6fGh3jKa';
	const stripe = ['payment_provider=stripe', 'stripe_api_base=https://api.example.test', `stripe_api_key=${secret}`];
	const keys = (name, text) => {
		const file = path.join(directory, name);
		fs.writeFileSync(file, text);
		return `jwt_keys_file=${file}`;
	};
	for (const [pool, sets, said] of [
		['catalog', [keys('long', `${'k'.repeat(65)} ${secret}\n`)], /1 to 64 characters/],
		['catalog', [keys('twice', `# keys\n\na ${secret}\na ${secret}x\n`)], /the same name/],
		['catalog', [keys('many', Array.from({ length: 17 }, (_, i) => `k${i} ${secret}\n`).join(''))], /more than 16/],
		['catalog', [keys('bare', 'a\n')], /secret is empty/],
		['catalog', [`database_url=postgresql://u:${secret}@[::1/x`], /database_url is not a valid/],
		['catalog', [`redis_url=https://u:${secret}@h/`], /redis_url is not usable/],
		['catalog', ['payment_provider=paypal'], /must be one of: none stripe/],
		['payment', [...stripe, `stripe_api_base=https://u:${secret}@api.example.test`], /not an address/],
		['payment', [...stripe, 'stripe_api_base=file:///etc/passwd'], /not an address/],
		['payment', [...stripe, 'stripe_api_base=http://api.example.test'], /must begin with https/],
		['payment', [...stripe, 'stripe_api_key='], /needs a stripe_api_key/],
		['payment', [...stripe, `stripe_api_key=${secret} x`], /stripe_api_key is not one/],
	]) {
		const done = start(`holdfast-${pool}`, ['--config', env.HOLDFAST_CONF, ...sets.flatMap((one) => ['--set', one])],
			{ env: { PATH: env.PATH, REQUEST_METHOD: 'GET', REQUEST_URI: '/healthz' }, stdio: ['ignore', 'pipe', 'pipe'] });
		assert.deepEqual([done.status, done.stdout], [2, ''], `${sets}: ${done.stderr}`);
		assert.match(done.stderr, said);
		assert.ok(!done.stderr.includes(secret), done.stderr);
	}
});

test('a pool that can do without what it lacks says so, and serves', () => {
	const ask = (pool, where, ...sets) => start(`holdfast-${pool}`,
		['--config', env.HOLDFAST_CONF, ...sets.flatMap((one) => ['--set', one])],
		{ env: { PATH: env.PATH, REQUEST_METHOD: 'GET', REQUEST_URI: where }, stdio: ['ignore', 'pipe', 'pipe'] });
	const uncounted = ask('catalog', '/metrics', 'metrics_file=/nonexistent/metrics');
	assert.equal(uncounted.status, 0, uncounted.stderr);
	assert.match(uncounted.stderr, / metrics=off file=\/nonexistent\/metrics/);
	assert.match(uncounted.stdout, /^Status: 503 /);
	assert.match(uncounted.stdout, /see the setting metrics_file/);
	assert.match(ask('catalog', '/healthz', 'metrics_file=/nonexistent/metrics').stdout, /^Status: 200 /);
	assert.match(ask('webhooks', '/', 'payment_provider=stripe', 'stripe_api_key=sk_test_1', 'stripe_webhook_secret=').stderr,
		/ webhooks=off reason=no_stripe_webhook_secret/);
});

test('tools that are asked for what makes no sense, or cannot ask, change nothing', () => {
	const before_ = stack.books();
	const who = ['--email', ann.email];
	for (const [name, args, status, said, input = ''] of [
		['user', [], 2, /a command is missing/],
		['user', ['nonsense', ...who], 2, /no such command/],
		['user', ['role', '--role', 'admin'], 2, /needs --email/],
		['user', ['role', ...who, '--role', 'king'], 2, /role must be user, organizer or admin/],
		['user', ['password', ...who], 2, /reads a password/],
		['user', ['password', ...who], 2, /reads a password/, 'x'.repeat(600)],
		['user', ['password', ...who], 2, /password/, 'short\n'],
		['user', ['list', '--set', nowhere], 75, /./],
		['demo', ['--password-file', '/nonexistent'], 2, /cannot read/],
		['demo', ['--password-file', '/dev/null'], 2, /password/],
		['notices', ['list', '--set', nowhere], 75, /./],
		['notices', ['resend', 'all-dead', '--set', nowhere], 75, /./],
		['notices', ['state', '--set', nowhere], 75, /./],
	]) {
		const done = program(name, args, input);
		assert.equal(done.status, status, `${name} ${args}: ${done.stderr}`);
		assert.match(done.stderr, said);
	}
	assert.equal(stack.books(), before_);
});

test('a pool started from a shell serves one request, as CGI does', () => {
	const ask = (pool, more) => start(`holdfast-${pool}`, ['--config', env.HOLDFAST_CONF],
		{ env: { PATH: env.PATH, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
	const health = ask('catalog', { REQUEST_METHOD: 'GET', REQUEST_URI: '/api/v1/healthz' });
	assert.equal(health.status, 0, health.stderr);
	assert.match(health.stdout, /^Status: 200 OK\r\n(.+\r\n)+\r\n\{"status":"ok"\}$/);
	const parts = ask('catalog', { REQUEST_METHOD: 'GET', SCRIPT_NAME: '/api/v1', PATH_INFO: '/healthz' });
	assert.match(parts.stdout, /^Status: 200/);
	assert.match(ask('booking', { REQUEST_METHOD: 'GET', REQUEST_URI: '/api/v1/bookings' }).stdout,
		/^Status: 401/);
});

test('reconcile: its exit status', async () => {
	const { event_id: id } = await event(olga);
	await held(ann, id, 3);
	const reconcile = (...args) => program('reconcile', args);
	assert.equal(reconcile('--light', '--full').status, 2);
	assert.equal(reconcile('--event', 'x').status, 2);
	assert.equal(reconcile('--event', '0').status, 2);
	assert.equal(reconcile('--event', '2147483647').status, 1);
	assert.equal(reconcile('--event', id, '--set', nowhere).status, 75);
	assert.equal(reconcile('--event', id, '--set', 'redis_url=unix:///nonexistent').status, 75);
	const done = reconcile('--event', id);
	assert.equal(done.status, 0, done.stderr);
	assert.match(done.stdout, new RegExp(`^event=${id} .*repaired=\\d+ skipped=\\d+\n$`));
	stack.forget(id);
	assert.equal(reconcile('--event', id, '--dry-run').status, 0);
	assert.equal(stack.redis('exists', `hf:{${id}}:meta`), '0', 'a dry run changes nothing');
	assert.match(reconcile('--event', id).stdout, /rebuilt=yes/);
	assert.equal(stack.redis('exists', `hf:{${id}}:meta`), '1');
});

const verify = (...args) => program('verify', args);

test('verify: every invariant has its line, and nothing is changed', () => {
	const before_ = stack.books();
	const done = verify();
	assert.equal(done.status, 0, done.stdout + done.stderr);
	const lines = done.stdout.trim().split('\n').map((line) => line.split(' '));
	assert.deepEqual(lines.map((l) => l[0]), ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9']);
	for (const [, verdict, count] of lines) assert.deepEqual([verdict, count], ['ok', '0']);
	assert.equal(stack.books(), before_);
	assert.equal(verify('--set', nowhere).status, 75);
	const alone = verify('--set', 'redis_url=unix:///nonexistent');
	assert.equal(alone.status, 0);
	assert.match(alone.stdout, /^I8 skipped 0/m);
	assert.equal(verify('--wait', 'x').status, 2);
});

test('verify finds what is wrong', async () => {
	const { event_id: id } = await event(olga);
	await confirmed(ann, id, ['B1']);
	const live = await held(ann, id, ['B2']);
	await held(ann, id, 2);
	await assertPlaces(id, { Floor: [8, 2, 0], VIP: [12, 1, 1] });
	// Past every guard of the database, and back.
	const past = (text) => stack.sql(`set session_replication_role = replica; ${text}`, 'postgres');
	const seat = `event_id = ${id} and position = 10`;
	for (const [name, harm, heal] of [
		['I1', `delete from seat_claims where ${seat}`,
			`insert into seat_claims select ${id}, 10, booking_id, 'b', 'infinity' from bookings
				where event_id = ${id} and positions = '{10}'`],
		['I2', `update ga_counts set taken = taken - 1 where event_id = ${id}`,
			`update ga_counts set taken = taken + 1 where event_id = ${id}`],
	]) {
		past(harm);
		const done = verify('--wait', '0');
		past(heal);
		assert.equal(done.status, 1, `${harm}: ${done.stdout}`);
		assert.match(done.stdout, new RegExp(`^${name} FAIL [1-9]\\d* first: .*${id}`, 'm'), harm);
	}
	const key = `hf:{${id}}:entry`;
	const kept = stack.redis('hget', key, live.booking_id);
	stack.redis('hdel', key, live.booking_id);
	const done = verify('--wait', '1');
	assert.equal(done.status, 1, done.stdout);
	assert.match(done.stdout, new RegExp(`^I8 FAIL [1-9]\\d* first: event ${id}: `, 'm'));
	stack.redis('hset', key, live.booking_id, kept);
	assert.equal(verify().status, 0);
});

test('the demo is loaded once, however often it is asked for', async () => {
	const load = () => program('demo', [], 'a demo password\n'); // as the pages of documentation show it
	const first = load();
	assert.equal(first.status, 0, first.stderr);
	const before_ = stack.books();
	assert.equal(load().status, 0);
	assert.equal(stack.books(), before_);
	const found = (await get('/events?limit=100')).body.items;
	const size = (e) => e.sections.reduce((sum, s) => sum + s.capacity, 0);
	const seated = found.filter((e) => e.sections.every((s) => s.kind === 'seated'));
	assert.ok(seated.some((e) => size(e) === 50000), 'a stadium');
	assert.ok(seated.some((e) => size(e) === 800), 'a theatre');
	assert.ok(found.some((e) => e.venue?.name && e.sections.every((s) => s.kind === 'ga')), 'a club');
	const roles = stack.sql(`select email, role from users where email in ('admin@example.test',
		'organizer@example.test', 'buyer@example.test') order by email`);
	assert.equal(roles, 'admin@example.test|admin\nbuyer@example.test|user\norganizer@example.test|organizer');
	assert.equal(program('demo', [], 'short\n').status, 2);
	assert.equal(program('demo', ['--set', nowhere], `${password}\n`).status, 75);
});
