// The outbox of the stack: runs of the job, what it has to deliver, and webhooks that lead to this machine.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');

const { assertStatus, post } = require('./client.js');
const stack = require('./stack.js');

const from = 'mail_from=Box office <office@example.test>';

// One run of the job: {status, stdout, stderr}. Asynchronous, since the receivers are in this process.
function outbox(...args) {
	const child = spawn(path.join(stack.env.HOLDFAST_BIN, 'holdfast-outbox'), ['--config', stack.env.HOLDFAST_CONF,
		'--set', 'webhooks_allow_private=on', '--set', 'webhook_timeout_ms=1500', '--set', 'smtp_timeout_ms=1500', ...args],
	{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, DATABASE_URL: undefined } });
	const done = { child, stdout: '', stderr: '' };
	child.stdout.on('data', (bytes) => { done.stdout += bytes; });
	child.stderr.on('data', (bytes) => { done.stderr += bytes; });
	done.end = new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (status, signal) => resolve({ status, signal, stdout: done.stdout, stderr: done.stderr }));
	});
	return done;
}
async function run(...args) {
	const done = await outbox(...args).end;
	assert.equal(done.status, 0, done.stderr);
	assert.equal(done.stdout, '');
	return done.stderr;
}

// As if all pauses were over.
const due = () => stack.sql(`update deliveries set next_at = now() where status = 'waiting';
	update delivery_lanes set paused_until = '-infinity'`);
const deliveries = (id, columns = 'template, status') => stack.sql(`select ${columns} from deliveries
	where event_id = ${id} order by position, channel, template, target_id`).split('\n').filter(Boolean);
const notices = (...args) => stack.program('notices', args);

// A webhook whose address stands for one of this machine: made as everybody makes one, then moved.
async function webhookOf(who, receiver, options = {}) {
	const { kinds, where = '/hook' } = options;
	const made = assertStatus(await post('/admin/webhooks', { url: 'https://hooks.example.com/', kinds }, { token: who.token }), 201).body;
	stack.sql(`update webhooks set url = '${receiver.url}${where}' where webhook_id = '${made.webhook_id}'`);
	return made;
}

module.exports = { deliveries, due, from, notices, outbox, run, webhookOf };
