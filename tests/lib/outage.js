// Outages while a sale is on: each row takes something away, gives it back, and says what clients may
// have seen. One sale goes through all rows of a file; with LONG=1 each row has one of its own, and
// lasts ten seconds. At the end of a file a table says how long answers and recoveries took. A row that
// fails says how the stack stands, and puts back what it took, so that what comes next can be judged.
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const health = require('./health.js');
const { Sale, settle } = require('./sale.js');
const stack = require('./stack.js');

const long = process.env.LONG === '1';
const REQUEST_MS = 5500, RECOVERY_MS = 5000;
// A machine that is busy with something else may be late, but not time after time.
const TRIES = 3;
const sales = [], table = [], menders = [];
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
	test(name, { timeout: 300000 }, async () => {
		assert.ok(!broken, `an outage before is not over: ${broken}`);
		broken = name;
		const began = Date.now();
		try {
			for (let tries = 1; ; tries++) {
				if (!sale) await openSale();
				const late = await outage(name, expected, fault);
				if (!late) break;
				assert.ok(tries < TRIES, `${late}, and so it was ${tries} times`);
				console.log(`${name}: ${late}; once more`);
			}
			if (long) {
				await sale.progress(300);
				await closeSale();
			}
			broken = null;
		} catch (error) {
			await explain(error, began);
			await mend(name);
			throw error;
		}
	});
}

// Once: what was too late, or that nobody asked while it lasted; or nothing.
async function outage(name, expected, fault) {
	const limit = expected.within ?? RECOVERY_MS;
	await sale.progress(120);
	const began = Date.now();
	const back = await fault(sale);
	const { took } = await sale.recovered(back);
	const { counts, worst } = sale.tally(began);
	table.push({ name, worst, took });
	const unseen = [answersCheck(counts, expected), readyCheck(sale, began, expected.ready ?? [])].filter(Boolean).join('; ');
	readsCheck(sale, began, expected);
	const slow = Math.max(worst, sale.slowest(began));
	if (unseen) return unseen;
	if (slow > REQUEST_MS) return `an answer took ${slow} ms`;
	return took > limit ? `back after ${took} ms` : '';
}

// Puts what became of the row behind the words of its failure.
async function explain(error, began) {
	const lines = [error.message];
	if (sale) {
		lines.push(`answers: ${JSON.stringify(sale.tally(began).counts)}, in the last 2 s: ` +
			`${JSON.stringify(sale.tally(Date.now() - 2000).counts)}, readyz: ${JSON.stringify(sale.readiness(began))}`);
	}
	error.message = [...lines, await health.told()].join('\n');
}

// What a file does, beside starting what is missing, to put back what a row that failed has left away.
const mending = (how) => menders.push(how);

async function mend(name) {
	const failed = sale;
	sale = null;
	try {
		if (failed?.running) await failed.end();
		for (const how of menders) await how();
		health.startMissing();
		await health.serving();
		broken = null;
	} catch (error) {
		console.log(`${name}: not mended: ${error.message}`);
	}
}

// What clients may see at any time. A lock that is not had in time is nobody's failure, least of all when
// the server stood still meanwhile.
const isUsual = (kind) => /^20[01]$|^410 hold-expired$/.test(kind) ||
	/^409 (seats-unavailable|sold-out|wrong-state|idempotency-in-flight|busy)$/.test(kind);

// Returns what had to be seen and was not.
function answersCheck(counts, { answers = [], must }) {
	const also = [...answers, must].filter(Boolean);
	for (const kind of Object.keys(counts)) {
		// What a crash may have taken away is judged for each booking, at the end.
		const lost = kind === '404 not-found';
		assert.ok(isUsual(kind) || lost || also.some((one) => one.test(kind)), `${kind}: ${JSON.stringify(counts)}`);
	}
	assert.ok(counts[201] > 0 && counts[200] > 0, JSON.stringify(counts));
	return must && !Object.keys(counts).some((kind) => must.test(kind)) ? `no ${must}: ${JSON.stringify(counts)}` : '';
}

// Whatever readyz says, its code fits. Returns what had to be seen and was not.
function readyCheck({ looks }, began, wanted) {
	const seen = looks.filter((look) => look.began >= began);
	const codes = { ok: 200, degraded: 200, unavailable: 503, none: 0 };
	for (const look of seen) {
		if (look.code === 503 && look.state === 'none') continue; // nginx's own
		assert.equal(look.code, codes[look.state], JSON.stringify(look));
	}
	const states = new Set(seen.map((look) => look.state));
	if (wanted.length) for (const state of states) assert.ok(['ok', 'none', ...wanted].includes(state), `readyz was ${state}`);
	const missing = wanted.filter((state) => !states.has(state));
	return missing.length ? `readyz was never ${missing}: ${[...states]}` : '';
}

function readsCheck({ reads }, began, { answers = [], must }) {
	for (const read of reads.filter((one) => one.began >= began)) {
		const kind = read.error ?? `${read.code}${read.slug ? ` ${read.slug}` : ''}`;
		assert.ok(read.code === 200 || [...answers, must].filter(Boolean).some((one) => one.test(kind)), `availability: ${kind}`);
	}
}

// The last words of a file: what is still on is checked, and then all books.
function closing() {
	test('every answer is in the books, no place was sold twice, and Redis equals PostgreSQL', { timeout: 300000 }, async () => {
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

module.exports = { closing, lasts, long, mending, row };
