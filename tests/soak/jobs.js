// The jobs beside a soak, one after the other, again and again.
'use strict';

const { execFile } = require('node:child_process');
const path = require('node:path');

const { pause } = require('../lib/stack.js');

const { env } = process;

// jobs: [[name, argument…]], all of them each so many seconds. What a job complains of is thrown by end(), but
// not what it says when everything is interrupted.
class Jobs {
	constructor(jobs, seconds, interrupted = () => false) {
		Object.assign(this, { jobs, seconds, interrupted, runs: 0, over: false });
		this.done = this.run();
		// Nobody waits for it before the end: until then it is no rejection that nobody handles.
		this.done.catch(() => {});
	}

	async run() {
		while (!this.over) {
			const next = Date.now() + this.seconds * 1000;
			for (const [name, ...args] of this.jobs) await this.one(name, args);
			this.runs++;
			while (!this.over && Date.now() < next) await pause(100);
		}
	}

	one(name, args) {
		return new Promise((resolve, reject) => {
			execFile(path.join(env.HOLDFAST_BIN, `holdfast-${name}`), ['--config', env.HOLDFAST_CONF, ...args],
				{ env: { ...env, DATABASE_URL: undefined } }, (error, _, said) => {
					if (error && !this.interrupted()) reject(new Error(`${name} ended with ${error.code ?? error.signal}: ${said}`));
					else resolve();
				});
		});
	}

	end() {
		this.over = true;
		return this.done;
	}
}

module.exports = { Jobs };
