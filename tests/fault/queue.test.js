// Workers of the queue die, or lose a connection, between any two side effects of joining, leaving, serving
// and beginning a line anew. Needs a build with fault points: `make check-fault`.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, before, test } = require('node:test');

const crowd = require('../lib/crowd.js');
const faults = require('../lib/faults.js');
const stack = require('../lib/stack.js');

const LINES = 10, PEOPLE = 6;
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1e9));
const events = [];
let size;

before(() => {
	size = crowd.workers('queue').length;
});
afterEach(() => {
	faults.disarm();
	stack.sql(`update events set status = 'closed' where event_id = any ('{${events}}')`);
	for (const event of events.splice(0)) stack.forget(event);
});

const points = (action) => faults.pointsOf(['queue'], action).filter((name) => !/room/.test(name));

// Often where few come by; never so often that a line stands still for the deadline of a batch most of the time.
const rates = [
	[/again|epoch|begin|return|leave|left/, 200],
	[/^queue[_/.](serve|picked|decided|put|told)/, 30],
	[/./, 15],
];
const rateOf = (point) => rates.find(([pattern]) => pattern.test(point))[1];

// Any answer but one that must never come.
async function ask(request) {
	const answer = await crowd.send(request).catch(() => null);
	assert.ok(!answer || [502, 503, 504].includes(answer.status) || answer.status < 500, answer?.text);
	return answer;
}

const get = (token) => ask({ method: 'GET', where: `/reservation/status?token=${token}` });
const say = (who, where, body) => ask({ method: 'POST', where, token: who.token, body });

// One line: an owner who holds places and gives them back, people who join, ask, leave, confirm or let go.
class Line {
	static async open() {
		const line = new Line();
		line.event = await crowd.eventWith({ places: 12, hold_seconds: 600 });
		events.push(line.event);
		await crowd.redisBuild(line.event);
		[line.owner, ...line.people] = crowd.buyers(1 + PEOPLE);
		line.answers = 0;
		return line;
	}

	begin() {
		this.running = Promise.all([this.#own(), ...this.people.map((who, i) => this.#wait(who, i))]);
	}

	// Takes what is free, so that others wait, and gives it back.
	async #own() {
		while (!this.over) {
			const held = await ask(crowd.holdPlaces(this.owner, this.event, 4));
			await crowd.sleep(30);
			if (held?.status === 201) await ask(crowd.move(this.owner, 'release', held.body.booking_id));
			if (Math.random() < 0.04) stack.forget(this.event);
		}
	}

	async #wait(who, i) {
		for (let round = i; !this.over; round++) {
			const joined = await say(who, '/queue/join', { event_id: String(this.event), section_id: 'G', quantity: 1 + (i % 3) });
			if (joined?.status !== 202) {
				await crowd.sleep(20);
				continue;
			}
			const { token } = joined.body;
			for (let polls = 0; polls < 6 && !this.over; polls++) {
				const is = await get(token);
				this.answers++;
				if (is?.body && !['waiting', 'sold_out'].includes(is.body.status)) break;
				await crowd.sleep(15);
			}
			// Kept is nothing, so that there are always places to come back.
			if (round % 3) await say(who, '/queue/leave', { token });
		}
	}

	// What there is of the line, in PostgreSQL and in Redis.
	#story() {
		const rows = crowd.sql(`select b.user_id, b.booking_id, b.status, b.places, b.expires_at > now(), t.epoch, t.number, t.outcome
			from holdfast.bookings b left join holdfast.queue_tickets t using (event_id, booking_id)
			where b.event_id = ${this.event} and (b.status in ('HOLD', 'RESERVED', 'CONFIRMED') or t.booking_id is not null)
			order by b.created_at desc limit 40`);
		const kept = (kind, name) => `${name}: ${stack.redis(kind === 'zset' ? 'zrange' : 'hgetall', `hf:{${this.event}}:${name}`,
			...(kind === 'zset' ? [0, -1, 'withscores'] : [])).split('\n').join(' ')}`;
		return [`owner ${this.owner.id}`, ...rows.map((row) => row.join(' ')), kept('hash', 'count'), kept('hash', 'q:G:state'),
			kept('zset', 'q:G:line'), kept('hash', 'q:G:serving'), kept('hash', 'q:G:done')].join('\n');
	}

	// Everybody joins once more; at the end all that fits has been given, to nobody twice.
	async settle() {
		this.over = true;
		await this.running;
		const tokens = [];
		for (const who of this.people) {
			const answer = await crowd.insist({ method: 'POST', where: '/queue/join', token: who.token,
				body: { event_id: String(this.event), section_id: 'G', quantity: 1 } });
			assert.equal(answer.status, 202, answer.text);
			tokens.push(answer.body.token);
		}
		let last;
		await stack.until(`all of line ${this.event} are served`, async () => {
			const all = await Promise.all(tokens.map(async (token) => (await crowd.insist(
				{ method: 'GET', where: `/reservation/status?token=${token}` })).body));
			last = all;
			return all.every(({ status, reason }) => status === 'reserved' || reason === 'already-reserved');
		}, 200).catch((error) => assert.fail(`${error.message}: ${JSON.stringify(last)}\n${this.#story()}`));
		const [[twice]] = crowd.sql(`select count(*) from (select user_id from holdfast.bookings
			where event_id = ${this.event} and status = 'HOLD' and expires_at > now() and user_id <> '${this.owner.id}'
			group by 1 having count(*) > 1) as q`);
		assert.equal(twice, '0', 'somebody has two open places');
		assert.equal(stack.redis('sismember', 'hf:lines', `${this.event}:G`).trim(), '1', 'a line that nobody counts');
	}
}

async function survive(t, rules) {
	t.diagnostic(`seed ${seed}`);
	const lines = [];
	while (lines.length < LINES) lines.push(await Line.open());
	let failed;
	for (const line of lines) {
		line.begin();
		line.running.catch((error) => { failed ??= error; });
	}
	faults.arm(seed, rules);
	try {
		const counts = await faults.allFired(seed, rules, { busy: () => {
			if (failed) throw failed;
		} });
		t.diagnostic(`fired: ${Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(', ')}`);
	} finally {
		faults.disarm();
		for (const line of lines) line.over = true;
	}
	await stack.until('all workers', () => crowd.workers('queue').length === size);
	await Promise.all(lines.map((line) => line.settle()));
	t.diagnostic(`answers: ${lines.reduce((sum, line) => sum + line.answers, 0)}`);
	crowd.booksCheck();
	await crowd.verify(lines.map((line) => line.event));
}

const lost = [['queue/serve.sent', 'cut-postgres', 60, true]];
const rulesOf = (action) => points(action).map((point) => [point, action, rateOf(point)]);

// Places of one who is being served: a worker died with them, and the next with the word that they are given up.
test('a death before PostgreSQL is told of one who leaves while being served', async () => {
	const line = await Line.open();
	const [who] = line.people;
	const of = (name) => stack.redis('hexists', `hf:{${line.event}}:q:G:${name}`, who.id).trim();
	const insist = (method, where, body) => crowd.insist({ method, where, body, token: who.token });
	faults.arm(seed, [['queue.picked', 'kill', 1000]]);
	const { body: { token } } = await insist('POST', '/queue/join', { event_id: String(line.event), section_id: 'G', quantity: 2 });
	await stack.until('a worker has died with a place', () => faults.fired()['queue.picked kill'] && of('serving') === '1');
	faults.disarm();
	faults.arm(seed, [['queue/leave.sending', 'kill', 1000]]);
	await ask({ method: 'POST', where: '/queue/leave', token: who.token, body: { token } });
	assert.ok(faults.fired()['queue/leave.sending kill'] > 0, 'nobody died');
	faults.disarm();
	assert.equal(of('serving'), '1', 'the place is lost');
	assert.equal(crowd.sql(`select count(*) from holdfast.queue_tickets where event_id = ${line.event}`)[0][0], '0');
	assert.equal((await insist('POST', '/queue/leave', { token })).status, 204);
	assert.equal((await insist('GET', `/reservation/status?token=${token}`)).body.status, 'left');
	assert.deepEqual([of('serving'), stack.redis('sismember', `hf:{${line.event}}:waits`, 'G').trim()], ['0', '0']);
	const [owner] = crowd.buyers(1);
	assert.equal((await crowd.insist(crowd.holdPlaces(owner, line.event, 10))).status, 201, 'kept for nobody');
	await crowd.verify([line.event]);
});

test('workers of the queue are killed', (t) => survive(t, [...rulesOf('kill'), ...lost]));
test('workers of the queue lose connections', (t) => survive(t, [...rulesOf('cut-postgres'), ...rulesOf('cut-redis'), ...lost]));
