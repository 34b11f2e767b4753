// What the tests over HTTP share: calls, problems, accounts with their tokens.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const path = require('node:path');

const base = `${process.env.HOLDFAST_URL}/api/v1`;
const password = 'correct horse';

// body: an object, or text as it is. options: {token, key, headers}
async function call(method, where, body, options = {}) {
	const headers = { ...options.headers };
	if (body !== undefined) headers['Content-Type'] ??= 'application/json';
	if (options.token !== undefined) headers.Authorization = `Bearer ${options.token}`;
	if (options.key !== undefined) headers['Idempotency-Key'] = options.key;
	const answer = await fetch(base + where, {
		method,
		headers,
		body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
	});
	const text = await answer.text();
	const json = /json/.test(answer.headers.get('content-type') ?? '');
	return { status: answer.status, headers: answer.headers, text, body: text && json ? JSON.parse(text) : null };
}

function assertProblem(answer, status, slug) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.headers.get('content-type'), 'application/problem+json');
	assert.equal(answer.body.type, `/problems/${slug}`);
	assert.equal(answer.body.status, status);
	assert.equal(answer.body.instance, answer.headers.get('x-request-id'));
}

const pointers = (answer) => answer.body.errors.map((e) => e.pointer).sort();
const unique = (prefix) => prefix + randomBytes(8).toString('hex');

function program(name, args, input) {
	return execFileSync(path.join(process.env.HOLDFAST_BIN, `holdfast-${name}`),
		['--config', process.env.HOLDFAST_CONF, ...args], { input: input ?? '', encoding: 'utf8' });
}

// The access token of a new account with this role.
async function account(role) {
	const email = `${unique('u')}@example.test`;
	program('user', ['add', '--email', email, '--role', role], `${password}\n`);
	const answer = await call('POST', '/auth/login', { email, password });
	assert.equal(answer.status, 200, answer.text);
	return answer.body.access_token;
}

module.exports = { base, password, call, assertProblem, pointers, unique, program, account };
