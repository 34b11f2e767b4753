// Attempts to log in are counted by client and by account, whether there is such an account or not.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { test } = require('node:test');

const { assertStatus, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { buyer, freshEmail, password } = require('../lib/world.js');

const url = new URL(`${process.env.HOLDFAST_URL}/api/v1/auth/login`);

// From an address of its own within the loopback network, since attempts count by address too.
function login(email, localAddress, password = 'wrong horse') {
	return new Promise((resolve, reject) => {
		const request = http.request(url, {
			method: 'POST',
			localAddress,
			headers: { 'Content-Type': 'application/json' },
		}, async (answer) => {
			let text = '';
			for await (const chunk of answer) text += chunk;
			const { statusCode: status, headers } = answer;
			resolve({ status, headers, body: JSON.parse(text) });
		});
		request.on('error', reject);
		request.end(JSON.stringify({ email, password }));
	});
}

function assertRefused(answer, policy) {
	assert.equal(answer.status, 429);
	assert.equal(answer.body.type, '/problems/rate-limited');
	assert.ok(Number(answer.headers['retry-after']) >= 1);
	assert.equal(answer.headers['ratelimit-policy'], policy);
}

const byClient = '"login";q=10;w=60', byAccount = '"login_account";q=50;w=60';

// The first refusal out of so many attempts, and how many there were before it.
async function firstRefusal(attempts, attempt) {
	for (let i = 0; i < attempts; i++) {
		const answer = await attempt(i);
		if (answer.status === 429) return { answer, before: i };
		assert.equal(answer.status, 401);
	}
	return assert.fail(`${attempts} attempts went through`);
}

test('attempts from one client are refused after a burst', async () => {
	const { answer } = await firstRefusal(30, () => login(freshEmail(), '127.0.1.1'));
	assertRefused(answer, byClient);
	assert.equal((await login(freshEmail(), '127.0.1.2')).status, 401);
});

test('attempts on one unknown account are refused from wherever they come', async () => {
	const email = freshEmail();
	const attempt = (i) => login(i % 2 ? email : email.toUpperCase(), `127.0.2.${i + 1}`);
	const { answer, before } = await firstRefusal(150, attempt);
	assertRefused(answer, byAccount);
	assert.ok(before >= 50, `${before} before`);
	assert.equal((await login(freshEmail(), '127.0.2.1')).status, 401);
});

test('one client who knows an address does not keep its owner out', async () => {
	const { email } = await buyer({ from: '127.0.3.1' });
	const { answer } = await firstRefusal(30, () => login(email, '127.0.3.2'));
	assertRefused(answer, byClient);
	assert.equal((await login(email, '127.0.3.3', password)).status, 200);
});

test('an account has one spelling but for upper and lower case', async () => {
	const email = `kai.${freshEmail()}`;
	assertStatus(await post('/auth/register', { email, password }, { from: '127.0.4.1' }), 201);
	assert.equal((await login(email.toUpperCase(), '127.0.4.2', password)).status, 200);
	// Letters that the database takes for k and i, each spelling with attempts of its own.
	for (const spelling of [email.replace('k', '\u212a'), email.replace('i', '\u0130')]) {
		assert.equal(stack.sql(`select count(*) from account_find('${spelling}')`), '1', 'it would be found');
		const answer = await login(spelling, '127.0.4.3', password);
		assert.equal(answer.status, 401, `${spelling}: ${JSON.stringify(answer.body)}`);
		assert.equal(answer.body.type, '/problems/invalid-credentials');
	}
});
