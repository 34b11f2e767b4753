// What nginx keeps is read on while those who make it are away: PostgreSQL, a pool. Needs a stack of its
// own.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { assertProblem, assertStatus, get, put } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const { event, staff } = require('../lib/world.js');

let olga, id, other, asked, title = 'Before';

before(async () => {
	olga = await staff();
	[id, other] = [await event(olga, { title }), await event(olga)].map((one) => one.event_id);
	asked = ['', '/availability', '/seats', '/seatmap', '/seatmap/status'].map((part) => `/events/${id}${part}`);
	asked.push('/events?q=before');
});
after(stack.verify);

const look = (where, headers) => get(where, { anonymous: true, headers });
const said = (answer) => answer.headers['x-cache'];

// The answers that nginx has, so old that it would not hand them out while others can be made.
async function warmed() {
	const answers = await Promise.all(asked.map(async (where) => assertStatus(await look(where), 200)));
	await stack.pause(3100);
	return answers;
}

// Each of them is handed out still, and says of when it is; what is not there is not.
// Where Redis alone can tell, it may be made anew all the same.
async function assertReadable(answers, milliseconds, told = /^$/) {
	for (const [i, where] of asked.entries()) {
		const began = Date.now();
		const answer = assertStatus(await look(where), 200);
		if (!told.test(where)) assert.equal(said(answer), 'STALE', where);
		if (said(answer) === 'STALE') assert.equal(answer.text, answers[i].text);
		assert.ok(Date.now() - began < milliseconds, `${where}: ${Date.now() - began} ms`);
	}
	assertProblem(await look(`/events/${other}`), 503, 'unavailable');
	assertProblem(await get(asked[0]), 503, 'unavailable');
}

// And then they are made anew.
async function assertFresh() {
	await stack.until('answers are made again', async () => (await look(asked[0])).body.title === title);
	for (const where of asked) {
		await stack.until(`${where} is made again`, async () => /^(EXPIRED|HIT)$/.test(said(await look(where))));
		assertStatus(await get(where), 200);
	}
}

test('while PostgreSQL is away the catalogue is read on', async () => {
	const answers = await warmed();
	process.kill(stack.pidOf('postgres'), 'SIGINT');
	try {
		await stack.until('PostgreSQL is away', async () => (await get('/readyz')).status === 503);
		await assertReadable(answers, 3000, /availability|status/);
	} finally {
		stack.up();
	}
	await stack.postgresFound();
	title = 'Before and after';
	assertStatus(await put(`/admin/events/${id}`, { title }, { token: olga.token }), 200);
	await assertFresh();
});

test('while nobody listens for the pool too', async () => {
	const answers = await warmed();
	const socket = path.join(stack.env.HOLDFAST_RUN, 'catalog.sock');
	fs.renameSync(socket, `${socket}.away`);
	try {
		await assertReadable(answers, 3000);
	} finally {
		fs.renameSync(`${socket}.away`, socket);
	}
	await assertFresh();
});

test('and while its workers hang, once nginx has waited for them', async () => {
	const [before_] = await warmed();
	const workers = stack.workers('catalog');
	for (const pid of workers) process.kill(pid, 'SIGSTOP');
	try {
		const began = Date.now();
		// As many as will, wait side by side.
		for (const answer of await Promise.all(Array.from({ length: 10 }, () => look(asked[0])))) {
			assert.match(said(assertStatus(answer, 200)), /^(STALE|UPDATING)$/);
			assert.equal(answer.text, before_.text);
		}
		// Five seconds; twice would be ten.
		assert.ok(Date.now() - began < 8000, `${Date.now() - began} ms`);
	} finally {
		for (const pid of workers) process.kill(pid, 'SIGCONT');
	}
	await assertFresh();
});
