// Attempts to log in are counted by address and by account, whether there is such an account or
// not.
'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const http = require('node:http');
const { test } = require('node:test');

const url = new URL(`${process.env.HOLDFAST_URL}/api/v1/auth/login`);

// From an address of its own within the loopback network, since attempts count by address too.
function login(email, localAddress) {
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
		request.end(JSON.stringify({ email, password: 'wrong horse' }));
	});
}

const freshEmail = () => `u${randomBytes(8).toString('hex')}@example.test`;

function assertRefused(answer) {
	assert.equal(answer.status, 429);
	assert.equal(answer.body.type, '/problems/rate-limited');
	assert.ok(Number(answer.headers['retry-after']) >= 1);
	assert.match(answer.headers['ratelimit-policy'], /^"login";q=10;w=60/);
}

// The first refusal out of so many attempts.
async function firstRefusal(attempts, attempt) {
	for (let i = 0; i < attempts; i++) {
		const answer = await attempt(i);
		if (answer.status === 429) return answer;
		assert.equal(answer.status, 401);
	}
	return assert.fail(`${attempts} attempts went through`);
}

test('attempts from one address are refused after a burst', async () => {
	assertRefused(await firstRefusal(30, () => login(freshEmail(), '127.0.1.1')));
	assert.equal((await login(freshEmail(), '127.0.1.2')).status, 401);
});

test('attempts on one unknown account are refused from wherever they come', async () => {
	const email = freshEmail();
	const attempt = (i) => login(i % 2 ? email : email.toUpperCase(), `127.0.2.${i + 1}`);
	assertRefused(await firstRefusal(30, attempt));
	assert.equal((await login(freshEmail(), '127.0.2.1')).status, 401);
});
