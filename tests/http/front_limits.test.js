// The limit by address, in force: nginx says 429 early, and never to those who only watch.
'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const url = process.env.HOLDFAST_URL;

const burst = (where, count) => Promise.all(Array.from({ length: count }, async () => {
	const answer = await fetch(url + where);
	return { status: answer.status, headers: answer.headers, body: await answer.json() };
}));

test('watchers are not limited', async () => {
	const answers = await burst('/healthz', 250);
	assert.deepEqual(answers.filter((a) => a.status !== 200), []);
});

test('a flood from one address is 429, with Retry-After', async () => {
	const answers = await burst('/api/v1/events/999999999', 250);
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
