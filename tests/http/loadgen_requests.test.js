// Single requests of the load generator, and what it tells of them, against servers that stall.
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const http = require('node:http');
const path = require('node:path');
const { promisify } = require('node:util');
const { test } = require('node:test');

const { loadgen, serve } = require('../lib/loadgen.js');
const { env } = require('../lib/stack.js');

test('at a fixed rate a stall is counted for all that it keeps from being sent', async () => {
	let stalls = 0, until = 0;
	const server = http.createServer((request, response) => {
		if (stalls && !until) until = Date.now() + 500;
		setTimeout(() => response.end('x'), Math.max(0, until - Date.now()));
	});
	await serve(server, async (url) => {
		const ask = async (...more) => JSON.parse((await loadgen(['requests', '--url', url, '--connections', 1,
			'--seconds', 1, '--request', '1 GET /', ...more])).stdout);
		stalls = 1;
		const closed = await ask();
		until = 0;
		const open = await ask('--rate', 100);
		assert.ok(closed.max_us > 400000 && closed.p50_us < 100000, JSON.stringify(closed));
		assert.ok(open.p50_us < open.p90_us && open.p90_us > 250000, JSON.stringify(open));
		assert.equal(open.offered, 100);
		assert.deepEqual(Object.keys(open.statuses), ['200']);
		// "answered" leaves out what came after the end, of which a busy machine has some.
		assert.equal(open.statuses[200] + open.unsent, 100, JSON.stringify(open));
		assert.ok(open.answered <= open.statuses[200]);
	});
});

test('as fast as answers come, a stall across the end is seen, and what is lost or never answered', async () => {
	// It begins after so many answers, and is longer than the run: so it is across the end, however slow this machine is.
	const first = 40, answers = { late: 0, lost: 0, never: 0 };
	const server = http.createServer((request, response) => {
		const [, how] = request.url.split('/');
		if (++answers[how] <= first) response.end('x');
		else if (how === 'late') setTimeout(() => response.end('x'), 3000);
		else if (how === 'lost') setTimeout(() => response.socket.destroy(), 3000);
	});
	await serve(server, (url) => Promise.all(Object.keys(answers).map(async (how) => {
		const { stdout } = await loadgen(['requests', '--url', url, '--connections', 4, '--seconds', 2, '--request', `1 GET /${how}`]);
		const told = JSON.parse(stdout);
		assert.ok(told.max_us > 2900000 && told.p50_us < 1000000, stdout);
		assert.equal(told.lost, how === 'late' ? 0 : 4, stdout);
		// The rate is that of what came before the end.
		assert.deepEqual([told.answered, told.statuses[200]], [first, how === 'late' ? first + 4 : first], stdout);
		assert.equal(told.seconds, 2, stdout);
	})));
});

test('at a fixed rate what is lost has taken its time', async () => {
	const server = http.createServer((request, response) => setTimeout(() => response.socket.destroy(), 300));
	await serve(server, async (url) => {
		const { stdout } = await loadgen(['requests', '--url', url, '--connections', 8, '--seconds', 0.5, '--rate', 10,
			'--request', '1 GET /']);
		const told = JSON.parse(stdout);
		assert.equal(told.lost + told.unsent, 5);
		assert.ok(told.p50_us > 250000, stdout);
	});
});

test('more connections than the shell allows files', async () => {
	const server = http.createServer((request, response) => response.end('x'));
	await serve(server, async (url) => {
		const { stdout } = await promisify(execFile)('bash', ['-c', 'ulimit -Sn 32; exec "$0" "$@"', path.join(env.HOLDFAST_BIN, 'holdfast-loadgen'),
			'requests', '--url', url, '--connections', '100', '--most', '200', '--request', '1 GET /']);
		assert.deepEqual([JSON.parse(stdout).answered, JSON.parse(stdout).lost], [200, 0], stdout);
	});
});

test('at a fixed rate a chain is one thing, from its first request to its last answer', async () => {
	const server = http.createServer((request, response) => setTimeout(() => {
		response.statusCode = request.url === '/refused' ? 409 : 200;
		response.end('x');
	}, 100));
	await serve(server, async (url) => {
		const ask = async (...paths) => JSON.parse((await loadgen(['requests', '--url', url, '--connections', 32, '--seconds', 1, '--rate', 10,
			'--chain', ...paths.flatMap((one) => ['--request', `1 GET ${one}`])])).stdout);
		const [whole, cut] = await Promise.all([ask('/a', '/b', '/c'), ask('/a', '/refused', '/c')]);
		assert.equal(whole.statuses[200] + 3 * whole.unsent, 30, JSON.stringify(whole));
		assert.ok(whole.p50_us > 290000 && whole.offered === 10, JSON.stringify(whole));
		// What was refused is the end of it.
		assert.equal(cut.statuses[200], cut.statuses[409]);
		assert.ok(cut.p50_us > 195000 && cut.requests[2].rate === 0, JSON.stringify(cut));
		// So is the last request that may be sent.
		const last = JSON.parse((await loadgen(['requests', '--url', url, '--rate', 1, '--most', 2, '--chain',
			...['/a', '/b', '/c'].flatMap((one) => ['--request', `1 GET ${one}`])])).stdout);
		assert.equal(last.statuses[200], 2);
		assert.ok(last.max_us > 195000, JSON.stringify(last));
	});
});

test('each request has a key of its own where that is asked for, and it is said how many took how long', async () => {
	const keys = [];
	const server = http.createServer((request, response) => {
		keys.push(request.headers['idempotency-key']);
		setTimeout(() => response.end('x'), keys.length === 7 ? 400 : 0);
	});
	await serve(server, async (url) => {
		const ask = async (...more) => JSON.parse((await loadgen(['requests', '--url', url, '--connections', 2, '--most', 20, '--seconds', 20,
			'--request', '1 POST / {}', ...more])).stdout);
		const bare = await ask();
		assert.deepEqual([new Set(keys).size, keys[0], bare.histogram], [1, undefined, undefined]);
		keys.length = 0;
		const [{ histogram }] = [await ask('--keys', '--histogram'), await ask('--keys')];
		assert.equal(keys.length, 40);
		assert.equal(new Set(keys).size, 40, 'of another run too');
		for (const key of keys) assert.match(key, /^[0-9a-f]{16}-\d+$/);
		assert.equal(histogram.reduce((sum, [, requests]) => sum + requests, 0), 20);
		const [us, requests] = histogram.at(-1);
		assert.ok(us > 390000 && requests === 1, JSON.stringify(histogram));
	});
});
