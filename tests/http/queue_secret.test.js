// The token of a place in line is its holder's secret: no log has it.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { assertStatus, freshKey } = require('../lib/client.js');
const front = require('../lib/front.js');
const line = require('../lib/line.js');
const stack = require('../lib/stack.js');
const { buyer, staff } = require('../lib/world.js');

let olga, ann;

before(async () => {
	[olga, ann] = await Promise.all([staff(), buyer()]);
});
after(() => stack.verify());

test('nobody writes a token down', async () => {
	const { id, release } = await line.soldFloor(olga, 1);
	const { token } = await line.joined(ann, id, 'Floor', 1, { key: freshKey() });
	assertStatus(await line.status(token), 200);
	assertStatus(await release(0), 200);
	await line.until(token, 'reserved');
	await line.confirm(ann, token);
	await line.leave(ann, token);
	const found = stack.run('grep', ['-rlaF', token.slice(5, 60), `${stack.env.HOLDFAST_STATE}/log`]);
	assert.equal(found.stdout, '');
	const asked = stack.run('grep', ['-c', 'route=/reservation/confirm', `${stack.env.HOLDFAST_STATE}/log/queue.log`]);
	assert.ok(Number(asked.stdout) > 0, 'the log says nothing of the request');
});

test('nor does an nginx that writes down what else is asked, or goes wrong', async (t) => {
	const { id } = await line.soldFloor(olga, 1);
	const { token } = await line.joined(ann, id, 'Floor', 1);
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-logs-'));
	t.after(() => fs.rmSync(dir, { recursive: true }));
	for (const [name, status, also, more] of [['up', 200, ['/api/v1/Reservation/status']], ['down', 503, [], { run: dir }]]) {
		const [log, errors] = ['access', 'errors'].map((kind) => path.join(dir, `${kind}-${name}`));
		const ask = await front.believing(t, {}, { log, errors, ...more });
		assert.equal((await ask(`/api/v1/reservation/status?token=${token}`)).status, status);
		for (const where of ['/api/v1//reservation///status', '/x/../api/v1/reservation/status', ...also])
			await ask(`${where}?token=${token}`);
		await ask('/api/v1/events?q=anybody');
		const wrote = (file, text) => fs.readFileSync(file, 'utf8').includes(text);
		await stack.until('what else was asked is written down', () => wrote(log, 'anybody'));
		assert.equal(wrote(errors, 'anybody'), name === 'down', fs.readFileSync(errors, 'utf8'));
		for (const file of [log, errors])
			assert.deepEqual(fs.readFileSync(file, 'utf8').split('\n').filter((text) => text.includes(token.slice(5, 60))), [], file);
	}
});
