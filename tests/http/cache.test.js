// What nginx keeps for a moment: that it does, what it never keeps, and that nobody gets what was made
// for somebody else.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { assertInvalid, assertProblem, assertStatus, call, freshKey, get, put } = require('../lib/client.js');
const { scrape } = require('../lib/metrics.js');
const raw = require('../lib/raw.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, staff } = require('../lib/world.js');

const origin = 'https://shop.example.test';
const below = ['', '/availability', '/seats', '/seatmap', '/seatmap/status'];

let olga, ann;

before(async () => {
	[olga, ann] = await Promise.all([staff(), buyer()]);
});
after(stack.verify);

const look = (where, headers) => get(where, { anonymous: true, headers });
const said = (answer) => answer.headers['x-cache'];

// Answers that workers made of such a route.
async function made(route) {
	let sum = 0;
	for (const [series, value] of (await scrape()).all) {
		if (series.startsWith('holdfast_http_requests_total{') && series.includes(`route="${route}"`)) sum += value;
	}
	return sum;
}

// What is done at once is done within the life of an answer, unless the machine stood still: then again.
async function calmly(attempt) {
	for (let tries = 1; ; tries++) {
		try {
			return await attempt();
		} catch (error) {
			if (tries === 4 || error.code !== 'ERR_ASSERTION') throw error;
		}
	}
}

// An event whose answer nginx has: [the path, the answer that it keeps].
async function kept(part = '', headers) {
	const where = `/events/${(await event(olga)).event_id}${part}`;
	const first = assertStatus(await look(where, headers), 200);
	assert.equal(said(first), 'MISS');
	return [where, first];
}

// How many files nginx has in its cache.
function files() {
	const dir = path.join(stack.env.HOLDFAST_STATE, 'nginx/cache/answers');
	return fs.readdirSync(dir, { recursive: true }).filter((name) => /[0-9a-f]{32}$/.test(name)).length;
}

test('what one has asked for the next one gets', async () => {
	const title = `Shown${freshKey()}`;
	const { event_id: id } = await event(olga, { title });
	for (const where of [...below.map((part) => `/events/${id}${part}`), `/events?q=${title}`, '/events?limit=3']) {
		await calmly(async () => {
			const first = assertStatus(await look(where), 200);
			const second = assertStatus(await look(where), 200);
			assert.equal(said(second), 'HIT', where);
			assert.equal(second.text, first.text);
			assert.equal(second.headers.etag, first.headers.etag);
			assert.equal(second.headers['cache-control'], first.headers['cache-control']);
		});
	}
});

test('however many ask, a worker is asked once for each life of an answer', async () => {
	const [where] = await kept('/seatmap/status');
	const before_ = await made('/events/{event_id}/seatmap/status');
	const began = Date.now();
	for (let i = 0; i < 400; i++) assertStatus(await look(where), 200);
	const seconds = (Date.now() - began) / 1000;
	const asked = await made('/events/{event_id}/seatmap/status') - before_;
	assert.ok(asked <= seconds + 2, `${asked} in ${seconds} s`);
});

test('of fifty at once one asks a worker, the others have its answer', async () => {
	await calmly(async () => {
		const where = `/events/${(await event(olga)).event_id}/availability`;
		const before_ = await made('/events/{event_id}/availability');
		const answers = await Promise.all(Array.from({ length: 50 }, () => look(where)));
		for (const answer of answers) assert.equal(assertStatus(answer, 200).text, answers[0].text);
		assert.equal(await made('/events/{event_id}/availability') - before_, 1);
	});
});

test('and so it is when an answer has just become old', async () => {
	await calmly(async () => {
		const [where] = await kept('/availability');
		// It lasts until the second after the next has ended; for one more the old one may be handed out.
		await stack.pause(2300 - (Date.now() % 1000));
		const before_ = await made('/events/{event_id}/availability');
		const answers = await Promise.all(Array.from({ length: 50 }, () => look(where)));
		assert.equal(await made('/events/{event_id}/availability') - before_, 1);
		const words = answers.map((answer) => said(assertStatus(answer, 200)));
		assert.ok(words.includes('EXPIRED'), `${words}`);
	});
});

test('a change is seen by everybody within five seconds', async () => {
	const word = `Seen${freshKey()}`;
	const watched = (await event(olga, { title: `${word} old` })).event_id;
	const quiet = (await event(olga, { title: `${word} old` })).event_id;
	const list = `/events?q=${word}`;
	const asked = [`/events/${watched}`, list];
	for (const where of [...asked, `/events/${quiet}`, `/events/${quiet}/seatmap`, `/events/${watched}/seatmap`])
		assertStatus(await look(where), 200);
	const sections = [{ name: 'VIP', rows: [{ row: 'A', seats: 11 }] }];
	for (const id of [watched, quiet])
		assertStatus(await put(`/admin/events/${id}`, { title: `${word} new`, sections }, { token: olga.token }), 200);
	// Some are asked for all the time, others by nobody until then; and then by many at once.
	for (const end = Date.now() + 4900; Date.now() < end; await stack.pause(50))
		for (const where of asked) assertStatus(await look(where), 200);
	for (const where of [...asked, `/events/${quiet}`]) {
		for (const answer of await Promise.all(Array.from({ length: 30 }, () => look(where)))) {
			assert.match(answer.text, new RegExp(`${word} new`), `${where}: ${said(answer)}`);
			assert.doesNotMatch(answer.text, new RegExp(`${word} old`), `${where}: ${said(answer)}`);
		}
	}
	for (const id of [watched, quiet])
		assert.match((await look(`/events/${id}/seatmap`)).text, /VIP-A-11/);
});

test('nginx says itself that nothing has changed', async () => {
	await calmly(async () => {
		const [where, { headers: { etag } }] = await kept('/seats');
		const before_ = await made('/events/{event_id}/seats');
		for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, `"other",W/${etag}`, '*']) {
			const same = await look(where, { 'If-None-Match': condition });
			assert.equal(same.status, 304, condition);
			assert.equal(same.text, '');
			assert.equal(same.headers.etag, etag);
			assert.ok(same.headers['cache-control']);
			assert.equal(said(same), 'HIT');
		}
		for (const condition of ['"other"', etag.slice(0, -1), etag.slice(1), '"'])
			assert.equal(said(assertStatus(await look(where, { 'If-None-Match': condition }), 200)), 'HIT');
		assert.equal(await made('/events/{event_id}/seats'), before_);
	});
});

test('a condition that does not hold is refused as everything is', async () => {
	const [where, { headers: { etag } }] = await kept();
	const old = { 'If-Unmodified-Since': 'Wed, 21 Oct 2015 07:28:00 GMT' };
	for (const headers of [{ 'If-Match': '"other"' }, old])
		assertProblem(await look(where, headers), 412, 'precondition-failed');
	assertStatus(await look(where, { 'If-Match': etag }), 200);
	assertProblem(await look(`/events/${(await event(olga)).event_id}`, old), 412, 'precondition-failed');
	assertProblem(await call('GET', '/openapi.json', { root: true, headers: old }), 412, 'precondition-failed');
});

test('a condition of the first is not kept for the next', async () => {
	const { event_id: id } = await event(olga);
	const { etag } = (await get(`/events/${id}/seatmap`)).headers;
	const first = await look(`/events/${id}/seatmap`, { 'If-None-Match': etag, Range: 'bytes=0-3' });
	assert.equal(first.status, 304);
	const second = assertStatus(await look(`/events/${id}/seatmap`), 200);
	assert.equal(second.body.sections.length, 2);
	assertStatus(await look(`/events/${id}/seatmap`, { Range: 'bytes=0-3' }), 200);
});

test('one answer is compressed for those who can read it, and for no others', async () => {
	const { event_id: id } = await event(olga, { sections: [{ name: 'S', rows: [{ row: 'A', seats: 400 }] }] });
	const ask = (headers) => fetch(`${stack.env.HOLDFAST_URL}/api/v1/events/${id}/seats?limit=400`, { headers });
	for (const encoding of ['identity', 'gzip', 'identity', 'gzip']) {
		const answer = await ask({ 'Accept-Encoding': encoding });
		assert.equal(answer.status, 200);
		assert.equal(answer.headers.get('content-encoding'), encoding === 'gzip' ? 'gzip' : null);
		assert.match(answer.headers.get('vary'), /Accept-Encoding/);
		assert.equal((await answer.json()).items.length, 400);
		const etag = answer.headers.get('etag');
		for (const other of ['identity', 'gzip'])
			assert.equal((await ask({ 'Accept-Encoding': other, 'If-None-Match': etag })).status, 304, `${etag} ${other}`);
	}
});

test('a HEAD is a GET for the cache too', async () => {
	const { event_id: id } = await event(olga);
	await calmly(async () => {
		const head = assertStatus(await call('HEAD', `/events/${id}`, { anonymous: true }), 200);
		assert.equal(head.text, '');
		const whole = assertStatus(await look(`/events/${id}`), 200);
		assert.equal(said(whole), 'HIT');
		assert.equal(whole.body.event_id, id);
		assert.equal(head.headers['content-length'], String(whole.text.length));
		const again = assertStatus(await call('HEAD', `/events/${id}`, { anonymous: true }), 200);
		assert.equal(said(again), 'HIT');
		assert.equal(again.text, '');
	});
});

test('whoever sends a token is answered anew, and leaves nothing behind', async () => {
	for (const part of below) {
		const { event_id: id } = await event(olga);
		const where = `/events/${id}${part}`;
		assert.equal(said(assertStatus(await get(where, { token: ann.token }), 200)), undefined);
		assert.equal(said(assertStatus(await look(where), 200)), 'MISS', 'the answer to a token was kept');
		assertProblem(await get(where, { token: 'forged' }), 401, 'unauthenticated');
	}
	const [where] = await kept('/availability');
	await held(ann, where.split('/')[2], 2);
	assert.equal(assertStatus(await get(where, { token: ann.token }), 200).body.sections[0].held, 2);
});

test('what is not everybody\'s is never kept', async () => {
	const { event_id: id } = await event(olga, { status: 'draft' });
	const before_ = files();
	for (const where of below.map((part) => `/events/${id}${part}`)) {
		const own = assertStatus(await get(where, { token: olga.token }), 200);
		assert.equal(said(own), undefined);
		assert.equal(own.headers['cache-control'], 'no-store');
		for (let i = 0; i < 2; i++) {
			const answer = await look(where);
			assertProblem(answer, 404, 'not-found');
			assert.notEqual(said(answer), 'HIT');
		}
	}
	for (const [where, token] of [['/auth/me', ann.token], ['/bookings', ann.token], ['/admin/venues', olga.token],
		['/healthz'], ['/readyz'], ['/metrics']])
		assert.equal(said(assertStatus(await get(where, { token }), 200)), undefined, where);
	assert.equal(files(), before_);
	// Nor is that it was not there.
	assertStatus(await put(`/admin/events/${id}`, { status: 'on_sale' }, { token: olga.token }), 200);
	for (const part of below) assertStatus(await look(`/events/${id}${part}`), 200);
});

test('problems are not kept, whatever was asked', async () => {
	const { event_id: id } = await event(olga);
	const before_ = files();
	const ids = new Set();
	for (let i = 0; i < 40; i++) {
		const unknown = await look(`/events/${id}?x=${i}`);
		assertInvalid(unknown, '/x');
		ids.add(unknown.body.instance);
		const missing = await look('/events/2147483000');
		assertProblem(missing, 404, 'not-found');
		ids.add(missing.body.instance);
	}
	assert.equal(ids.size, 80);
	assert.equal(files(), before_);
});

test('pages of each origin are told what they may, whoever asked first', async () => {
	for (const first of [origin, 'https://evil.example', undefined]) {
		await calmly(async () => {
			const [where] = await kept('', first && { Origin: first });
			for (const from of ['https://evil.example', undefined, origin, 'null', origin]) {
				const answer = assertStatus(await look(where, from && { Origin: from }), 200);
				assert.equal(said(answer), 'HIT');
				assert.equal(answer.headers['access-control-allow-origin'], from === origin ? origin : undefined);
				assert.equal(Boolean(answer.headers['access-control-expose-headers']), from === origin);
				assert.match(answer.headers.vary, /Origin/);
			}
		});
	}
});

test('every answer has the id of its own request, and every header once', async () => {
	await calmly(async () => {
		const [where, first] = await kept();
		const ids = new Set([first.headers['x-request-id']]);
		for (let i = 0; i < 5; i++) {
			const answer = assertStatus(await look(where, { 'X-Request-Id': 'mine', Origin: origin }), 200);
			assert.equal(said(answer), 'HIT');
			ids.add(answer.headers['x-request-id']);
			const names = answer.raw.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
			assert.deepEqual(names.filter((name, at) => names.indexOf(name) !== at), []);
		}
		assert.equal(ids.size, 6);
	});
});

test('nothing that a client sends beside the address gets into what others are given', async () => {
	const { event_id: id } = await event(olga, { title: `Clean${freshKey()}` });
	for (const part of [...below, '/seats?limit=2']) {
		const where = `/events/${id}${part}`;
		const truth = (await get(where)).text.replace(/"as_of":"[^"]*"|"version":\d+/g, '');
		const poisoned = await raw.http(`GET http://evil.example/api/v1${where} HTTP/1.1\r\nHost: evil.example\r\n` +
			'X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: evil\r\nX-Forwarded-For: 1.2.3.4\r\n' +
			'Forwarded: host=evil.example\r\nX-Original-URL: /evil\r\nX-Rewrite-URL: /evil\r\nCookie: evil=1\r\n' +
			'X-HTTP-Method-Override: PUT\r\nX-Accel-Expires: 9999\r\nContent-Length: 4\r\nConnection: close\r\n\r\nevil');
		assert.equal(poisoned.status, 200, poisoned.bytes);
		assert.equal(said(poisoned), 'MISS');
		const answer = assertStatus(await look(where), 200);
		assert.equal(answer.text.replace(/"as_of":"[^"]*"|"version":\d+/g, ''), truth);
		assert.doesNotMatch(JSON.stringify(answer.raw), /evil/);
	}
});

test('a client cannot have an answer made anew for itself alone', async () => {
	await calmly(async () => {
		const [where] = await kept('/availability');
		for (const headers of [{ 'Cache-Control': 'no-cache' }, { Pragma: 'no-cache' }, { 'Cache-Control': 'no-store' },
			{ Cookie: 'a=b' }, { Expires: '0' }])
			assert.equal(said(assertStatus(await look(where, headers), 200)), 'HIT', JSON.stringify(headers));
	});
});
