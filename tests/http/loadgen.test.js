// The load generator: against the product, and against servers that do everything wrong.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { loadgen, serve } = require('../lib/loadgen.js');
const stack = require('../lib/stack.js');
const { event, staff } = require('../lib/world.js');

const { env } = stack;
let directory;
const file = (name) => path.join(directory, name);

before(() => {
	directory = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-loadgen.'));
});
after(() => {
	fs.rmSync(directory, { recursive: true });
	stack.verify();
});

const here = ['--url', env.HOLDFAST_URL];
const own = [...here, '--config', env.HOLDFAST_CONF];
const json = (name) => JSON.parse(fs.readFileSync(file(name), 'utf8'));
const lines = (name) => fs.readFileSync(file(name), 'utf8').trim().split('\n').map((line) => JSON.parse(line));

// The history's calls, summed up as the report does it.
function summed(calls) {
	const kinds = {};
	for (const { op, status } of calls) {
		kinds[op] ??= { count: 0, statuses: {} };
		kinds[op].count++;
		kinds[op].statuses[status] = (kinds[op].statuses[status] ?? 0) + 1;
	}
	return kinds;
}

function assertHistory(report, history) {
	const head = history[0], end = history.at(-1), calls = history.slice(1, -1);
	assert.deepEqual([head.history, head.scenario, head.event], [1, report.scenario, report.event]);
	assert.equal(end.calls, calls.length);
	assert.equal(report.calls, calls.length);
	const told = Object.fromEntries(Object.entries(report.kinds)
		.map(([op, { count, statuses }]) => [op, { count, statuses }]));
	assert.deepEqual(summed(calls), told);
	for (const [i, call] of calls.entries()) {
		assert.equal(call.n, i + 1);
		assert.ok(call.due <= call.sent && call.sent <= call.done, JSON.stringify(call));
		assert.equal(call.key !== null, /^(hold|confirm|release|cancel)$/.test(call.op), JSON.stringify(call));
	}
	return calls;
}

test('a walk over an event of its own, and what is told of it', async () => {
	const args = (n) => ['walk', ...own, '--buyers', 10, '--duration', n === 1 ? 2 : 1, '--seed', 7, '--history', file(`h${n}`),
		'--report', file(`r${n}`), '--accounts', file('accounts')];
	const done = await loadgen(args(1));
	assert.equal(done.status, 0, done.stdout + done.stderr);
	assert.match(done.stdout, /^\d+ calls, \d+ expectations met, 0 failed$/m);
	const report = json('r1'), text = fs.readFileSync(file('h1'), 'utf8');
	const calls = assertHistory(report, lines('h1'));
	assert.equal(report.capacity, 400);
	assert.equal(report.kinds.register.count, 10);
	for (const op of ['map', 'hold', 'confirm']) assert.ok(report.kinds[op].count > 0, op);
	for (const secret of [/@/, /eyJ/, /assword/, /refresh/]) assert.doesNotMatch(text, secret);
	// The same key only for the same request.
	const bodies = new Map();
	for (const call of calls.filter(({ key }) => key)) {
		const asked = JSON.stringify([call.op, call.user, call.asked]);
		assert.equal(bodies.get(call.key) ?? asked, asked);
		bodies.set(call.key, asked);
	}
	assert.ok(bodies.size < calls.filter(({ key }) => key).length, 'some are sent twice');
	// What was answered is in the database.
	const booked = calls.filter(({ op, status }) => op === 'confirm' && status === 200).map(({ got }) => got.booking);
	assert.equal(stack.sql(`select count(*) from bookings where event_id = ${report.event} and
		booking_id = any ('{${booked}}') and status in ('CONFIRMED', 'CANCELLED')`), String(new Set(booked).size));
	assert.equal(fs.statSync(file('accounts')).mode & 0o777, 0o600);
	const again = await loadgen([...args(2), '--expect', 'holds >= 0', '--expect', 'confirms >= 0']);
	assert.equal(again.status, 0, again.stdout + again.stderr);
	assertHistory(json('r2'), lines('h2'));
	assert.equal(json('r2').kinds.register, undefined, 'the accounts are there');
	assert.equal(json('r2').kinds.login, undefined, 'and their tokens');
});

test('on an event that it finds, closed loop and open', async () => {
	await event(await staff(), { sections: [{ name: 'All', rows: [{ row: 'A', seats: 300 }] }] });
	for (const more of [[], ['--rate', 5]]) {
		const done = await loadgen(['walk', ...here, '--buyers', 10, '--duration', 2, '--accounts', file('accounts'),
			'--report', file('r'), '--history', file('h'), ...more]);
		assert.equal(done.status, 0, done.stdout + done.stderr);
		assertHistory(json('r'), lines('h'));
	}
	const rounds = lines('h').filter(({ op }) => op === 'map').length;
	assert.equal(rounds + json('r').measures['unmet-arrivals'], 10);
	assert.ok(rounds > 5);
	const refused = await loadgen(['lock', ...here]);
	assert.equal(refused.status, 2);
	assert.match(refused.stderr, /^holdfast-loadgen: lock needs an event of its own.*\n$/);
});

test('one seat has one owner, and a line serves all there is', async () => {
	const accounts = ['--accounts', file('accounts'), '--buyers', 10];
	const lock = await loadgen(['lock', ...own, ...accounts]);
	assert.equal(lock.status, 0, lock.stdout + lock.stderr);
	assert.match(lock.stdout, /^expect holds = 1 +ok +1$/m);
	const scenario = file('line.scenario');
	fs.writeFileSync(scenario, `event = own\nga FLOOR capacity 4\nbuyer:\n queue 1 of FLOOR\n confirm\n
		repeat until sold-out\nexpect unsold = 0\nexpect confirms = capacity\nexpect served = 4\n`);
	const line = await loadgen([scenario, ...own, ...accounts, '--history', file('h'), '--report', file('r')]);
	assert.equal(line.status, 0, line.stdout + line.stderr);
	assert.ok(json('r').kinds.leave.count > 0, 'who heard that nothing is left goes home');
	assert.doesNotMatch(fs.readFileSync(file('h'), 'utf8'), /"token":"[^"]{30}/, 'tickets are secrets');
});

test('an expectation that fails is named', async () => {
	const done = await loadgen(['lock', ...own, '--accounts', file('accounts'), '--buyers', 5, '--report', file('r'),
		'--expect', 'holds = 0', '--expect', 'p50-ms < 0']);
	assert.equal(done.status, 1, done.stdout + done.stderr);
	assert.match(done.stdout, /^expect holds = 0 +FAILED +1$/m);
	assert.match(done.stdout, /, 2 failed$/m);
	const failed = json('r').expectations.filter(({ verdict }) => verdict === 'FAILED').map((e) => e.expect);
	assert.deepEqual(failed, ['holds = 0', 'p50-ms < 0']);
});

test('interrupted, it ends soon and tells all of it', async () => {
	let begun = false;
	const done = await loadgen(['walk', ...own, '--buyers', 5, '--duration', 600, '--accounts', file('accounts'),
		'--history', file('h'), '--report', file('r'), '--expect', 'unsold = 0'], (child, said) => {
		if (begun || !/thinking|calling/.test(said.stderr)) return;
		begun = true;
		child.kill('SIGINT');
	});
	assert.equal(done.status, 130, done.stdout + done.stderr);
	assert.equal(json('r').interrupted, true);
	assert.deepEqual(json('r').expectations.filter(({ verdict }) => verdict === 'not judged'),
		[{ expect: 'unsold = 0', verdict: 'not judged', value: -1 }]);
	assert.equal(json('r').measures.sold, -1, 'nobody has looked');
	assertHistory(json('r'), lines('h'));
});

test('what cannot be run is said, and ends with 2', async () => {
	fs.writeFileSync(file('bad.scenario'), 'buyers = 5\n\njump = 1\n');
	fs.writeFileSync(file('other'), 'holdfast-loadgen accounts 1 http://example.test\n');
	fs.writeFileSync(file('damaged'), `holdfast-loadgen accounts 1 ${env.HOLDFAST_URL}\nonly three words\n`);
	const made = () => stack.sql(`select (select count(*) from events), (select count(*) from users)`);
	const before_ = made();
	for (const [args, said] of [
		[[], /a scenario is missing/],
		[['no-such'], /there is no scenario no-such/],
		[['walk'], /--url is missing/],
		[['walk', 'walk', ...here], /too many words/],
		[['walk', '--url', 'https://127.0.0.1'], /does not begin with http:/],
		[['walk', '--url', 'http://127.0.0.1:99999'], /a port that is no port/],
		[['walk', '--url', 'http://127.0.0.1:80/path'], /has a path/],
		[['walk', ...here, '--buyers', '0'], /--buyers takes a whole number/],
		[['walk', ...here, '--duration', 'x'], /--duration takes a whole number/],
		[['walk', ...here, '--expect', 'holds'], /--expect 'holds': an expectation is/],
		[['walk', ...here, '--history', '/nonexistent/h'], /No such file/],
		[['walk', ...own, '--history', '/nonexistent/h'], /^holdfast-loadgen: \/nonexistent\/h: No such file/],
		[['walk', ...own, '--report', '/nonexistent/r'], /^holdfast-loadgen: \/nonexistent\/r: No such file/],
		[['walk', ...here, '--accounts', file('other')], /another server/],
		[['walk', ...here, '--accounts', file('damaged')], /damaged/],
		[[file('bad.scenario'), ...here], /bad\.scenario: line 3: there is no setting `jump`/],
		[['requests'], /at least one --request/],
		[['requests', '--request', '1 GET'], /a request is WEIGHT METHOD PATH/],
		[['requests', '--request', '1 GET /', '--rate', '0'], /--rate takes a number/],
	]) {
		const done = await loadgen(args);
		assert.equal(done.status, 2, `${args}: ${done.stdout}${done.stderr}`);
		assert.match(done.stderr, said);
		assert.equal(done.stderr.trim().split('\n').length, 1, done.stderr);
	}
	assert.equal(made(), before_, 'no event and no organizer was made in vain');
	const list = await loadgen(['--list']);
	assert.equal(list.status, 0);
	for (const name of ['walk', 'lock', 'expiry', 'ramp', 'confirm-one', 'confirm-pair', 'rush', 'groups', 'queue', 'soak'])
		assert.match(list.stdout, new RegExp(`^${name} +\\S`, 'm'));
});

// ---- servers that do everything wrong ---------------------------------------------------------

const bytes = (answer) => net.createServer((socket) => {
	socket.on('data', () => socket.end(answer));
});

test('answers that are none end a run with a sentence', async () => {
	const body = '{"items":[],"next_cursor":null}';
	const ok = 'HTTP/1.1 200 OK\r\n';
	await Promise.all([
		['garbage', /no answer/],
		['', /no answer/],
		[`${ok}Content-Length: 400\r\n\r\n{`, /no answer/],
		[`${ok}X: ${'x'.repeat(100000)}\r\n\r\n`, /no answer/],
		[`${ok}${'X: y\r\n'.repeat(10000)}\r\n`, /no answer/],
		[`${ok}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n`, /no answer/],
		[`${ok}Content-Length: 4\r\n\r\nnull`, /answered with 200/],
		[`${ok}Content-Length: 9\r\n\r\n{"items":`, /answered with 200/],
		[`${ok}Content-Length: 19\r\n\r\n{"items":[1,[],{}]}`, /no event on sale/],
		[`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${
			body.slice(5)}\r\n0\r\n\r\n`, /no event on sale/],
		[`HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n`, /answered with 404/],
	].map(([answer, said]) => serve(bytes(answer), async (url) => {
		const done = await loadgen(['walk', '--url', url]);
		assert.equal(done.status, 2, done.stdout + done.stderr);
		assert.match(done.stderr, said, answer.slice(0, 100));
	})));
});

// As much of the contract as a buyer needs, but for what `hold` and `confirm` do with it.
function pretender({ hold, confirm, busy = 0, account = () => false, make, line }) {
	const sections = [{ section_id: 'S', kind: line ? 'ga' : 'seated', capacity: 4, available: 4 }];
	const later = new Date(Date.now() + 3600000).toISOString();
	const shown = { event_id: '1', title: 'x', status: 'on_sale', queue: 'off', payment: 'none', hold_seconds: 60,
		sales_start: '2020-01-01T00:00:00Z', sales_end: later, max_seats_per_booking: 10, sections };
	const rows = [{ row: 'A', seats: [0, 1, 2, 3].map((position) => ({ seat_id: `S-A-${position}`, position })) }];
	let made = 0;
	const booking = (seats, more) => ({
		booking_id: `b-${++made}`, status: 'HOLD', created_at: new Date().toISOString(), expires_at: later,
		confirmed_at: null, items: seats.map((seat_id) => ({ section_id: 'S', seat_id, quantity: 1 })), ...more,
	});
	return http.createServer(async (request, response) => {
		let text = '';
		for await (const chunk of request) text += chunk;
		const say = (status, body) => {
			const out = typeof body === 'string' ? body : JSON.stringify(body);
			response.writeHead(status, { 'Content-Length': Buffer.byteLength(out) }).end(out);
		};
		const where = request.url.replace('/api/v1', '');
		if (where.startsWith('/auth/') && account(where, request, response, say)) return;
		if (where.startsWith('/events?')) say(200, { items: [shown], next_cursor: null });
		else if (where.endsWith('/seatmap')) say(200, { seats: 4, sections: [{ section_id: 'S', rows }] });
		else if (where.includes('/seatmap/status')) say(200, { version: 2, seats: 4, status: 'aaaa' });
		else if (where.endsWith('/availability')) say(200, { version: 2, sections: [{ ...sections[0], sold: 0 }] });
		else if (where === '/auth/register' && busy-- > 0) {
			response.writeHead(429, { 'Retry-After': 1, 'Content-Length': 2 }).end('{}');
		} else if (where === '/auth/register') say(201, { user_id: `u-${++made}` });
		else if (where === '/auth/login') say(200, { access_token: 'a', refresh_token: 'r', expires_in: 900 });
		else if (where === '/admin/events') make(request, response, () => say(201, shown));
		else if (line && !where.startsWith('/bookings')) line(where, say);
		else if (where === '/bookings/hold') hold(say, JSON.parse(text).seat_ids, booking, response);
		else confirm(say, booking, response);
	});
}

test('wrong answers to buyers are seen', async () => {
	const scenario = file('wrong.scenario');
	fs.writeFileSync(scenario, 'buyers = 4\nduration = 3\nseated S rows 1 seats 4\nbuyer:\nthink 0..100\n'
		+ 'pick 2 seats same\nhold\nretry\nconfirm\nrepeat 2 times\n');
	const good = (say, seats, booking) => say(201, booking(seats));
	const confirmed = (say, booking) => say(200, booking(['S-A-0', 'S-A-1'], { status: 'CONFIRMED' }));
	const refused = { type: '/problems/seats-unavailable', status: 409, seat_ids: ['S-A-0'] };
	await Promise.all([
		['nothing wrong', [], { hold: (say) => say(409, refused) }],
		['two owners', ['winners-at-once <= 1', 'different-replays = 0'], { hold: good }],
		['other seats', ['partial = 0', 'different-replays = 0'], {
			hold: (say, seats, booking) => say(201, booking(seats.slice(1))),
			confirm: (say) => say(409, refused) }],
		['no booking', ['unexpected = 0'], { hold: (say) => say(201, {}) }],
		['no JSON', ['unexpected = 0'], { hold: (say) => say(201, '<html>') }],
		['a status that was not earned', ['unexpected = 0'], { hold: (say) => say(422, { type: 'x' }) }],
		['500', ['5xx = 0'], { hold: (say) => say(500, 'oops') }],
		['late', ['late-confirms = 0'], { hold: (() => {
			let first;
			return (say, seats, booking) => say(first ? 409 : 201, first ??= booking(seats));
		})(), confirm: (say, booking) => say(200, booking(['S-A-0', 'S-A-1'],
			{ status: 'CONFIRMED', confirmed_at: '2999-01-01T00:00:00Z' })) }],
	].map(async ([name, failing, { hold, confirm = confirmed }]) => {
		await serve(pretender({ hold, confirm }), async (url) => {
			const report = file(`report ${name}`);
			const done = await loadgen([scenario, '--url', url, '--report', report]);
			assert.equal(done.status, failing.length ? 1 : 0, `${name}: ${done.stdout}${done.stderr}`);
			const failed = json(`report ${name}`).expectations.filter(({ verdict }) => verdict === 'FAILED');
			for (const one of failing) assert.ok(failed.some((e) => e.expect === one), `${name}: ${done.stdout}`);
		});
	}));
});

test('a request whose answer is lost is sent again under its key', async () => {
	const keys = [];
	const scenario = file('lost.scenario');
	fs.writeFileSync(scenario, 'buyers = 1\nduration = 20\nseated S rows 1 seats 4\nbuyer:\npick 1 seats same\nhold\n'
		+ 'expect lost = 2\nexpect holds = 1\nexpect 503 = 1\nexpect 5xx = 1\nexpect 429 = 1\n');
	const hold = (say, seats, booking, response) => {
		keys.push(response.req.headers['idempotency-key']);
		if (keys.length === 1) response.socket.destroy();
		else if (keys.length === 2) response.writeHead(201, { 'Content-Length': 900 }).write('{"booking');
		else if (keys.length === 3) say(503, { type: '/problems/unavailable' });
		else say(201, booking(seats));
		if (keys.length === 2) setTimeout(() => response.socket.destroy(), 20);
	};
	const began = Date.now();
	await serve(pretender({ hold, busy: 1 }), async (url) => {
		const done = await loadgen([scenario, '--url', url, '--history', file('h')]);
		assert.equal(done.status, 0, done.stdout + done.stderr);
	});
	assert.ok(Date.now() - began >= 1000, 'patience is asked for, and had');
	assert.equal(keys.length, 4);
	assert.equal(new Set(keys).size, 1);
	assert.deepEqual(lines('h').filter(({ op }) => op === 'hold').map(({ status }) => status), [0, 0, 503, 201]);
});

test('an account whose registration was lost knows whose it is', async () => {
	const scenario = file('who.scenario');
	fs.writeFileSync(scenario, 'buyers = 1\nduration = 20\nseated S rows 1 seats 4\nbuyer:\npick 1 seats same\nhold\n'
		+ 'expect holds = 1\n');
	const asked = [];
	const account = (where, request, response, say) => {
		asked.push(where);
		if (where === '/auth/me') say(200, { user_id: 'u-77' });
		else if (where === '/auth/login') return false;
		else if (asked.length === 1) response.socket.destroy();
		else say(409, { type: '/problems/email-taken' });
		return true;
	};
	await serve(pretender({ hold: (say, seats, booking) => say(201, booking(seats)), account }), async (url) => {
		const done = await loadgen([scenario, '--url', url, '--history', file('h')]);
		assert.equal(done.status, 0, done.stdout + done.stderr);
	});
	assert.deepEqual(asked, ['/auth/register', '/auth/register', '/auth/login', '/auth/me']);
	assert.equal(lines('h').find(({ op }) => op === 'hold').user, 'u-77');
});

test('a server that gives no accounts is not asked for ever', async () => {
	await Promise.all([
		[(say) => say(500, 'oops'), /fails again and again/],
		[(say, response) => response.writeHead(429, { 'Retry-After': 7200, 'Content-Length': 0 }).end(), /longer than an hour/],
	].map(([answer, said]) => serve(pretender({ account: (where, request, response, say) => {
		answer(say, response);
		return true;
	} }), async (url) => {
		const done = await loadgen(['walk', '--url', url, '--buyers', 20, '--quiet']);
		assert.equal(done.status, 2, done.stdout + done.stderr);
		assert.match(done.stderr, said);
	})));
});

test('interrupted while accounts are made, it ends at once', { timeout: 30000 }, async () => {
	let child, asked = 0;
	const account = (where, request, response, say) => {
		if (++asked === 16) child.kill('SIGINT');
		// Half of the answers come after the signal, half of them never.
		if (asked % 2) setTimeout(() => say(200, { access_token: 'a', refresh_token: 'r', expires_in: 900 }), 300);
		return true;
	};
	await serve(pretender({ account }), async (url) => {
		fs.writeFileSync(file('known'), `holdfast-loadgen accounts 1 ${url}\n${
			Array.from({ length: 20 }, (_, i) => `${i}@load.test p u-${i} - - 0\n`).join('')}`);
		const done = await loadgen(['walk', '--url', url, '--buyers', 16, '--accounts', file('known'), '--history', file('h')],
			(it) => { child = it; });
		assert.equal(done.status, 130, done.stdout + done.stderr);
	});
	assert.equal(lines('h').at(-1).calls, 16);
	assert.equal(fs.readFileSync(file('known'), 'utf8').trim().split('\n').length, 21);
});

test('an event is made once, though the answer is lost', async () => {
	const keys = [];
	const make = (request, response, made) => {
		keys.push(request.headers['idempotency-key']);
		if (keys.length === 1) response.socket.destroy();
		else made();
	};
	const hold = (say) => say(409, { type: '/problems/seats-unavailable', status: 409, seat_ids: ['S-A-0'] });
	await serve(pretender({ hold, make }), async (url) => {
		const done = await loadgen(['lock', '--url', url, '--config', env.HOLDFAST_CONF, '--buyers', 2, '--duration', 1,
			'--expect', 'holds = 0', '--expect', 'replays = 0']);
		assert.equal(done.status, 0, done.stdout + done.stderr);
	});
	assert.equal(keys.length, 2);
	assert.ok(keys[0]);
	assert.equal(keys[0], keys[1]);
});

test('a hold that has ended is given back in vain, and a crash may undo it', async () => {
	const scenario = file('back.scenario');
	fs.writeFileSync(scenario, 'buyers = 1\nduration = 20\nseated S rows 1 seats 4\nbuyer:\npick 1 seats same\nhold\nretry\n'
		+ 'release\n');
	const run = (status, ...more) => serve(pretender({
		hold: (say, seats, booking) => say(201, booking(seats)), // each time another one
		confirm: (say) => say(status, { type: '/problems/x' }),
	}), (url) => loadgen([scenario, '--url', url, '--report', file('r'), ...more]));
	const failed = () => json('r').expectations.filter(({ verdict }) => verdict === 'FAILED').map((e) => e.expect);

	assert.equal((await run(410)).status, 1);
	assert.deepEqual(failed(), ['different-replays = 0']);
	assert.equal((await run(404)).status, 1);
	assert.deepEqual(failed(), ['unexpected = 0', 'different-replays = 0']);
	for (const status of [404, 410]) {
		const done = await run(status, '--crash');
		assert.equal(done.status, 0, done.stdout + done.stderr);
	}
});

test('arrivals for which no buyer was free are told of', async () => {
	const scenario = file('late.scenario');
	fs.writeFileSync(scenario, 'buyers = 1\nduration = 1\nrate = 50\nseated S rows 1 seats 4\nbuyer:\nbrowse\npick 1 seats same\nhold\n');
	const hold = (say) => setTimeout(() => say(409, { type: '/problems/seats-unavailable', seat_ids: [] }), 700);
	await serve(pretender({ hold }), async (url) => {
		const done = await loadgen([scenario, '--url', url, '--report', file('r')]);
		assert.match(done.stdout, /^\d+ arrivals found no buyer free/m, done.stderr);
	});
	const { measures } = json('r');
	assert.ok(measures['unmet-arrivals'] > 40 && measures['p50-ms'] > 200, JSON.stringify(measures));
});

test('who stands in line when the run is over asks no more', async () => {
	const scenario = file('line.scenario'), polls = [];
	fs.writeFileSync(scenario, 'buyers = 2\nduration = 1\nga S capacity 4\nbuyer:\nqueue 1..1\nexpect lost = 0\n');
	const began = Date.now();
	// Each answer takes longer than is left, the next ones too long for the end.
	const line = (where, say) => {
		const poll = where === '/reservation/status';
		if (poll) polls.push(where);
		setTimeout(() => (poll ? say(200, { status: 'waiting', poll_after_seconds: 1 })
			: say(202, { token: 't', quantity: 1, poll_after_seconds: 1 })), poll ? 60000 : 1500).unref();
	};
	await serve(pretender({ line }), async (url) => {
		const done = await loadgen([scenario, '--url', url]);
		assert.equal(done.status, 0, done.stdout + done.stderr);
	});
	assert.deepEqual(polls, []);
	assert.ok(Date.now() - began < 8000);
});

test('with one seed each buyer chooses alike, whatever answers come first', async () => {
	const scenario = file('seed.scenario');
	fs.writeFileSync(scenario, 'buyers = 3\nduration = 20\nseated S rows 1 seats 4\nbuyer:\nthink 0..30\npick 1 seats any\nhold\n'
		+ 'repeat 10 times\n');
	const chosen = async (seed, slow) => {
		let asked = 0;
		const hold = (say) => setTimeout(() => say(409, { type: '/problems/seats-unavailable', seat_ids: [] }), asked++ % 3 === slow ? 60 : 0);
		await serve(pretender({ hold }), async (url) => {
			const done = await loadgen([scenario, '--url', url, '--seed', seed, '--history', file('h')]);
			assert.equal(done.status, 0, done.stdout + done.stderr);
		});
		const holds = lines('h').filter(({ op }) => op === 'hold');
		return [0, 1, 2].map((b) => holds.filter((call) => call.b === b).map(({ asked: { seats } }) => seats.join()));
	};
	const first = await chosen(7, 0);
	assert.deepEqual(first.map((seats) => seats.length), [10, 10, 10]);
	assert.equal(new Set(first.map(String)).size, 3, 'each for itself');
	assert.deepEqual(await chosen(7, 1), first);
	assert.notDeepEqual(await chosen(8, 1), first);
});

test('a server that turns everybody away for a while is not quick', async () => {
	const scenario = file('away.scenario');
	fs.writeFileSync(scenario, 'buyers = 1\nduration = 20\nseated S rows 1 seats 4\nbuyer:\npick 1 seats same\nhold\n'
		+ 'expect holds = 1\nexpect longest-ms >= 900\n');
	let until = 0, tries = 0;
	const hold = (say, seats, booking, response) => {
		until ||= Date.now() + 1000;
		if (Date.now() >= until) say(201, booking(seats));
		else if (tries++ % 2) say(409, { type: '/problems/busy' });
		else response.socket.destroy();
	};
	await serve(pretender({ hold }), async (url) => {
		const done = await loadgen([scenario, '--url', url, '--history', file('h')]);
		assert.equal(done.status, 0, done.stdout + done.stderr);
	});
	const holds = lines('h').filter(({ op }) => op === 'hold');
	assert.ok(holds.length > 3);
	assert.deepEqual([...new Set(holds.map(({ due }) => due))], [holds[0].due], 'meant once, and sent again');
});
