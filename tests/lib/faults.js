// The fault points of a test build (app/base/fault.h): which there are, rules for them, and what fired.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const crowd = require('./crowd.js');
const stack = require('./stack.js');

const dir = `${stack.env.HOLDFAST_CONF}.faults`;

// [{name, who, call}]: call says that it is about something sent to a server, and to which.
const points = fs.readFileSync(path.join(stack.tree, 'app/base/fault.def'), 'utf8').split('\n')
	.map((line) => /^(FAULT|FAULT_CALL)\("([^"]*)", "(\w+): /.exec(line)).filter(Boolean)
	.flatMap(([, kind, name, who]) => {
		if (kind === 'FAULT') return [{ name, who }];
		const call = name.includes('/') ? 'postgres' : 'redis';
		return ['sending', 'sent'].map((when) => ({ name: `${name}.${when}`, who, call }));
	});

// The points that these come by at which this action says something new.
const pointsOf = (who, action) => points.filter((point) => who.includes(point.who) &&
	!(action === 'cut-redis' && point.call === 'postgres') &&
	!(action === 'cut-postgres' && point.call === 'redis')).map((point) => point.name);

// rules: [[point, action, of a thousand, lasting], …]. The programs follow at their next point.
function arm(seed, rules) {
	fs.mkdirSync(dir, { recursive: true });
	fs.writeFileSync(`${dir}/rules.new`,
		`seed ${seed}\n${rules.map((rule) => `${rule.slice(0, 3).join(' ')}\n`).join('')}`);
	fs.renameSync(`${dir}/rules.new`, `${dir}/rules`);
}

// Forgets counts and what fired, too: nothing but living processes knows of it any more.
function disarm() {
	// Out of their way first: they write there while it is emptied.
	const gone = `${dir}.gone`;
	fs.rmSync(gone, { recursive: true, force: true });
	if (!fs.existsSync(dir)) return;
	fs.renameSync(dir, gone);
	fs.rmSync(gone, { recursive: true, force: true, maxRetries: 50, retryDelay: 10 });
}

// {'POINT ACTION': how often}
function fired() {
	const counts = {};
	if (!fs.existsSync(`${dir}/fired`)) return counts;
	for (const line of fs.readFileSync(`${dir}/fired`, 'utf8').split('\n').filter(Boolean)) {
		const [, point, action] = /point=(\S+) action=(\S+)/.exec(line);
		counts[`${point} ${action}`] = (counts[`${point} ${action}`] ?? 0) + 1;
	}
	return counts;
}

// Until each rule has fired. Those that have, so often, make room for the others. `busy` throws what the
// traffic has to complain of.
async function allFired(seed, rules, { often = 1, seconds = 200, busy = () => {} }) {
	const nameOf = ([point, action]) => `${point} ${action}`;
	let open = rules.length;
	for (const end = Date.now() + seconds * 1000; ; await crowd.sleep(50)) {
		busy();
		const counts = fired();
		const missing = rules.filter((rule) => !counts[nameOf(rule)]);
		if (missing.length === 0) return counts;
		assert.ok(Date.now() < end, `not fired in ${seconds} s: ${missing.map(nameOf).join(', ')}`);
		const wanted = rules.filter((rule) => rule[3] || (counts[nameOf(rule)] ?? 0) < often);
		if (wanted.length < open) arm(seed, wanted);
		open = wanted.length;
	}
}

module.exports = { allFired, arm, dir, disarm, fired, points, pointsOf };
