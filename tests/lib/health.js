// Whether the stack under test serves, what is wrong where it does not, and how it is brought back: a
// test must not begin on what another, that failed, has left.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const stack = require('./stack.js');

const { env } = stack;
const PATIENCE_S = 30;

function readOr(file, otherwise) {
	try {
		return fs.readFileSync(file, 'utf8');
	} catch {
		return otherwise;
	}
}

// What readyz says now: its code and words, or what came instead.
const readyz = () => new Promise((resolve) => {
	const asked = http.get(`${env.HOLDFAST_URL}/readyz`, { agent: false, timeout: 6000 }, (answer) => {
		let text = '';
		answer.on('data', (part) => { text += part; });
		answer.on('error', (error) => resolve({ code: 0, text: error.message }));
		answer.on('end', () => resolve({ code: answer.statusCode, text }));
	});
	asked.on('timeout', () => asked.destroy(new Error('no answer in 6 s')));
	asked.on('error', (error) => resolve({ code: 0, text: error.code ?? error.message }));
});

// Of a process by the file that holds its number: `no pid file`, or the number with its state.
function stateOf(file) {
	const pid = readOr(file, '').trim().split('\n')[0];
	if (!pid) return 'no pid file';
	const status = readOr(`/proc/${pid}/status`, '');
	return status ? `${pid} ${/^State:\s*(\S)/m.exec(status)[1]}` : `${pid} gone`;
}

// The last lines of a file, without those of requests that were answered well.
const tail = (file, lines) => readOr(file, '').trimEnd().split('\n')
	.filter((line) => line && !/ status=[234]\d\d/.test(line)).slice(-lines).map((line) => line.slice(0, 240));

// The stack as it stands, in few lines, for the message of a test that failed.
async function told() {
	const now = await readyz();
	const lines = [`readyz: ${now.code} ${now.text.replace(/\s+/g, ' ').slice(0, 400)}`,
		...['postgres', 'redis', 'nginx'].map((name) => `${name}: ${stateOf(path.join(env.HOLDFAST_PIDS, `${name}.pid`))}`)];
	for (const pool of stack.pools) {
		const keeper = stateOf(path.join(env.HOLDFAST_RUN, `${pool}.loop`));
		const workers = stack.workers(pool).map((pid) => (readOr(`/proc/${pid}/wchan`, '') || '?').slice(0, 20));
		lines.push(`${pool}: keeper ${keeper}, multiwatch ${stateOf(path.join(env.HOLDFAST_PIDS, `${pool}.pid`))}, ` +
			`${workers.length} workers (${[...new Set(workers)]})`);
	}
	for (const log of ['booking', 'accounts', 'nginx', 'redis']) {
		const last = tail(path.join(env.HOLDFAST_STATE, `log/${log}.log`), log === 'booking' ? 6 : 2);
		if (last.length) lines.push(`${log}.log:`, ...last.map((line) => `  ${line}`));
	}
	return lines.join('\n');
}

const isServing = async () => (await readyz()).code === 200;

// Starts whatever is missing, as an operator would: what it says if it cannot, or nothing.
function startMissing() {
	try {
		stack.up();
		return '';
	} catch (error) {
		return error.message;
	}
}

// Ends when the stack serves; one that does not by itself is said to be broken, and is mended.
async function serving() {
	for (const end = Date.now() + PATIENCE_S * 1000; Date.now() < end; await stack.pause(50)) {
		if (await isServing()) return;
	}
	console.log(`the stack does not serve, before this test has done anything:\n${await told()}`);
	const failed = startMissing();
	for (const end = Date.now() + PATIENCE_S * 1000; Date.now() < end; await stack.pause(50)) {
		if (await isServing()) return;
	}
	assert.fail(`the stack does not serve, and could not be brought back: ${failed}\n${await told()}`);
}

module.exports = { serving, startMissing, told };
