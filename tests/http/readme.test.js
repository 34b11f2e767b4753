// What the README and the examples under docs say with curl is true: run as it stands there.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, test } = require('node:test');

const stack = require('../lib/stack.js');
const { assertShown, differs, walk } = require('../lib/walk.js');

before(() => {
	const done = stack.program('demo', [], 'a demo password\n');
	assert.equal(done.status, 0, done.stderr);
});

test('the five minutes of the README', () => {
	const found = walk('README.md', 'Five minutes with curl');
	const answers = found.flatMap((block) => block.output.trim().split('\n'))
		.filter(Boolean).map((line) => JSON.parse(line));
	const [ann, events, seats, play, gig, bob, refused, confirmed, , history, cancelled, free, after] = answers;

	assert.equal(answers.length, 13);
	assert.equal(ann.role, 'user');
	assert.ok(events.items.length >= 4);
	assert.equal(seats.items.length, 3);
	assert.equal(play.sections.find((s) => s.section_id === 'STALLS').held, 2);
	assert.equal(gig.sections.find((s) => s.section_id === 'FLOOR').held, 3);
	assert.equal(bob.email, 'bob@example.test');
	assert.equal(refused.type, '/problems/seats-unavailable');
	assert.deepEqual(refused.seat_ids, ['STALLS-C-8']);
	assert.equal(confirmed.status, 'CONFIRMED');
	assert.equal(history.items.length, 2);
	assert.equal(cancelled.status, 'CANCELLED');
	assert.equal(free.items.length, 1);
	const stalls = after.sections.find((s) => s.section_id === 'STALLS');
	assert.equal(stalls.available, stalls.capacity);
});

const pages = fs.readdirSync(path.join(stack.tree, 'docs/examples')).filter((name) => name.endsWith('.md'));

for (const name of pages) {
	test(`docs/examples/${name}`, () => {
		const found = walk(`docs/examples/${name}`);
		assert.ok(found.filter((block) => block.form).length >= 5, 'it shows answers');
		assertShown(name, found);
	});
}

test('an answer that is not as shown is told', () => {
	const shown = { a: 1, b: ['x', '…'], c: '…', '…': '…' };
	assert.deepEqual(differs(shown, { a: 1, b: ['x', 'y'], c: null, d: 4 }), []);
	assert.deepEqual(differs(shown, { a: 2, b: [], d: 4 }), ['/a: 2', '/b: 0 elements', '/c: missing']);
	assert.deepEqual(differs({ a: [1, { b: 2 }] }, { a: [1, { b: 2, c: 3 }], d: 4 }), ['/a/1/c: not shown', '/d: not shown']);
	assert.deepEqual(differs({ a: '1', b: null, c: [1] }, { a: 1, b: 0, c: {} }), ['/a: 1', '/b: 0', '/c: no list']);
});

test('every page of the documentation is in its index', () => {
	const index = fs.readFileSync(path.join(stack.tree, 'docs/README.md'), 'utf8');
	for (const folder of ['', 'examples/'])
		for (const name of fs.readdirSync(path.join(stack.tree, 'docs', folder)).filter((n) => n.endsWith('.md')))
			if (name !== 'README.md') assert.ok(index.includes(`(${folder}${name})`), `${folder}${name}`);
});
