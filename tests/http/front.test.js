// The front door and what stands behind it: nginx's own answers, pools that are killed, and the stack
// script that starts and stops all of it.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync, spawnSync } = require('node:child_process');
const test = require('node:test');

const { believing, freePort } = require('../lib/front.js');
const raw = require('../lib/raw.js');
const { program, until, workers } = require('../lib/stack.js');

const tree = path.join(__dirname, '../..');

// What nginx answers by itself looks like what the pools answer.
function assertOwn(answer, status, slug) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.headers['content-type'], 'application/problem+json');
	assert.equal(answer.headers['x-content-type-options'], 'nosniff');
	assert.equal(answer.headers['cache-control'], 'no-store');
	assert.equal(answer.body.type, `/problems/${slug}`);
	assert.equal(answer.body.status, status);
	assert.equal(answer.body.instance, answer.headers['x-request-id']);
	assert.match(answer.body.instance, /^[0-9a-f]{32}$/);
	assert.ok(answer.body.detail, answer.text);
}

const ask = (line, fields = '', body = '') =>
	raw.http(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields}\r\n${body}`);

test('what no pool knows is 404', async () => {
	for (const where of ['/', '/api/v1', '/api/v1/', '/api/v1/nothing', '/events', '/api/v2/events',
		'/api/v1/events/', '/api/v1/events/1/seats/x', '/healthzz', '/problems/not-found'])
		assertOwn(await ask(`GET ${where}`), 404, 'not-found');
});

test('what is no HTTP is 400, also where nginx would say 5xx', async () => {
	for (const text of ['GARBAGE\r\n\r\n', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
		'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n',
		'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: odd\r\n\r\n',
		'GET /healthz HTTP/7.0\r\nHost: x\r\n\r\n', 'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n'])
		assertOwn(await raw.http(text), 400, 'malformed-request');
});

test('what is too long is refused before it reaches a pool', async () => {
	const long = 'a'.repeat(9000);
	assertOwn(await ask(`GET /${long}`), 414, 'uri-too-long');
	assertOwn(await ask('GET /healthz', `X-Long: ${long}\r\n`), 431, 'headers-too-large');
	assertOwn(await ask('POST /api/v1/auth/login', 'Content-Length: 65537\r\n'), 413,
		'body-too-large');
});

// Without pools, so that what is not refused before ends in 503.
test('a ticket is in no access log, whatever becomes of the request', async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-log-'));
	t.after(() => fs.rmSync(dir, { recursive: true }));
	const log = `${dir}/access log`;
	const front = await believing(t, { HOLDFAST_RATE_LIMIT: 'on' }, { log, run: dir });
	const status = (headers, ticket = 'HUSH') => front(`/api/v1/reservation/status?token=${ticket}`, headers)
		.then((answer) => answer.status);
	assert.equal(await status(), 503);
	assert.equal(await status({ 'X-Long': 'a'.repeat(9000) }), 431);
	assert.equal(await status({}, 'HUSH'.repeat(2500)), 414);
	const crowd = await Promise.all(Array.from({ length: 200 }, () => status({ 'X-Client': '192.0.2.7' })));
	assert.ok(crowd.includes(429), `${new Set(crowd)}`);
	assert.equal((await front('/api/v1/reservation/confirm?heard=1')).status, 503);
	assert.equal((await front('/api/v1/nothing?heard=2')).status, 404);
	// Lines are written when the answer is out: the last one's may be on its way.
	const written = await until('a log that has it all', async () => {
		const text = fs.readFileSync(log, 'latin1');
		return text.includes('heard=2') && text;
	});
	assert.match(written, /heard=1 HTTP\/1.1" 503/);
	assert.doesNotMatch(written, /HUSH|reservation\/status/);
});

test('methods: TRACE is nobody\'s, another than the path\'s is 405 with Allow', async () => {
	assertOwn(await ask('TRACE /healthz'), 405, 'method-not-allowed');
	for (const [line, allow] of [['DELETE /api/v1/auth/login', 'POST'],
		['PUT /api/v1/bookings/x', 'GET'], ['POST /healthz', 'GET'],
		['PATCH /api/v1/events', 'POST']]) {
		const answer = await ask(line);
		assert.equal(answer.status, 405, answer.text);
		assert.ok(answer.headers.allow.split(', ').includes(allow), answer.headers.allow);
	}
});

test('the request id is the server\'s, whatever the client sends', async () => {
	const answer = await ask('GET /healthz', 'X-Request-Id: mine\r\nX_Request_Id: mine\r\n');
	assert.equal(answer.status, 200);
	assert.match(answer.headers['x-request-id'], /^[0-9a-f]{32}$/);
});

test('service calls answer at the root and below /api/v1', async () => {
	for (const where of ['/healthz', '/api/v1/healthz', '/readyz', '/api/v1/readyz', '/readyz?x=1'])
		assert.notEqual((await ask(`GET ${where}`)).status, 404, where);
	assertOwn(await ask('GET /auth/me'), 404, 'not-found');
});

const pidOf = (pool) =>
	Number(fs.readFileSync(path.join(process.env.HOLDFAST_PIDS, `${pool}.pid`), 'utf8'));

// Whether this process runs that program by now.
function runs(pid, name) {
	try {
		return path.basename(fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]) === name;
	} catch {
		return false;
	}
}

// What can be said of a pool that does not come back: who keeps it, and the end of its log.
function poolSays(pool) {
	const keeper = fs.readFileSync(path.join(process.env.HOLDFAST_RUN, `${pool}.loop`), 'utf8').trim();
	const log = fs.readFileSync(path.join(process.env.HOLDFAST_STATE, `log/${pool}.log`), 'utf8');
	return `${execFileSync('ps', ['-e', '-o', 'pid,ppid,stat,etimes,wchan:24,args', '--forest'], { encoding: 'utf8' })
		.split('\n').filter((line) => line.includes(`${pool}.sock`) || line.includes(keeper)).join('\n')}\n`
		+ log.split('\n').slice(-8).join('\n');
}

// A new connection each time, so that the answer is of now.
const ready = async () => (await ask('GET /readyz')).status;

// Milliseconds until a killed pool serves again; meanwhile there was nothing but 503.
async function killedIsBack(signal) {
	// One that is still starting its workers may miss the signal.
	await until('the pool is whole', () => workers('booking').filter((pid) => runs(pid, 'holdfast-booking')).length
		=== Number(/^workers_booking = (\d+)/m.exec(program('booking', ['--print-config']).stdout)[1]));
	const before = pidOf('booking');
	const began = Date.now();
	let status;
	process.kill(before, signal);
	do {
		const answer = await ask('GET /readyz');
		status = answer.status;
		if (status !== 200) {
			assertOwn(answer, 503, 'unavailable');
			assert.ok(Number(answer.headers['retry-after']) > 0);
		}
		assert.ok(Date.now() - began < 60000, `the pool is not back: ${status} ${answer.text}\n${poolSays('booking')}`);
	} while (status !== 200 || pidOf('booking') === before);
	return Date.now() - began;
}

test('a killed pool is back within a second on its socket, and 503 meanwhile', async () => {
	// Workers that look for leaks take their time to end.
	const most = /\/asan\//.test(process.env.HOLDFAST_BIN) ? 20000 : 2000;
	for (const signal of ['SIGKILL', 'SIGTERM']) {
		const took = [];
		// A machine that is busy with something else may be late, but not time after time.
		do took.push(await killedIsBack(signal));
		while (took.at(-1) >= most && took.length < 3);
		assert.ok(took.at(-1) < most, `${signal}: ${took} ms`);
	}
});

test('no worker outlives its pool', async () => {
	const master = pidOf('catalog');
	const workers = fs.readFileSync(`/proc/${master}/task/${master}/children`, 'utf8')
		.trim().split(' ');
	assert.ok(workers.length >= 1 && workers[0] !== '');
	process.kill(master, 'SIGKILL');
	const alive = (pid) => {
		try {
			return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
		} catch {
			return false;
		}
	};
	await until('its workers have gone', () => !workers.some(alive));
	await until('there are others', async () => (await ask('GET /healthz')).status === 200);
});

test('sockets are private', () => {
	for (const pool of ['accounts', 'catalog', 'booking', 'admin'])
		assert.equal(fs.statSync(path.join(process.env.HOLDFAST_RUN, `${pool}.sock`)).mode & 0o777, 0o660);
	assert.equal(fs.statSync(process.env.HOLDFAST_STATE).mode & 0o777, 0o700);
	assert.equal(fs.statSync(process.env.HOLDFAST_CONF).mode & 0o777, 0o600);
});

// Another stack beside this one, in the same PostgreSQL where the tests share one.
test('up, up again, other settings, down and clean', async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-up.'));
	const state = path.join(dir, 'a state');
	const port = await freePort();
	const stack = (command, set = '') => spawnSync(path.join(tree, 'deploy/stack'), [
		'--bin', process.env.HOLDFAST_BIN, '--state', state, '--port', String(port),
		...(process.env.HOLDFAST_TEST_CLUSTER ? ['--cluster', process.env.HOLDFAST_TEST_CLUSTER] : []),
		command], { encoding: 'utf8', env: { ...process.env, HOLDFAST_SET: set, PGPORT: '1', http_proxy: 'http://127.0.0.1:1' } });
	const status = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
	t.after(() => {
		stack('clean');
		fs.rmSync(dir, { recursive: true, force: true });
	});

	const unknown = stack('up', 'hold_secnds=5');
	assert.notEqual(unknown.status, 0);
	assert.match(unknown.stderr, /hold_secnds/);
	assert.equal(stack('up', 'hold_seconds').status, 1);
	await assert.rejects(status());

	const first = stack('up', 'hold_seconds=7');
	assert.equal(first.status, 0, first.stderr + first.stdout);
	assert.equal(await status(), 200);
	assert.match(fs.readFileSync(path.join(state, 'holdfast.conf'), 'utf8'), /^hold_seconds = 7$/m);
	const pids = () => fs.readdirSync(path.join(state, 'pids')).sort()
		.map((name) => name + fs.readFileSync(path.join(state, 'pids', name), 'utf8'));
	const before = pids();
	assert.equal(stack('up', 'hold_seconds=7').status, 0);
	assert.deepEqual(pids(), before, 'nothing is started twice');

	process.kill(Number(fs.readFileSync(path.join(state, 'pids/redis.pid'), 'utf8')), 'SIGKILL');
	process.kill(Number(fs.readFileSync(path.join(state, 'pids/nginx.pid'), 'utf8')), 'SIGKILL');
	assert.equal(stack('up', 'hold_seconds=7').status, 0);
	assert.equal(await status(), 200);
	assert.equal(pids().filter((line) => before.includes(line)).length, before.length - 2,
		'only what was missing is started');

	const other = stack('up', 'rate_limit=off');
	assert.equal(other.status, 0, other.stderr);
	assert.match(other.stdout, /booking +started/);
	assert.match(other.stdout, /nginx +started/);
	assert.equal(await status(), 200);

	const env = stack('env').stdout;
	const [, database] = /^export DATABASE_URL='(.*)'$/m.exec(env);
	execFileSync('psql', ['-qX', database, '-c',
		"update sqitch.changes set script_hash = change where change in ('hold', 'queue')"]);
	assert.doesNotMatch(other.stdout, /other sources/);
	assert.match(stack('up', 'rate_limit=off').stdout, /schema +of other sources, which differ in: hold queue /);
	assert.match(env, new RegExp(`^export HOLDFAST_URL='http://127.0.0.1:${port}'$`, 'm'));
	assert.equal(stack('down').status, 0);
	await assert.rejects(status());
	assert.deepEqual(fs.readdirSync(path.join(state, 'pids')), []);
	assert.equal(stack('down').status, 0);
	assert.equal(stack('clean').status, 0);
	assert.ok(!fs.existsSync(state));
});
