// The commands of docs/*.md can be run as they stand: behind those of docs/README.md, in one shell a page.
'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { freePort } = require('../lib/front.js');
const stack = require('../lib/stack.js');
const { commands, follow, page } = require('../lib/walk.js');

const { env, tree } = stack;
const pages = fs.readdirSync(path.join(tree, 'docs')).filter((name) => name.endsWith('.md'))
	.filter((name) => commands(`docs/${name}`).length > 0);
let directory, beginning;

before(() => {
	const done = stack.program('demo', [], 'a demo password\n');
	assert.equal(done.status, 0, done.stderr);
	directory = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-docs.'));
	// make, as far as pages need it: for the stack under test. What runs in the background ends with the shell.
	beginning = `trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
make() {
	case $1 in
	-s) deploy/stack --bin "$HOLDFAST_BIN" --state "$HOLDFAST_STATE" env ;;
	up) node -e 'require("./tests/lib/stack.js").up(Object.fromEntries(process.argv[1].replace("SET=", "").trim()
		.split(/\\s+/).map((pair) => pair.split("="))))' "$2" ;;
	esac
}
${commands('docs/README.md').join('')}`;
	// In /usr/bin alone: programs are found as \`make -s env\` says.
	env.PATH = env.PATH.split(':').filter((one) => one !== env.HOLDFAST_BIN).join(':');
});
after(() => {
	fs.rmSync(directory, { recursive: true });
});

// Answers of the API, one a line, none of which says that the page has asked for what there is not.
function answers(text) {
	const found = text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
	for (const { type, ...more } of found)
		if (type) assert.doesNotMatch(type, /invalid|malformed|unauth|forbidden|not-found|unsupported/, JSON.stringify(more));
	return found;
}

// Scenarios as they stand, but shorter.
const brief = `
holdfast-loadgen() {
	case $1 in
	--list | requests) command holdfast-loadgen "$@" ;;
	*) command holdfast-loadgen "$@" --duration 2 --quiet ;;
	esac
}`;

const runs = {
	'README.md': () => assert.deepEqual(follow('docs/README.md', beginning), ['']),
	'analytics.md': () => {
		const [both] = follow('docs/analytics.md', beginning).map(answers);
		assert.equal(both.length, 2);
	},
	'history.md': () => {
		const [first, second] = follow('docs/history.md', beginning + brief, [['/tmp/', `${directory}/`], ['--buyers 100', '--buyers 20']]);
		assert.match(first, /^\d+ calls checked, 0 findings$/m);
		assert.match(second, /^rule 2, /m);
	},
	'loadgen.md': () => {
		const [scenarios, single] = follow('docs/loadgen.md', beginning + brief,
			[['/tmp/', `${directory}/`], ['--seconds 5', '--seconds 1'], ['--buyers 500', '--buyers 20']]);
		assert.match(scenarios, /^rush /m);
		assert.equal(answers(single).length, 1);
		assert.ok(fs.existsSync(path.join(directory, 'report.json')));
	},
	'notices.md': () => {
		const [log, hooks, signature, deliveries] = follow('docs/notices.md', beginning);
		assert.ok(answers(log)[0].items.length > 0);
		const [made, list] = answers(hooks);
		assert.match(made.secret, /^whsec_/);
		assert.ok(list.items.some((one) => one.webhook_id === made.webhook_id));
		assert.equal(signature.trim(), createHmac('sha256', Buffer.from(made.secret.slice(6), 'base64'))
			.update('0190f6f2-0000-7000-8000-000000000000.1795435200.{"type":"booking.confirmed"}').digest('base64'));
		assert.doesNotMatch(deliveries, /rror/);
	},
	'payments.md': async () => {
		const [said] = follow('docs/payments.md', beginning, [['12111', String(await freePort())]]);
		assert.match(said, /^"succeeded"$/m);
		assert.match(said, /"status": "CONFIRMED"/);
	},
	'pricing.md': () => {
		const [[event]] = follow('docs/pricing.md', beginning).map(answers);
		assert.equal(event.pricing.ceiling_percent, 200);
	},
	'queue.md': () => {
		const [[status, confirmed]] = follow('docs/queue.md', beginning).map(answers);
		assert.equal(status.status, 'reserved');
		assert.equal(confirmed.status, 'CONFIRMED');
	},
};

// What others run, or what takes a machine to itself.
const elsewhere = {
	'failover.md': 'tests/fault/failover.test.js',
	'failures.md': 'make',
	'installing.md': 'tests/http/installing.test.js',
	'live.md': 'tests/http/live.test.js',
	'recovery.md': 'tests/fault/recovery.test.js',
	'testing.md': 'make',
};

for (const [name, run] of Object.entries(runs)) test(`the commands of docs/${name}`, run);

test('every page with commands is run here or elsewhere', () => {
	assert.deepEqual([...Object.keys(runs), ...Object.keys(elsewhere)].sort(), pages.sort());
	for (const where of Object.values(elsewhere)) assert.ok(where === 'make' || fs.existsSync(path.join(tree, where)), where);
});

test('there is all that the pages have make do', () => {
	const makefile = page('Makefile');
	const found = ['README.md', ...pages.map((name) => `docs/${name}`), 'docs/benchmark.md']
		.flatMap((file) => [...page(file).matchAll(/^ *(?:[A-Z_]+=\S+ )*make ((?:[a-z]+-)*[a-z]+)\b/gm)].map(([, target]) => [file, target]));
	assert.ok(found.length > 15);
	for (const [file, target] of found) assert.match(makefile, new RegExp(`^(?:[a-z-]+ )*${target}(?: [a-z-]+)*:`, 'm'), `${file}: make ${target}`);
});
