// The audit of a sale finds what it is there for: answers that were changed by hand after a sale in
// which nothing failed.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { Sale } = require('../lib/sale.js');
const { audit } = require('../lib/sale_audit.js');

let sale;

before(async () => {
	sale = await Sale.open({ places: 300 });
	sale.begin();
	await sale.progress(400);
	await sale.end();
	const { counts } = sale.tally();
	assert.ok(counts[201] > 50 && counts[200] > 50, `nothing failed, and this was answered: ${JSON.stringify(counts)}`);
	await sale.check();
});
after(() => { if (sale.running) return sale.end(); });

const confirmed = ({ requests }) => requests.filter((one) => one.op === 'confirm' && one.first);
const holdOf = ({ requests }, id, op = 'hold') => requests.find((one) => one.op === op && one.first?.body.booking_id === id);

function tampered(name, change, expected) {
	test(name, () => {
		const { requests, answers, crashes, event, places } = sale;
		const copy = structuredClone({ requests, answers, crashes, event, places });
		change(copy);
		assert.throws(() => audit(copy), expected);
	});
}

test('what nobody has changed is right', () => audit(sale));

tampered('a confirmed booking that is not in the database', (copy) => {
	const id = confirmed(copy)[0].booking;
	for (const request of copy.requests) {
		if (request.booking === id) request.booking = 'none';
		for (const { body } of request.tries) if (body?.booking_id === id) body.booking_id = 'none';
	}
}, /answered and not in the database/);

tampered('a seat that two had at a time', (copy) => {
	const kept = confirmed(copy).filter((one) => one.first.body.items[0].seat_id &&
		!copy.requests.some((other) => other.op === 'cancel' && other.booking === one.booking));
	const [one, two] = kept.map((request) => holdOf(copy, request.booking)).filter(Boolean);
	for (const { body } of two.tries.filter((answer) => answer.status === 201)) body.items = one.first.body.items;
}, /was .* from .* to .*, and .* from/);

tampered('more places than there are', (copy) => { copy.places = 1; }, /places were somebody's/);

tampered('a replay that says something else', (copy) => {
	const request = copy.requests.find((one) => one.op === 'hold' && one.replay);
	request.tries[request.tries.length - 1].text += ' ';
}, /201 .*\n.*201 /);

tampered('a refusal of what has been done', (copy) => {
	const request = confirmed(copy).find((one) => !one.key);
	request.first = undefined;
	for (const answer of request.tries) Object.assign(answer, { status: 410, slug: 'hold-expired' });
}, /has happened, and/);

tampered('a booking that nobody asked for', (copy) => {
	const id = confirmed(copy).map((one) => one.booking).find((one) => !holdOf(copy, one)?.key);
	copy.requests = copy.requests.filter((one) => one.booking !== id && holdOf(copy, id) !== one);
}, /nobody can have asked for/);
