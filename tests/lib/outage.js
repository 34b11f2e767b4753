// Outages while a sale is on: each row takes something away, gives it back, and says what clients may
// have seen. One sale goes through all rows of a file; with LONG=1 each row has one of its own, and
// lasts ten seconds. At the end of a file a table says how long answers and recoveries took.
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const { Sale, settle } = require('./sale.js');
const stack = require('./stack.js');

const long = process.env.LONG === '1';
const REQUEST_MS = 5500, RECOVERY_MS = 5000;
const sales = [], table = [];
let sale = null, broken = null;

// As long as something is away.
const lasts = (factor = 1) => stack.pause((long ? 10000 : 700) * factor);

async function openSale() {
	sale = await Sale.open();
	sales.push(sale);
	console.log(`the sale of event ${sale.event} has the seed ${sale.seed}`);
	sale.begin();
}

async function closeSale() {
	const closing = sale;
	sale = null;
	if (!closing) return;
	if (closing.running) await closing.end();
	await closing.check({ replays: long ? 2000 : 100 });
}

/*
 * name: for the table. fault: async (sale) => {…} takes away and gives back; returns the moment at
 * which the part was back.
 *   answers  what clients may see beside definite answers: /^503/, …
 *   must     of which they must have seen one
 *   ready    what readyz must have said meanwhile, and ready alone where it may say nothing else
 *   within   milliseconds in which service must be back
 */
function row(name, expected, fault) {
	test(name, { timeout: 120000 }, async () => {
		assert.ok(!broken, `the outage before is not over: ${broken}`);
		broken = name;
		if (!sale) await openSale();
		await sale.progress(120);
		const began = Date.now();
		const back = await fault(sale);
		const { took } = await sale.recovered(back);
		broken = null;
		const { counts, worst } = sale.tally(began);
		table.push({ name, worst, took });
		answersCheck(counts, expected);
		readyCheck(sale, began, expected.ready ?? []);
		readsCheck(sale, began, expected);
		assert.ok(worst <= REQUEST_MS, `an answer took ${worst} ms`);
		assert.ok(took <= (expected.within ?? RECOVERY_MS), `back after ${took} ms`);
		if (long) {
			await sale.progress(300);
			await closeSale();
		}
	});
}

// What clients may see at any time. A lock that is not had in time is nobody's failure, least of all when
// the server stood still meanwhile.
const isUsual = (kind) => /^20[01]$|^410 hold-expired$/.test(kind) ||
	/^409 (seats-unavailable|sold-out|wrong-state|idempotency-in-flight|busy)$/.test(kind);

function answersCheck(counts, { answers = [], must }) {
	const also = [...answers, must].filter(Boolean);
	for (const kind of Object.keys(counts)) {
		// What a crash may have taken away is judged for each booking, at the end.
		const lost = kind === '404 not-found';
		assert.ok(isUsual(kind) || lost || also.some((one) => one.test(kind)), `${kind}: ${JSON.stringify(counts)}`);
	}
	assert.ok(counts[201] > 0 && counts[200] > 0, JSON.stringify(counts));
	if (must) assert.ok(Object.keys(counts).some((kind) => must.test(kind)), `no ${must}: ${JSON.stringify(counts)}`);
}

// Whatever readyz says, its code fits.
function readyCheck({ looks }, began, wanted) {
	const seen = looks.filter((look) => look.began >= began);
	const codes = { ok: 200, degraded: 200, unavailable: 503, none: 0 };
	for (const look of seen) {
		if (look.code === 503 && look.state === 'none') continue; // nginx's own
		assert.equal(look.code, codes[look.state], JSON.stringify(look));
		assert.ok(look.ended - look.began <= REQUEST_MS, `readyz took ${look.ended - look.began} ms`);
	}
	const states = new Set(seen.map((look) => look.state));
	for (const state of wanted) assert.ok(states.has(state), `readyz was never ${state}: ${[...states]}`);
	if (wanted.length) for (const state of states) assert.ok(['ok', 'none', ...wanted].includes(state), `readyz was ${state}`);
}

function readsCheck({ reads }, began, { answers = [], must }) {
	for (const read of reads.filter((one) => one.began >= began)) {
		const kind = read.error ?? `${read.code}${read.slug ? ` ${read.slug}` : ''}`;
		assert.ok(read.code === 200 || [...answers, must].filter(Boolean).some((one) => one.test(kind)), `availability: ${kind}`);
		assert.ok(read.ended - read.began <= REQUEST_MS, `availability took ${read.ended - read.began} ms`);
	}
}

// The last words of a file: what is still on is checked, and then all books.
function closing() {
	test('every answer is in the books, no place was sold twice, and Redis equals PostgreSQL', { timeout: 120000 }, async () => {
		assert.ok(!broken, `an outage is not over: ${broken}`);
		await closeSale();
		await settle(sales);
	});
	after(async () => {
		if (sale?.running) await sale.end();
		const width = Math.max(...table.map((one) => one.name.length));
		console.log(`${'what fails'.padEnd(width)}  worst answer   back after`);
		for (const { name, worst, took } of table) {
			console.log(`${name.padEnd(width)}  ${String(worst).padStart(9)} ms ${String(took).padStart(9)} ms`);
		}
	});
}

module.exports = { closing, lasts, long, row };
