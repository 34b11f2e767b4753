// Streams of changes: what is told, how often, to whom; and that nothing which happens to whoever streams
// is any concern of a booking.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, afterEach, before, test } = require('node:test');

const { assertProblem, assertStatus, call, get, put } = require('../lib/client.js');
const { configuration } = require('../lib/front.js');
const { scrape } = require('../lib/metrics.js');
const stack = require('../lib/stack.js');
const { Stream, live, toldLast, version, watch } = require('../lib/stream.js');
const { buyer, event, eventBody, held, hold, move, staff } = require('../lib/world.js');

const floor = (capacity) => ({ sections: [{ name: 'Floor', capacity, base_price: 500 }] });
// What a slow machine under load may take where two seconds are promised.
const SLOW = 8;

let olga, ann;
const streams = [];

before(async () => {
	[olga, ann] = await Promise.all([staff(), buyer()]);
});
afterEach(() => {
	for (const stream of streams.splice(0)) stream.close();
});
after(() => stack.verify());

async function watched(id, options) {
	const stream = await watch(id, options);
	streams.push(stream);
	return stream;
}

// An event that Redis keeps, and whose last change has been told.
async function settledEvent(changes = floor(1000)) {
	const made = await event(olga, changes);
	const id = made.event_id;
	assertStatus(await get(`/events/${id}/availability`), 200);
	await stack.kept(id);
	await stack.until('all is told', () => stack.redis('hget', `hf:{${id}}:told`, 'version') === String(version(id)));
	return { ...made, id };
}

// Until a notice has come that says what Redis keeps now, after what is done here.
async function tells(stream, id, what, deed) {
	const before = stream.notices.length;
	const result = await deed();
	await stack.until(`a notice of ${what}`, () => stream.notices.length > before, SLOW);
	await toldLast(stream, id, SLOW);
	return result;
}

const sent = async () => {
	const { families } = await scrape();
	return Object.fromEntries([...families.get('holdfast_live_notices_total').samples.values()]
		.map((sample) => [sample.labels.result, sample.value]));
};

test('what a stream looks like', async () => {
	const { id } = await settledEvent();
	const stream = await watched(id, { headers: { Origin: 'https://shop.example.test' } });
	assert.match(stream.headers['content-type'], /^text\/event-stream/);
	assert.equal(stream.headers['cache-control'], 'no-store');
	assert.equal(stream.headers['x-content-type-options'], 'nosniff');
	assert.match(stream.headers['x-request-id'], /^[0-9a-f]{32}$/);
	assert.equal(stream.headers['content-encoding'], undefined);
	const booking = await tells(stream, id, 'a hold', () => held(ann, id, 1));
	const [notice] = stream.notices;
	assert.equal(notice.event_id, id);
	assert.ok(Math.abs(Date.parse(notice.as_of) - Date.parse(booking.created_at)) < 60000);
	const status = assertStatus(await get(`/events/${id}/seatmap/status`), 200).body;
	assert.equal(status.version, stream.notices.at(-1).version);
});

test('every change is told: bookings, staff, jobs, what is rebuilt', async () => {
	const { id, version: first } = await settledEvent({ ...floor(1000), hold_seconds: 3600 });
	const stream = await watched(id);
	const booking = await tells(stream, id, 'a hold', () => held(ann, id, 2));
	await tells(stream, id, 'a confirm', () => move(ann, booking, 'confirm'));
	await tells(stream, id, 'a cancel', () => move(ann, booking, 'cancel'));
	const other = await tells(stream, id, 'a hold', () => held(ann, id, 2));
	await tells(stream, id, 'a release', () => move(ann, other, 'release'));
	await tells(stream, id, 'a change by staff', async () => assertStatus(await put(`/admin/events/${id}`,
		{ title: 'Another evening', version: first }, { token: olga.token }), 200));
	const due = await tells(stream, id, 'a hold', () => held(ann, id, 1));
	await tells(stream, id, 'the end of a hold', () => {
		stack.expire(due.booking_id);
		const done = stack.program('janitor');
		assert.equal(done.status, 0, done.stderr);
	});
	await tells(stream, id, 'a rebuild', async () => {
		stack.forget(id);
		stack.reconcile(id);
	});
});

test('places that were due are given back by somebody who gets none, and that is told', async () => {
	const { id } = await settledEvent(floor(4));
	const stream = await watched(id);
	const due = await tells(stream, id, 'a hold', () => held(ann, id, 2));
	await tells(stream, id, 'a hold', () => held(ann, id, 1));
	stack.sql(`update bookings set expires_at = now() - interval '1 second' where booking_id = '${due.booking_id}';
		update ga_claims set expires_at = now() - interval '1 second' where booking_id = '${due.booking_id}'`);
	const entry = stack.redis('hget', `hf:{${id}}:entry`, due.booking_id).split('|');
	entry[2] = '1';
	stack.redis('hset', `hf:{${id}}:entry`, due.booking_id, entry.join('|'));
	stack.redis('zadd', `hf:{${id}}:due`, 1, due.booking_id);
	await tells(stream, id, 'what was given back', async () => assertProblem(
		await hold(ann, { event_id: id, section_id: 'Floor', seats_requested: 4 }), 409, 'sold-out'));
});

test('a burst: at most one notice a second, and the last change within two', async () => {
	const { id } = await settledEvent(floor(100000));
	const crowd = await Promise.all(Array.from({ length: 8 }, () => buyer()));
	const [one, other] = await Promise.all([watched(id), watched(id)]);
	const end = performance.now() + 3500;
	const counts = await Promise.all(crowd.map(async (who) => {
		let done = 0;
		for (; performance.now() < end; done++) await held(who, id, 1);
		return done;
	}));
	const stopped = performance.now();
	await toldLast(one, id, SLOW);
	const last = one.notices.at(-1);
	assert.ok(last.at - stopped < SLOW * 1000);
	await toldLast(other, id, SLOW);
	assert.ok(counts.reduce((a, b) => a + b) > 20);
	assert.ok(one.notices.length >= 3, `${one.notices.length} notices`);
	const times = one.notices.map((notice) => Date.parse(notice.as_of));
	for (let i = 1; i < times.length; i++) {
		assert.ok(times[i] - times[i - 1] >= 1000, `${times}`);
		assert.ok(one.notices[i].version > one.notices[i - 1].version);
	}
	assert.deepEqual(other.notices.map((notice) => notice.version), one.notices.map((notice) => notice.version));
	// All is told, so nothing more is.
	await stack.pause(1500);
	assert.equal(one.notices.length, times.length);
});

test('events are told of apart', async () => {
	const [a, b] = await Promise.all([settledEvent(), settledEvent()]);
	const [one, other] = await Promise.all([watched(a.id), watched(b.id)]);
	await tells(one, a.id, 'a hold', () => held(ann, a.id, 1));
	assert.equal(other.notices.length, 0);
	await tells(other, b.id, 'a hold', () => held(ann, b.id, 1));
	assert.deepEqual(new Set(other.notices.map((notice) => notice.event_id)), new Set([b.id]));
});

test('the last change is told also when all who knew of it are killed', async () => {
	const { id } = await settledEvent();
	const stream = await watched(id);
	for (let round = 0; round < 3; round++) {
		await tells(stream, id, 'a hold', () => held(ann, id, 1));
		// The second of the first is not over: this one is owed, and those who owe it die.
		await held(ann, id, 1);
		const owing = stack.workers('booking');
		for (const pid of owing) process.kill(pid, 'SIGKILL');
		await stack.until('others work', () => {
			const now = stack.workers('booking');
			return now.length === owing.length && !now.some((pid) => owing.includes(pid));
		});
		await toldLast(stream, id, SLOW);
	}
});

test('whoever reads, and the job that compares, find what nobody has told', async () => {
	const { id } = await settledEvent();
	const stream = await watched(id);
	const untold = () => stack.redis('hincrby', `hf:{${id}}:meta`, 'version', 2);
	await tells(stream, id, 'what a reader sees', async () => {
		untold();
		assertStatus(await get(`/events/${id}/availability`), 200);
	});
	await tells(stream, id, 'what the job sees', () => {
		untold();
		const done = stack.program('reconcile', ['--light']);
		assert.equal(done.status, 0, done.stderr);
	});
});

test('who watches may come back, and hears what comes then', async () => {
	const { id } = await settledEvent();
	const first = await watched(id);
	await tells(first, id, 'a hold', () => held(ann, id, 1));
	const [, mark] = /^id: (.*)$/m.exec(first.text);
	first.close();
	const again = await watched(id, { headers: { 'Last-Event-ID': mark }, query: `?last_event_id=${mark}` });
	assert.equal(again.notices.length, 0, 'what was told before is read from the map');
	await tells(again, id, 'a hold', () => held(ann, id, 1));
});

test('only what everybody may see is streamed', async () => {
	const refused = async (id) => {
		const stream = await new Stream(id, { headers: { Authorization: `Bearer ${olga.token}` } }).opened;
		await stack.until('it ends', () => stream.ended);
		assert.equal(stream.status, 404);
		assert.equal(JSON.parse(stream.text).type, '/problems/not-found');
	};
	for (const id of ['999999999', '2147483648', '9999999999', '0', '01', 'x']) await refused(id);
	const draft = await event(olga, { ...floor(10), status: 'draft' });
	await refused(draft.event_id);
	assertStatus(await put(`/admin/events/${draft.event_id}`, { status: 'on_sale', version: draft.version },
		{ token: olga.token }), 200);
	await stack.until('it is there', async () => {
		const stream = await new Stream(draft.event_id).opened;
		stream.close();
		return stream.status === 200;
	});
});

test('other methods', async () => {
	const { id } = await settledEvent();
	const where = `/events/${id}/stream`;
	assert.equal((await call('HEAD', where)).status, 204);
	for (const method of ['POST', 'PUT', 'DELETE'])
		assert.match(assertProblem(await call(method, where), 405, 'method-not-allowed') && (await call(method, where)).headers.allow, /GET/);
});

test('with live off nothing is streamed, and the answer says what to do', async () => {
	const { id } = await settledEvent();
	const made = configuration('127.0.0.1:1', { HOLDFAST_LIVE: 'off' });
	assert.equal(made.status, 0, made.stderr);
	const row = '/stream$" $holdfast_event;';
	assert.ok(configuration('127.0.0.1:1').stdout.includes(row));
	assert.ok(!made.stdout.includes(row), 'the path is left to the pool');
	const answer = spawnSync(path.join(stack.env.HOLDFAST_BIN, 'holdfast-catalog'), ['--config', stack.env.HOLDFAST_CONF], {
		encoding: 'utf8', env: { HOLDFAST_LIVE: 'off', GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: 'GET',
			REQUEST_URI: `/api/v1/events/${id}/stream`, REMOTE_ADDR: '127.0.0.1' } });
	assert.match(answer.stdout, /^Status: 404/m);
	assert.match(answer.stdout, /"detail":"Nothing is streamed here: poll the event's seatmap\/status\."/);
});

// ---- what happens to whoever streams -------------------------------------------------------------

const liveFile = () => path.join(stack.env.HOLDFAST_PIDS, 'live.pid');

// The median of so many holds, in ms.
async function pace(id, holds = 60) {
	const took = [];
	for (let i = 0; i < holds; i++) {
		const began = performance.now();
		await held(ann, id, 1);
		took.push(performance.now() - began);
	}
	return took.sort((a, b) => a - b)[holds >> 1];
}

// As before, at least once: a machine may be busier for a while.
async function assertPace(id, usual) {
	let now = await pace(id);
	for (let i = 0; i < 4 && now >= 3 * usual + 10; i++) now = await pace(id);
	assert.ok(now < 3 * usual + 10, `${now} ms, and ${usual} before`);
}

test('without whoever streams: holds as ever, 503 for those who watch, and all is well again', async () => {
	const { id } = await settledEvent();
	const usual = await pace(id);
	const stream = await watched(id);
	const before = await sent();
	process.kill(Number(fs.readFileSync(liveFile(), 'utf8')), 'SIGTERM');
	await stack.until('the stream has ended', () => stream.ended);
	await stack.until('it is away', async () => (await new Stream(id).opened).status === 503);
	const refused = await new Stream(id).opened;
	assert.ok(Number(refused.headers['retry-after']) > 0);
	await stack.until('the answer is whole', () => refused.ended);
	assert.equal(JSON.parse(refused.text).type, '/problems/unavailable');
	await assertPace(id, usual);
	await stack.until('it is counted', async () => (await sent()).away > before.away);
	stack.up();
	const again = await watched(id);
	await tells(again, id, 'a hold', () => held(ann, id, 1));
});

test('while whoever streams hangs: holds as ever, and the last change is told once it goes on', async () => {
	const { id } = await settledEvent();
	const usual = await pace(id);
	const stream = await watched(id);
	const pids = [stack.pidOf('live'), ...live.workers()];
	const before = await sent();
	for (const pid of pids) process.kill(pid, 'SIGSTOP');
	try {
		await assertPace(id, usual);
		await stack.until('they are counted', async () => {
			assertStatus(await hold(ann, { event_id: id, section_id: 'Floor', seats_requested: 1 }), 201);
			return (await sent()).busy > before.busy;
		});
		assert.equal(stream.ended, false);
	} finally {
		for (const pid of pids) process.kill(pid, 'SIGCONT');
	}
	await toldLast(stream, id, SLOW);
});

test('its worker killed: those who watch come back, and it is the next that serves them', async () => {
	const { id } = await settledEvent();
	const stream = await watched(id);
	const [worker] = live.workers();
	process.kill(worker, 'SIGKILL');
	await stack.until('the stream has ended', () => stream.ended);
	await stack.until('another one works', () => live.workers().some((pid) => pid !== worker));
	const again = await watched(id);
	await tells(again, id, 'a hold', () => held(ann, id, 1));
});

test('while Redis is away changes are told without a version, and with one once it is back', async () => {
	const { id } = await settledEvent();
	const stream = await watched(id);
	process.kill(stack.pidOf('redis'), 'SIGKILL');
	await held(ann, id, 1);
	await stream.count(1, SLOW);
	assert.equal(stream.notices[0].version, null);
	assert.equal(stream.notices[0].event_id, id);
	stack.startRedis();
	await stack.redisFound();
	await stack.until('it is told with a version', async () => {
		assertStatus(await hold(ann, { event_id: id, section_id: 'Floor', seats_requested: 1 }), 201);
		return stream.notices.at(-1).version !== null;
	});
	await toldLast(stream, id, SLOW);
});

// ---- whoever writes a client ---------------------------------------------------------------------

test('the example of docs/live.md reads when it must, and polls where nothing is streamed', async () => {
	const code = /```js\n([^]*?)```/.exec(fs.readFileSync(path.join(stack.tree, 'docs/live.md'), 'utf8'))[1];
	const asked = [], shown = [], streams = [];
	let version = 7, ok = true;
	class EventSource {
		constructor(url) {
			this.url = url;
			this.readyState = 0;
			streams.push(this);
		}

		addEventListener(name, act) {
			assert.equal(name, 'changed');
			this.tell = (told) => act({ data: JSON.stringify({ event_id: '5', version: told }) });
		}
	}
	EventSource.CLOSED = 2;
	const read = async (url) => {
		asked.push(url);
		return { ok, json: async () => ({ version }) };
	};
	const settle = () => new Promise((resolve) => { setImmediate(resolve); });
	// Its time, which passes when it is told to.
	const timers = new Map();
	let now = 0, last = 0;
	const timer = (again) => (act, ms, ...args) => {
		timers.set(++last, { act: () => act(...args), at: now + ms, again: again && ms });
		return last;
	};
	const pass = async (ms) => {
		for (const end = now + ms; now < end; now += 1000) {
			for (const [id, one] of [...timers].filter(([, { at }]) => at <= now + 1000)) {
				if (one.again) one.at += one.again;
				else timers.delete(id);
				one.act();
			}
		}
		await settle();
	};
	new Function('EventSource', 'fetch', 'setTimeout', 'setInterval', 'clearInterval', `${code}; return watch;`)(
		EventSource, read, timer(false), timer(true), (id) => timers.delete(id))(5, (map) => shown.push(map.version));
	const [stream] = streams;
	assert.equal(stream.url, '/api/v1/events/5/stream');
	stream.onopen();
	await settle();
	assert.deepEqual([asked, shown], [['/api/v1/events/5/seatmap/status'], [7]]);
	stream.tell(7);
	await settle();
	assert.equal(asked.length, 1, 'it knows that');
	stream.tell(9);
	await settle();
	assert.deepEqual(shown, [7, 7], 'an old map');
	version = 9;
	await pass(1000);
	assert.deepEqual(shown, [7, 7, 9]);
	await pass(10000);
	stream.tell(null);
	await settle();
	assert.deepEqual(shown, [7, 7, 9, 9], 'a notice without a version');
	stream.onerror();
	await pass(10000);
	assert.equal(asked.length, 4, 'EventSource comes back by itself');
	ok = false;
	stream.readyState = EventSource.CLOSED;
	stream.onerror();
	await pass(10000);
	assert.equal(asked.length, 9, 'it polls');
	await pass(30000);
	assert.equal(streams.length, 2, 'and tries again');
	streams[1].onopen();
	await settle();
	const before = asked.length;
	await pass(60000);
	assert.equal(asked.length, before, 'without polling');
});
