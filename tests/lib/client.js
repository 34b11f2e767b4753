// A client of the HTTP contract, on connections that are kept, and what every answer of it must be.
'use strict';

const assert = require('node:assert/strict');
const { randomBytes, randomUUID } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const { keysSince, tokenFor } = require('./token.js');

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

// The table of problems, as the product is built from it.
const problems = new Map();
for (const [, slug, status, title] of fs.readFileSync(
	path.join(__dirname, '../../app/base/problem.def'), 'utf8')
	.matchAll(/^PROBLEM\(\w+, "([^"]+)", (\d+), \S+, "([^"]+)"\)/gm))
	problems.set(slug, { status: Number(status), title });

// With HOLDFAST_CONTRACT=1 every answer is judged by the API's document.
const contract = process.env.HOLDFAST_CONTRACT ? require('./contract.js') : null;

function parsed(bytes) {
	try {
		return JSON.parse(bytes);
	} catch {
		return undefined;
	}
}

/*
 * What everybody may read is answered out of nginx's cache, which may be some seconds old. Whoever sends
 * a token is answered anew; so tests read events as somebody, where they do not say `anonymous`.
 */
let reader;

function somebody() {
	const since = keysSince();
	if (!reader || reader.until < Date.now() || reader.since !== since)
		reader = { token: tokenFor(randomUUID(), 'user'), until: Date.now() + 600000, since };
	return reader.token;
}

/*
 * One request. `where` begins below /api/v1, or at the root with `root`. body: what becomes JSON, or a
 * string or Buffer that is sent as it is. key: the Idempotency-Key. url: another address than the
 * stack's. from: an address of our own in 127/8. anonymous: events too are read without a token.
 * headers win over all else.
 */
function call(method, where, options = {}) {
	const { body, key, headers = {}, root, url = process.env.HOLDFAST_URL, from, type, anonymous } = options;
	const token = options.token ?? (anonymous || root || !/^(GET|HEAD)$/.test(method) ||
		!/^\/events(\/|\?|$)/.test(where) ? undefined : somebody());
	const sent = {};
	let bytes;
	if (body !== undefined) {
		bytes = Buffer.isBuffer(body) ? body : Buffer.from(
			typeof body === 'string' ? body : JSON.stringify(body));
		sent['Content-Type'] = type ?? 'application/json';
		sent['Content-Length'] = bytes.length;
	}
	if (token !== undefined) sent.Authorization = `Bearer ${token}`;
	if (key !== undefined) sent['Idempotency-Key'] = key;
	const target = `${root ? '' : '/api/v1'}${where}`;
	return new Promise((resolve, reject) => {
		const request = http.request(`${url}${root ? '' : '/api/v1'}`, {
			method, agent: from ? undefined : agent, localAddress: from,
			headers: { ...sent, ...headers },
		}, (answer) => {
			const chunks = [];
			answer.on('data', (chunk) => chunks.push(chunk));
			answer.on('error', reject);
			answer.on('end', () => {
				const text = Buffer.concat(chunks).toString();
				const json = /json/.test(answer.headers['content-type'] ?? '') && text &&
					!answer.headers['content-encoding'];
				const told = {
					status: answer.statusCode, headers: answer.headers, text,
					raw: answer.rawHeaders, body: json ? JSON.parse(text) : undefined,
				};
				try {
					contract?.judge(method, target, { headers: request.getHeaders(), body: bytes && parsed(bytes) }, told);
				} catch (error) {
					reject(error);
					return;
				}
				resolve(told);
			});
		});
		// Set here, since http.request() would make another path of some of them.
		request.path = target;
		// nginx may end a kept connection, idle for long, while this request is on its way to it: then once more.
		request.on('error', (error) => (request.reusedSocket && error.code === 'ECONNRESET' && !options.again
			? resolve(call(method, where, { ...options, again: true })) : reject(error)));
		// Longer than anything takes: without an answer the test fails and says so, and does not hang.
		request.setTimeout(60000, () => request.destroy(new Error(`${method} ${target}: no answer within a minute`)));
		request.end(bytes);
	});
}

const get = (where, options) => call('GET', where, options);
const post = (where, body, options) => call('POST', where, { body, ...options });
const put = (where, body, options) => call('PUT', where, { body, ...options });

const freshKey = () => randomBytes(12).toString('hex');

// The headers that every answer has, whoever made it.
function assertHeaders(answer) {
	assert.match(answer.headers['x-request-id'], /^[0-9a-f]{32}$/);
	assert.equal(answer.headers['x-content-type-options'], 'nosniff');
	assert.equal(answer.headers['content-security-policy'],
		"default-src 'none'; frame-ancestors 'none'");
	assert.equal(answer.headers['referrer-policy'], 'no-referrer');
	assert.ok(answer.headers['cache-control'], 'Cache-Control is missing');
	assert.equal(answer.headers.server, 'nginx');
}

function assertStatus(answer, status) {
	assert.equal(answer.status, status, `${answer.status}: ${answer.text}`);
	assertHeaders(answer);
	return answer;
}

// A problem (RFC 9457) out of the table, whole: type, title, status, the request's id.
function assertProblem(answer, status, slug) {
	assert.equal(answer.status, status, `${answer.status}: ${answer.text}`);
	assert.equal(answer.body?.type, `/problems/${slug}`, answer.text);
	assert.equal(problems.get(slug).status, status, `${slug} is not a ${status}`);
	assertHeaders(answer);
	assert.equal(answer.headers['content-type'], 'application/problem+json');
	assert.equal(answer.headers['cache-control'], 'no-store');
	assert.equal(answer.body.title, problems.get(slug).title);
	assert.equal(answer.body.status, status);
	assert.ok(answer.body.detail, answer.text);
	assert.equal(answer.body.instance, answer.headers['x-request-id']);
	if (status === 401) assert.match(answer.headers['www-authenticate'], /^Bearer realm="holdfast"/);
	if (status === 405) assert.ok(answer.headers.allow);
	if (status === 429 || status === 503) assert.ok(Number(answer.headers['retry-after']) >= 1);
	return answer.body;
}

// 422 that names exactly these fields.
function assertInvalid(answer, ...pointers) {
	const { errors } = assertProblem(answer, 422, 'invalid');
	assert.deepEqual(errors.map((e) => e.pointer).sort(), pointers.sort(), answer.text);
	for (const error of errors) assert.ok(error.detail.length > 5);
}

// The next item of every page of a list, from the first to the last.
async function* pages(where, options) {
	let cursor = null;
	do {
		const mark = where.includes('?') ? '&' : '?';
		const answer = assertStatus(await get(
			cursor ? `${where}${mark}cursor=${encodeURIComponent(cursor)}` : where, options), 200);
		cursor = answer.body.next_cursor;
		if (cursor) assert.match(answer.headers.link, /^<\/api\/v1\/[^>]*cursor=[^>]+>; rel="next"$/);
		else assert.equal(answer.headers.link, undefined);
		yield answer.body.items;
	} while (cursor);
}

module.exports = {
	agent, assertHeaders, assertInvalid, assertProblem, assertStatus, call, freshKey, get, pages, post,
	problems, put,
};
