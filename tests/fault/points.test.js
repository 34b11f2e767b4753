// Processes that die, or lose a connection, between any two side effects of a hold, a confirm, a release, a
// cancel, and of the jobs, while a sale is on. Needs a build with fault points: `make check-fault`. LONG=1
// takes the points one by one. FAULT_SEED repeats the decisions of an earlier run.
'use strict';

const assert = require('node:assert/strict');
const { execFile, spawnSync } = require('node:child_process');
const path = require('node:path');
const { afterEach, before, test } = require('node:test');

const crowd = require('../lib/crowd.js');
const faults = require('../lib/faults.js');
const { Redis } = require('../lib/redis.js');
const { Sale, randomOf, settle } = require('../lib/sale.js');
const stack = require('../lib/stack.js');
const { Corners } = require('./corners.js');

const long = Boolean(process.env.LONG);
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 1e9));
const holdSeconds = 2;
const events = []; // of the test under way
let size;

before(async () => {
	size = crowd.workers('booking').length;
	assert.ok(size >= 4, `${size} workers`);
});
// Also after a failure: what is left of one test is no concern of the next, nor of its jobs.
afterEach(() => {
	faults.disarm();
	stack.sql(`update events set status = 'closed', sales_start = now() - interval '3 hours',
		sales_end = now() - interval '2 hours' where event_id = any ('{${events}}')`);
	for (const event of events.splice(0)) stack.forget(event);
});

// How often a point's rules fire, of a thousand times that somebody comes by: often where few do.
const rates = [
	[/again$|undone|confirm_seats|flush|unheard/, 150],
	[/^(janitor\/trim|job\/end|job.batched|mend|repair|recount|learn|glance|discard)/, 250],
	[/^(job|janitor|fence)/, 50],
	[/^(confirm|release|cancel|move|put|drop|booking\/(confirm|release|cancel))/, 25],
	[/^install/, 8],
	[/./, 6],
];
const rateOf = (point) => rates.find(([pattern]) => pattern.test(point))[1];
const ruleOf = (action) => (point) => [point, action, rateOf(point)];

// Answers that are lost, so that there is a second question.
const losses = ['hold', 'confirm', 'release', 'cancel', 'confirm_seats']
	.map((verb) => [`booking/${verb}.sent`, 'cut-postgres', 40, true]);

// Until the pool has all its workers, and each of them has found both servers again.
async function whole() {
	await stack.until('all workers', () => crowd.workers('booking').length === size);
	await Promise.all([stack.postgresFound(), stack.redisFound()]);
}

// Before anything is repaired: seats that were only ever held are free once the hold is over. What was
// cancelled may look taken to Redis until it is reconciled.
async function noLeak(sale) {
	await crowd.sleep(Math.max(0, sale.ended + (holdSeconds + 1) * 1000 - Date.now()));
	const taken = new Set(crowd.sql(`select p from holdfast.bookings, unnest(positions) as p
		where event_id = ${sale.event} and confirmed_at is not null`).map(([p]) => Number(p)));
	const free = crowd.range(sale.seats).filter((number) => !taken.has(number - 1));
	const [buyer] = crowd.buyers(1);
	while (free.length > 0) {
		const answer = await crowd.insist(crowd.hold(buyer, sale.event, free.splice(0, 10)));
		assert.equal(answer.status, 201, answer.text);
	}
}

// Once all is repaired: every place that is not sold can be held, and no more.
async function allToBeHad(sale) {
	const [[taken]] = crowd.sql(`select coalesce(sum(quantity), 0) from holdfast.ga_claims
		where event_id = ${sale.event} and (state = 'b' or expires_at > now())`);
	const [buyer] = crowd.buyers(1);
	for (let left = sale.places - Number(taken); left > 0; left -= 10) {
		const answer = await crowd.insist(crowd.holdPlaces(buyer, sale.event, Math.min(left, 10)));
		assert.equal(answer.status, 201, `${left} left: ${answer.text}`);
	}
	assert.equal((await crowd.insist(crowd.holdPlaces(buyer, sale.event, 1))).slug, 'sold-out');
}

// Fences of those that were killed, as if their lease were over.
const fencesDown = () => events.forEach((event) => stack.redis('del', `hf:{${event}}:fence`));

/*
 * A sale under these rules until each has fired; then everything is held against the books. The jobs run
 * meanwhile, over and over.
 */
async function survive(t, rules, { jobs = [], seconds = 300, often = 1 }) {
	t.diagnostic(`seed ${seed}`);
	const sale = await Sale.open({ seed, holdSeconds, seats: 300, places: 300, think: 10 });
	const corners = await Corners.open();
	events.push(sale.event, corners.event);
	const damaged = jobs.includes(reconciles) ? await toBeDamaged() : null;
	let over = false, counts, failed;

	for (const event of events) await crowd.redisBuild(event);
	sale.begin();
	corners.begin();
	faults.arm(seed, rules);
	const running = jobs.map((job) => job({ sale, damaged, isOver: () => over })
		.catch((error) => { failed ??= error; }));
	try {
		counts = await faults.allFired(seed, rules, { often, seconds, busy: () => {
			if (failed) throw failed;
			corners.complain();
		} });
	} finally {
		over = true;
		await Promise.all(running);
		faults.disarm();
		await sale.end();
		await corners.end();
	}
	t.diagnostic(`fired: ${Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(', ')}`);
	t.diagnostic(`answers: ${JSON.stringify(sale.tally())}, corners: ${corners.rounds} rounds`);
	for (const { status, text } of sale.answers) assert.ok([0, 502, 503, 504].includes(status) || status < 500, text);
	await whole();
	fencesDown();
	await sale.check({ replays: 400 });
	await noLeak(sale);
	if (damaged) await crowd.redisBuild(damaged);
	await settle([sale, corners]);
	await allToBeHad(sale);
}

// ---- jobs beside a sale ---------------------------------------------------------------------------

// Done; stopped by a fault; 75: a server was away, which is what a lost connection looks like.
const mayEnd = [0, 70, 75, 'SIGKILL'];

function runJob(name, ...args) {
	return new Promise((resolve, reject) => {
		execFile(path.join(stack.env.HOLDFAST_BIN, `holdfast-${name}`),
			['--config', stack.env.HOLDFAST_CONF, ...args], (error, stdout, stderr) => {
				const end = error ? error.signal ?? error.code : 0;
				if (mayEnd.includes(end)) resolve();
				else reject(new Error(`${name} ended with ${end}: ${stderr}`));
			});
	});
}

async function janitors({ isOver }) {
	while (!isOver()) await runJob('janitor');
}

async function toBeDamaged() {
	const event = await crowd.eventWith({ seats: 40, places: 40, hold_seconds: 600 });
	const [buyer] = crowd.buyers(1);
	for (const number of crowd.range(8)) {
		await crowd.insist(crowd.hold(buyer, event, [2 * number]));
		const held = await crowd.insist(crowd.holdPlaces(buyer, event, 1, `damaged-${number}`));
		if (number > 4) await crowd.insist(crowd.move(buyer, 'release', held.body.booking_id));
	}
	events.push(event);
	return event;
}

// Something of everything that is kept of an event, unless nothing is; and of an event that never was.
const damage = `
	local key = function(name) return KEYS[1] .. ':' .. name end
	if redis.call('hexists', key('meta'), 'stamp') == 1 then
		redis.call('setrange', key('seats'), ARGV[1], 'b')
		redis.call('hincrby', key('count'), 'h:G', 3)
		redis.call('hdel', key('entry'), redis.call('hkeys', key('entry'))[1] or '')
		redis.call('del', key('used'))
	end
	redis.call('hset', 'hf:{2000000000}:meta', 'version', 1)
	redis.call('del', key('fence'), ARGV[2])`;

// Reconciles what is whole, what has lost its state, and what has been damaged.
async function reconciles({ sale, damaged, isOver }) {
	const random = randomOf(seed);
	const redis = new Redis();
	while (!isOver()) {
		const event = random() < 0.3 ? sale.event : damaged;
		if (random() < 0.25) stack.forget(event);
		await redis.call('EVAL', damage, 1, `hf:{${damaged}}`, Math.floor(random() * 40), `hf:{${sale.event}}:fence`);
		const how = random();
		const args = how < 0.2 ? ['--light'] : how < 0.5 ? ['--full'] : ['--event', String(event)];
		await runJob('reconcile', ...args);
	}
	redis.close();
}

// ---- the tests ------------------------------------------------------------------------------------

test('the same seed decides alike, another one differently', async () => {
	const program = path.join(stack.env.HOLDFAST_BIN, 'holdfast-catalog');
	const run = (number) => {
		faults.disarm();
		faults.arm(number, [['request.begun', 'exit', 300]]);
		return Array.from({ length: 40 }, () => spawnSync(program, ['--config', stack.env.HOLDFAST_CONF], {
			env: { ...process.env, GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: 'GET', REQUEST_URI: '/api/v1/healthz',
				QUERY_STRING: '', REMOTE_ADDR: '127.0.0.1' }, input: '',
		}).status === 70);
	};
	const first = run(seed);
	const hits = first.filter(Boolean).length;
	assert.ok(hits > 0 && hits < 40, `${hits} of 40`);
	assert.deepEqual(run(seed), first);
	assert.notDeepEqual(run(seed + 1), first);
});

const pool = { who: ['booking'], often: 2, more: losses };
const tidying = { who: ['janitor', 'job', 'reconcile'], jobs: [janitors, reconciles], more: [] };
const rulesOf = ({ who }, action) => faults.pointsOf(who, action).map(ruleOf(action));

function surviveAll(name, what, actions) {
	if (!long) {
		test(name, (t) => survive(t, [...actions.flatMap((action) => rulesOf(what, action)), ...what.more], what));
		return;
	}
	for (const action of actions) {
		for (const [point, , rate] of rulesOf(what, action)) {
			test(`${name}: ${point} ${action}`, (t) =>
				survive(t, [[point, action, Math.min(500, 4 * rate)], ...what.more], { ...what, often: 3 }));
		}
	}
}

// Not both at once: a worker that is new doubts what Redis knows, and would hide one that does not tell it.
surviveAll('workers are killed', pool, ['kill']);
surviveAll('workers lose connections', pool, ['cut-postgres', 'cut-redis']);
surviveAll('jobs are killed and lose connections', tidying, ['kill', 'cut-postgres', 'cut-redis']);
// Something is lost now and then, too, or nobody would come by everywhere.
if (long) {
	surviveAll('workers and jobs stand still', { ...tidying, who: faults.points.map((point) => point.who),
		more: [...losses, ['take.sent', 'cut-redis', 5, true]] }, ['wait:300']);
}
