// Scenarios of the load generator (conf/scenarios) played on the stack under test: what they expect must
// be met, and their histories must have none but possible answers. What a run leaves is kept in
// build/scenarios/NAME: report.json, history, and what was said.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const stack = require('./stack.js');

const home = path.join(stack.tree, 'build/scenarios');

// Settles with its exit status and all that it says, which `file` gets too. Without the owner's address
// of the database, which would go before that of the program's own role.
function run(name, args, { file, stderr = 'pipe' }) {
	const child = spawn(path.join(stack.env.HOLDFAST_BIN, `holdfast-${name}`), ['--config', stack.env.HOLDFAST_CONF, ...args],
		{ stdio: ['ignore', 'pipe', stderr], env: { ...process.env, DATABASE_URL: undefined } });
	const said = fs.createWriteStream(file, { flags: 'a' });
	let text = '';
	for (const stream of [child.stdout, child.stderr].filter(Boolean)) {
		stream.setEncoding('utf8').on('data', (part) => {
			text += part;
			said.write(part);
		});
	}
	const ended = new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code, signal) => said.end(() => resolve({ status: code ?? signal, text })));
	});
	return { child, ended };
}

// A shipped scenario whose holds last so many seconds: the path of the file.
function holding(name, seconds) {
	const text = fs.readFileSync(path.join(stack.tree, `conf/scenarios/${name}.scenario`), 'utf8');
	const file = path.join(home, `${name}-${seconds}.scenario`);
	fs.mkdirSync(home, { recursive: true });
	fs.writeFileSync(`${file}.${process.pid}`, text.replace(/^hold_seconds = \d+$/m, `hold_seconds = ${seconds}`));
	fs.renameSync(`${file}.${process.pid}`, file);
	return file;
}

class Scenario {
	// what: the name or the path of a scenario. as: the name under which it is kept.
	constructor(what, { as = what, buyers, duration, speed, expect = [], args = [], stderr } = {}) {
		this.name = as;
		this.after = stack.sql('select coalesce(max(event_id), 0) from events');
		this.title = path.basename(what, '.scenario');
		this.dir = path.join(home, as);
		fs.rmSync(this.dir, { recursive: true, force: true });
		fs.mkdirSync(this.dir, { recursive: true });
		this.history = path.join(this.dir, 'history');
		this.reportFile = path.join(this.dir, 'report.json');
		this.said = path.join(this.dir, 'said');
		const given = { buyers, duration, speed, history: this.history, report: this.reportFile, url: stack.env.HOLDFAST_URL };
		const options = Object.entries(given).filter(([, value]) => value !== undefined)
			.map(([option, value]) => `--${option}=${value}`);
		Object.assign(this, run('loadgen', [what, ...options, ...expect.map((one) => `--expect=${one}`), ...args],
			{ file: this.said, stderr }));
	}

	// Its event, once it is there.
	async event() {
		const title = `holdfast-loadgen: ${this.title}`;
		return Number(await stack.until(`the event of ${this.name}`, () =>
			stack.sql(`select max(event_id) from events where title = '${title}' and event_id > ${this.after}`), 60));
	}

	// The end: everything that was expected is so. Its report.
	async report({ status: wanted = 0 } = {}) {
		const { status, text } = await this.ended;
		assert.equal(status, wanted, `${this.name} ended with ${status}; see ${this.dir}\n${text}`);
		return JSON.parse(fs.readFileSync(this.reportFile, 'utf8'));
	}

	// It could have happened. Resolves to how many calls were judged.
	async judge(...args) {
		const { status, text } = await run('history', ['check', this.history, ...args], { file: this.said }).ended;
		assert.equal(status, 0, `the history of ${this.name}, ${this.history}:\n${text}`);
		return Number(/^(\d+) calls checked, 0 findings$/m.exec(text)[1]);
	}

	// Its calls one by one: each(call).
	async calls(each) {
		for await (const line of readline.createInterface({ input: fs.createReadStream(this.history) })) {
			const call = JSON.parse(line);
			if (call.n) each(call);
		}
	}
}

module.exports = { Scenario, holding };
