// A rush in which one part is killed in the middle: it comes back, the sale goes on, and the last seat is
// sold, each of them once. LONG=1: every part, and for ten seconds. RUSH_BUYERS, RUSH_SPEED: as large, and
// as fast, as `make rush` is.
'use strict';

const assert = require('node:assert/strict');
const { before, test } = require('node:test');

const crowd = require('../lib/crowd.js');
const health = require('../lib/health.js');
const parts = require('../lib/parts.js');
const { Scenario, holding } = require('../lib/scenario.js');
const stack = require('../lib/stack.js');

const long = process.env.LONG === '1';
const AWAY_MS = long ? 10000 : 700;
const full = process.env.RUSH_BUYERS !== undefined;
// Of five thousand who were refused all come again at once.
const RECOVERY_MS = full ? 10000 : 5000;
const buyers = Number(process.env.RUSH_BUYERS ?? 100); // for ten times as many seats
const speed = Number(process.env.RUSH_SPEED ?? 12);
const duration = full ? undefined : 120; // as the scenario has it

let postgres, rush;

before(async () => {
	await health.serving();
	postgres = new parts.Postgres();
	rush = full ? 'rush' : holding('rush', 3);
});

// All that there is of a pool, which its supervisor brings back.
async function killPool(pool) {
	await parts.kill([stack.pidOf(pool), ...stack.workers(pool)]);
	await stack.until('the pool is back', () => stack.workers(pool).length > 0);
}
const away = () => stack.pause(AWAY_MS);

/*
 * How each part goes and comes back, in short runs too or only in long ones. judge: what the history may
 * tell because of it: Redis is behind for a while, and a PostgreSQL that crashed has lost holds of its
 * last moments. args: what the load generator is to know of it.
 */
const deaths = [
	{
		name: 'a worker of the pool booking',
		part: 'worker',
		short: true,
		async kill() {
			await parts.kill(stack.workers('booking')[0]);
		},
	},
	{
		name: 'the whole pool booking',
		part: 'pool',
		kill: () => killPool('booking'),
	},
	{
		name: 'the whole pool catalog',
		part: 'catalog',
		kill: () => killPool('catalog'),
	},
	{
		name: 'Redis',
		part: 'redis',
		short: true,
		judge: ['--drift-ms', '60000'],
		async kill() {
			await parts.redis.kill();
			await away();
			parts.redis.start();
			await stack.until('Redis has read all that it keeps', () =>
				stack.run('redis-cli', ['-s', stack.env.REDIS_SOCKET, 'ping']).stdout.trim() === 'PONG');
		},
	},
	{
		name: 'PostgreSQL',
		part: 'postgresql',
		judge: ['--drift-ms', '60000', '--crash'],
		args: ['--crash'],
		async kill() {
			await postgres.stop('immediate');
			await away();
			await postgres.start();
		},
	},
	{
		name: 'nginx',
		part: 'nginx',
		async kill() {
			await parts.kill(parts.nginx.pids());
			await away();
			parts.nginx.start();
		},
	},
];

const soldOf = (event) => crowd.sql(`select count(*), count(distinct (event_id, position)) from holdfast.seat_claims
	where event_id = ${event} and state = 'b'`)[0].map(Number);

// Whether anybody but the part that was away is to blame.
function isExcused({ status, sent, done, op, problem }, { from, to }, judge) {
	const meanwhile = done >= from * 1000 && sent <= (to + RECOVERY_MS) * 1000;
	if (status === 0 || status >= 500) return meanwhile;
	return judge.includes('--crash') && op !== 'hold' && status === 404 && problem === 'not-found';
}

const isUsual = ({ op, status }) => (status >= 200 && status < 300) ||
	(status === 409 && ['hold', 'confirm'].includes(op)) || (status === 410 && op === 'confirm');

for (const { name, part, kill, short, judge = [], args = [] } of deaths.filter((death) => long || death.short)) {
	test(`${name} is killed in the middle of a rush, which is sold out all the same`, { timeout: full ? 1200000 : 240000 }, async (t) => {
		const scenario = new Scenario(rush, {
			as: `rush-without-${part}`, buyers, duration, speed,
			expect: ['5xx >= 0', 'lost >= 0'], args,
		});
		const event = await scenario.event();
		await stack.until('a quarter is sold', () => soldOf(event)[0] >= buyers * 10 / 4, 100);
		const [early] = soldOf(event);
		assert.ok(early < buyers * 10 * 0.75, `${early} were sold before it was killed`);
		const gone = { from: Date.now() };
		await kill();
		gone.to = Date.now();

		const report = await scenario.report();
		assert.equal(report.capacity, buyers * 10);
		assert.deepEqual(soldOf(event), [report.capacity, report.capacity]);
		let cut = 0;
		await scenario.calls((call) => {
			if (isUsual(call)) return;
			cut++;
			assert.ok(isExcused(call, gone, judge), `${JSON.stringify(call)} in ${scenario.history}`);
		});
		t.diagnostic(`${name}: away for ${gone.to - gone.from} ms, sold out after ${report.seconds} s, `
			+ `${cut} of ${report.calls} calls were cut off or told to come again`);
		assert.equal(await scenario.judge(...judge), report.calls);
		crowd.booksCheck();
		await crowd.verify([event]);
	});
}
