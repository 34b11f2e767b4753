// The limit by address, in force: nginx says 429 early, and never to those who only watch.
'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { call } = require('../lib/client.js');
const { believing } = require('../lib/front.js');

const url = process.env.HOLDFAST_URL;

const burst = (where, count) => Promise.all(Array.from({ length: count }, async () => {
	const answer = await fetch(url + where);
	return { status: answer.status, headers: answer.headers, body: await answer.json() };
}));

test('of IPv6 the network is counted, not each of its addresses', async (t) => {
	const front = await believing(t);
	const statusFor = async (address) => (await front('/api/v1/auth/logout', { 'X-Client': address })).status;
	const all = (count, address) =>
		Promise.all(Array.from({ length: count }, (_, i) => statusFor(address(i.toString(16)))));
	assert.deepEqual((await all(250, (i) => `2001:db8:7:${i}::1`)).filter((s) => s !== 405), []);
	// So many that also a machine that takes its time has more of them than fit.
	const one = await all(700, (i) => `2001:db8:7:8:9:a:b:${i}`);
	assert.ok(one.includes(429));
	assert.ok(one.filter((status) => status === 405).length >= 90, 'the burst passes');
});

test('watchers are not limited, nor who calls back', async () => {
	for (const [where, status] of [['/healthz', 200], ['/api/v1/webhooks/stripe', 405]]) {
		const answers = await burst(where, 250);
		assert.deepEqual(answers.filter((a) => a.status !== status), []);
	}
});

test('who calls back has a limit of its own, and a generous one', async () => {
	const policies = new Set();
	const ask = async (from) => {
		const answer = await call('GET', '/webhooks/stripe', { from });
		policies.add(answer.headers['ratelimit-policy']);
		return answer.status;
	};
	const answers = await Promise.all(Array.from({ length: 2500 }, () => ask('127.4.0.1')));
	assert.ok(answers.includes(429), 'a flood is cut');
	assert.deepEqual(policies, new Set([undefined, '"caller";q=200;w=1']));
	assert.ok(answers.filter((status) => status === 405).length >= 400, 'the burst passes');
	assert.equal(await ask('127.4.0.2'), 405, 'of that address alone');
});

test('a flood from one address is 429, with Retry-After', async () => {
	const answers = await burst('/api/v1/events/999999999', 700);
	const refused = answers.filter((a) => a.status === 429);
	assert.ok(refused.length > 0);
	for (const answer of refused) {
		assert.equal(answer.headers.get('content-type'), 'application/problem+json');
		assert.equal(answer.body.type, '/problems/rate-limited');
		assert.ok(Number(answer.headers.get('retry-after')) > 0);
	}
	assert.ok(answers.filter((a) => a.status === 404).length >= 50, 'the burst passes');
	await new Promise((resolve) => setTimeout(resolve, 3000));
});
