// The metrics: every number moves by exactly what was done, no label says who did it, and nobody reads
// them who should not.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, call, freshKey, get, post } = require('../lib/client.js');
const { believing, configuration } = require('../lib/front.js');
const { difference, listed, parse, scrape } = require('../lib/metrics.js');
const raw = require('../lib/raw.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, hold, move, password, staff } = require('../lib/world.js');

const requests = 'holdfast_http_requests_total';
const seconds = 'holdfast_http_request_duration_seconds';
const moves = 'holdfast_booking_moves_total';
const problems = 'holdfast_problems_total';
const verdicts = 'holdfast_filter_verdicts_total';

let olga, ann, bob, id;

before(async () => {
	[olga, ann, bob] = await Promise.all([staff(), buyer(), buyer()]);
	id = (await event(olga)).event_id;
	// Redis keeps the event, so that its verdicts are known.
	assertStatus(await get(`/events/${id}/availability`), 200);
	await stack.kept(id);
});
after(() => stack.verify());

test('what the format asks for, by the judgement of promtool too', async () => {
	const { text, families } = await scrape();
	const metrics = listed();
	assert.deepEqual([...families.keys()].sort(), [...metrics.keys()].sort());
	for (const [name, { type, samples }] of families) {
		const { kind, labels } = metrics.get(name);
		assert.equal(type, { COUNTER: 'counter', SECONDS: 'counter', HISTOGRAM: 'histogram', GAUGE: 'gauge' }[kind]);
		for (const sample of samples.values()) {
			const { le, ...rest } = sample.labels;
			assert.deepEqual(Object.keys(rest), labels, name);
			assert.equal(le !== undefined, sample.name.endsWith('_bucket') && kind === 'HISTOGRAM');
		}
	}
	const judged = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
	assert.equal(judged.error, undefined);
	assert.equal(judged.status, 0, judged.stdout + judged.stderr);
	assert.ok(text.length < 250000, `${text.length} bytes`);
	assert.throws(() => parse(text.replace('counter', 'countre')));
});

test('requests are counted by route and status, and timed', async () => {
	const first = await scrape();
	for (let i = 0; i < 3; i++) assertStatus(await get(`/events/${id}`), 200);
	assertStatus(await call('HEAD', `/events/${id}`), 200);
	assertProblem(await get('/events/999999999'), 404, 'not-found');
	assertProblem(await get('/bookings'), 401, 'unauthenticated');
	assertProblem(await post('/auth/login', { email: ann.email, password: 'not hers' }), 401, 'invalid-credentials');
	assertProblem(await post('/auth/login', '{', {}), 400, 'malformed-request');
	const now = await scrape();
	const one = '{method="GET",route="/events/{event_id}"';
	const log = '{method="POST",route="/auth/login"';
	assert.deepEqual(difference(first, now, requests), {
		[`${one},code="200"}`]: 4, [`${one},code="404"}`]: 1,
		'{method="GET",route="/bookings",code="401"}': 1,
		[`${log},code="401"}`]: 1, [`${log},code="400"}`]: 1,
		'{method="GET",route="/metrics",code="200"}': 1,
	});
	assert.deepEqual(difference(first, now, problems), {
		'{problem="not-found"}': 1, '{problem="unauthenticated"}': 1,
		'{problem="invalid-credentials"}': 1, '{problem="malformed-request"}': 1,
	});
	const timed = difference(first, now, seconds);
	assert.equal(timed[`_count${one}}`], 5);
	assert.equal(timed[`_bucket${one},le="5"}`], 5);
	assert.equal(timed[`_count${log}}`], 2);
	assert.ok(timed[`_sum${one}}`] > 0 && timed[`_sum${one}}`] < 5);
	// Somebody's password was hashed: that takes its time.
	assert.ok(timed[`_sum${log}}`] > 0.001);
});

test('holds, confirms, releases and cancels by their outcome', async () => {
	const first = await scrape();
	const key = freshKey();
	const mine = { event_id: id, seat_ids: ['VIP-A-1', 'VIP-A-2'] };
	const booking = assertStatus(await hold(ann, mine, { key }), 201).body;
	assertStatus(await hold(ann, mine, { key }), 201);
	assertStatus(await hold(ann, mine), 200);
	assertProblem(await hold(bob, mine), 409, 'seats-unavailable');
	const floor = await held(bob, id, 10);
	assertProblem(await hold(ann, { event_id: id, section_id: 'Floor', seats_requested: 1 }), 409, 'sold-out');
	assertProblem(await hold(ann, { event_id: '999999999', seat_ids: ['X'] }), 404, 'not-found');
	assertStatus(await move(ann, booking, 'confirm', undefined, { token: ann.token, key }), 200);
	assertStatus(await move(ann, booking, 'confirm', undefined, { token: ann.token, key }), 200);
	assertStatus(await move(ann, booking, 'confirm'), 200);
	assertProblem(await move(bob, booking, 'confirm'), 404, 'not-found');
	assertStatus(await post('/booking/confirm', { show_id: id, seat_ids: mine.seat_ids }, { token: ann.token }), 200);
	assertProblem(await move(ann, booking, 'release'), 409, 'wrong-state');
	assertStatus(await move(bob, floor, 'release'), 200);
	assertStatus(await move(ann, booking, 'cancel'), 200);
	const now = await scrape();
	assert.deepEqual(difference(first, now, moves), {
		'{move="hold",outcome="done"}': 2, '{move="hold",outcome="replay"}': 1, '{move="hold",outcome="same"}': 1,
		'{move="hold",outcome="seats-unavailable"}': 1, '{move="hold",outcome="sold-out"}': 1,
		'{move="hold",outcome="not-found"}': 1,
		'{move="confirm",outcome="done"}': 2, '{move="confirm",outcome="replay"}': 1,
		'{move="confirm",outcome="same"}': 1, '{move="confirm",outcome="not-found"}': 1,
		'{move="release",outcome="wrong-state"}': 1, '{move="release",outcome="done"}': 1,
		'{move="cancel",outcome="done"}': 1,
	});
	assert.deepEqual(difference(first, now, verdicts), {
		'{verdict="taken"}': 2, '{verdict="ask"}': 2, '{verdict="lost"}': 1, '{verdict="full"}': 1,
		'{verdict="missing"}': 1,
	});
});

test('many at once, over all pools, are all counted', async () => {
	const first = await scrape();
	const pids = stack.allWorkers();
	await Promise.all(Array.from({ length: 400 }, (_, i) => [
		() => get(`/events/${id}`), () => get('/healthz'), () => get('/bookings', { token: ann.token }),
		() => get('/admin/venues', { token: olga.token }), () => get('/auth/me', { token: bob.token }),
	][i % 5]()));
	assert.deepEqual(stack.allWorkers(), pids);
	const now = await scrape();
	assert.deepEqual(difference(first, now, requests), Object.fromEntries([
		...['/events/{event_id}', '/healthz', '/bookings', '/admin/venues', '/auth/me'].map((route) =>
			[`{method="GET",route="${route}",code="200"}`, 80]), ['{method="GET",route="/metrics",code="200"}', 1]]));
	const calls = difference(first, now, 'holdfast_postgres_calls_total', 'holdfast_redis_calls_total');
	assert.ok(calls['{result="ok"}'] > 0);
});

test('no label says what somebody sent', async () => {
	const marks = ['zqx', ann.user_id, ann.email, id, 'secretkey'];
	await get(`/events/zqx${id}`);
	await get('/zqx/zqx');
	await get('/events/%zq');
	await get(`/bookings/${ann.user_id}`, { token: ann.token });
	await call('ZQX', '/events');
	await call('PUT', '/events/zqx/seats');
	await call('OPTIONS', '/events/zqx');
	await post('/auth/login', { email: `zqx${ann.email}`, password });
	await get(`/events/${id}?zqx=zqx`, { headers: { 'X-Zqx': 'zqx', 'User-Agent': 'zqx' } });
	await hold(ann, { event_id: 'zqx', seat_ids: ['zqx'] }, { key: 'secretkey' });
	const { text, families } = await scrape();
	for (const { samples } of families.values()) {
		for (const { labels } of samples.values()) {
			for (const value of Object.values(labels)) {
				for (const mark of marks) assert.ok(!value.includes(mark) || /^[\d.]+$/.test(value), `${mark}: ${value}`);
			}
		}
	}
	for (const mark of marks.filter((m) => m !== id)) assert.ok(!text.includes(mark), mark);
});

test('what is no route counts under one label', async () => {
	const first = await scrape();
	for (const where of ['/events/%fe', '/events/%ff'])
		assert.equal((await raw.http(`GET /api/v1${where} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).status, 400);
	for (const method of ['PUT', 'DELETE', 'PATCH', 'PUT']) assert.equal((await call(method, '/events')).status, 405);
	assert.equal((await call('OPTIONS', '/events')).status, 204);
	const none = '{method="any",route="none"';
	assert.deepEqual(difference(first, await scrape(), requests), {
		[`${none},code="400"}`]: 2, [`${none},code="405"}`]: 4, [`${none},code="204"}`]: 1,
		'{method="GET",route="/metrics",code="200"}': 1,
	});
});

test('a killed worker has counted what it answered, and another takes its place', async () => {
	const first = await scrape();
	for (let i = 0; i < 40; i++) assertStatus(await get('/auth/me', { token: ann.token }), 200);
	const pids = stack.workers('accounts');
	for (const pid of pids) process.kill(pid, 'SIGKILL');
	const now = await stack.until('others live', async () => {
		const seen = await scrape();
		return seen.value('holdfast_processes{pool="accounts"}') === pids.length &&
			seen.value('holdfast_process_starts_total{pool="accounts"}') ===
				first.value('holdfast_process_starts_total{pool="accounts"}') + pids.length && seen;
	});
	const me = `${requests}{method="GET",route="/auth/me",code="200"}`;
	assert.equal(now.value(me) - (first.value(me) ?? 0), 40);
	for (const pool of stack.pools)
		assert.equal(now.value(`holdfast_processes{pool="${pool}"}`), stack.workers(pool).length);
	assert.equal(now.value('holdfast_start_time_seconds'), first.value('holdfast_start_time_seconds'));
});

test('jobs: their calls, their last run, and how late they are', async () => {
	const first = await scrape();
	const began = Date.now() / 1000;
	assert.equal(stack.program('janitor').status, 0);
	const now = await scrape();
	assert.ok(now.value('holdfast_postgres_calls_total{result="ok"}') -
		first.value('holdfast_postgres_calls_total{result="ok"}') >= 4, 'it counts where the pools do');
	const of = (name) => now.value(`holdfast_job_${name}{job="janitor"}`);
	for (const name of ['last_start_timestamp_seconds', 'last_end_timestamp_seconds', 'last_success_timestamp_seconds'])
		assert.ok(of(name) >= began - 2 && of(name) <= Date.now() / 1000 + 2, name);
	assert.equal(of('late_seconds'), 0);
	assert.equal(of('last_failed'), 0);
	assert.equal(of('running'), 0);
	stack.sql(`update jobs set ok_at = now() - interval '10 minutes', error = 'internal', rows = 12
		where name = 'janitor'`);
	const late = await scrape();
	assert.ok(Math.abs(late.value('holdfast_job_late_seconds{job="janitor"}') - 480) <= 30);
	assert.equal(late.value('holdfast_job_last_failed{job="janitor"}'), 1);
	assert.equal(late.value('holdfast_job_last_rows{job="janitor"}'), 12);
	const ready = assertStatus(await get('/readyz'), 200);
	assert.equal(ready.body.status, 'ok');
	assert.ok(Math.abs(ready.body.jobs.janitor.late_seconds - 480) <= 30, ready.text);
	stack.program('janitor');
	assert.equal((await get('/readyz')).body.jobs.janitor.late_seconds, 0);
});

test('drift that reconcile finds, by its kind', async () => {
	const drift = ['holdfast_drift_total', 'holdfast_reconcile_entries_total'];
	const { event_id: other } = await event(olga);
	await held(ann, other, ['B1']);
	await held(bob, other, 3);
	await stack.kept(other);
	const reconcile = () => stack.reconcile(other);
	reconcile();
	const first = await scrape();
	stack.redis('setrange', `hf:{${other}}:seats`, 3, 'b');
	stack.redis('hset', `hf:{${other}}:count`, 'h:Floor', 7);
	reconcile();
	assert.deepEqual(difference(first, await scrape(), ...drift), {
		'{kind="seat"}': 1, '{kind="count"}': 1, '{result="compared"}': 2, '{result="repaired"}': 2,
	});
	const clean = await scrape();
	reconcile();
	assert.deepEqual(difference(clean, await scrape(), ...drift), { '{result="compared"}': 2 });
});

test('Redis gone: told, counted as degraded, and over when it is back', async () => {
	const degraded = 'holdfast_degraded_seconds_total{server="redis"}';
	const first = await scrape();
	assert.equal(first.value('holdfast_redis_up'), 1);
	process.kill(stack.pidOf('redis'), 'SIGKILL');
	const away = await stack.until('a second of it is counted', async () => {
		await Promise.all(Array.from({ length: 8 }, () => get('/readyz')));
		const seen = await scrape();
		return seen.value(degraded) > first.value(degraded) + 1 && seen;
	});
	assert.equal(away.value('holdfast_redis_up'), 0);
	assert.equal(away.value('holdfast_postgres_up'), 1);
	assert.ok(away.value('holdfast_redis_calls_total{result="away"}') >
		first.value('holdfast_redis_calls_total{result="away"}'));
	stack.startRedis();
	await stack.redisFound();
	assert.equal((await scrape()).value('holdfast_redis_up'), 1);
	const back = await scrape();
	assert.ok(back.value('holdfast_connects_total{server="redis"}') > first.value('holdfast_connects_total{server="redis"}'));
});

test('a Redis that nobody wants is not one that is away', () => {
	const told = (...set) => stack.run(path.join(stack.env.HOLDFAST_BIN, 'holdfast-catalog'),
		['--config', stack.env.HOLDFAST_CONF, ...set], { env: { GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: 'GET',
			REQUEST_URI: '/api/v1/metrics', REMOTE_ADDR: '127.0.0.1' } }).stdout;
	assert.match(told(), /^holdfast_redis_up 1$/m);
	assert.match(told('--set', 'redis_url='), /^holdfast_postgres_up 1$/m);
	assert.doesNotMatch(told('--set', 'redis_url='), /^holdfast_redis_up /m);
});

test('this host may read them, with nobody in between', async () => {
	for (const root of [true, false]) {
		await scrape({ root });
		assert.equal((await get('/metrics?x=1', { root })).status, 200);
		for (const field of ['X-Forwarded-For', 'Forwarded', 'Via'])
			assertProblem(await get('/metrics', { root, headers: { [field]: '127.0.0.1' } }), 403, 'forbidden');
	}
	for (const where of ['/metrics/', '//metrics', '/%6detrics', '/x/../metrics', '/METRICS'])
		assert.notEqual((await raw.http(`GET ${where} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).status, 200);
	assert.equal((await get('/readyz', { headers: { 'X-Forwarded-For': '192.0.2.1' } })).status, 200);
});

test('others only from the networks that are named', async (t) => {
	const front = await believing(t, { HOLDFAST_METRICS_NETWORKS: '192.0.2.0/24,2001:db8:7::/48, 198.51.100.9' });
	for (const [address, status] of [['192.0.2.7', 200], ['192.0.3.7', 403], ['2001:db8:7::1', 200],
		['2001:db8:8::1', 403], ['198.51.100.9', 200], ['198.51.100.10', 403], ['127.0.0.9', 200]]) {
		for (const where of ['/metrics', '/api/v1/metrics', '/metrics?a'])
			assert.equal((await front(where, { 'X-Client': address })).status, status, `${address} ${where}`);
		assert.equal((await front('/healthz', { 'X-Client': address })).status, 200);
	}
	const refused = configuration('127.0.0.1:1', { HOLDFAST_METRICS_NETWORKS: '10.0.0.0/8; } allow all' });
	assert.notEqual(refused.status, 0);
	assert.match(refused.stderr, /METRICS_NETWORKS in the environment: it must be addresses/);
});
