// The private stack and its state directory: what it refuses to touch, and what it takes up where a run before
// it has failed. Stacks beside the one under test.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, test } = require('node:test');

const { env, run, tree } = require('../lib/stack.js');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-state.'));
after(() => fs.rmSync(dir, { recursive: true, force: true }));

const stack = (state, args, from = tree, set = '') => run(path.join(from, 'deploy/stack'),
	['--bin', env.HOLDFAST_BIN, '--state', state, ...args],
	{ env: { ...env, HOLDFAST_SET: set, HOLDFAST_NOSYNC: '1', HOLDFAST_NODEMO: '1' } });
function well(done) {
	assert.equal(done.status, 0, done.stdout + done.stderr);
	return done.stdout;
}

test('a directory that is no stack of ours is left as it is', () => {
	for (const [name, file] of [['somebody', 'letters'], ['django', 'settings']]) {
		const state = path.join(dir, name);
		fs.mkdirSync(state);
		fs.chmodSync(state, 0o755);
		fs.writeFileSync(path.join(state, file), 'mine\n');
		for (const [command, status] of [['up', 1], ['cluster', 1], ['clean', 1], ['env', 1], ['migrate', 1], ['down', 0]])
			assert.equal(stack(state, [command]).status, status, `${command} ${name}`);
		assert.deepEqual(fs.readdirSync(state), [file]);
		assert.equal(fs.readFileSync(path.join(state, file), 'utf8'), 'mine\n');
		assert.equal(fs.statSync(state).mode & 0o777, 0o755);
		assert.match(stack(state, ['clean']).stderr, /no stack's: nothing was removed/);
	}
});

test('what a run left behind that was killed at its beginning can be removed', () => {
	const state = path.join(dir, 'begun');
	fs.mkdirSync(state);
	well(stack(state, ['clean']));
	assert.ok(!fs.existsSync(state), 'empty');

	fs.mkdirSync(path.join(state, 'pids'), { recursive: true });
	for (const file of ['lock', 'settings', 'settings.new']) fs.writeFileSync(path.join(state, file), '');
	assert.match(stack(state, ['env']).stderr, /there is no stack/);
	well(stack(state, ['clean']));
	assert.ok(!fs.existsSync(state), 'with its first files');
});

test('a database that could not be made is made by the next run', (t) => {
	const state = path.join(dir, 'halfway');
	t.after(() => well(stack(state, ['clean'])));
	well(stack(state, ['cluster']));
	const [, url] = /^export DATABASE_URL='(.*)'$/m.exec(well(stack(state, ['env'])));
	const passwords = path.join(state, 'secrets/pgpass');
	well(run('psql', [url.replace(/holdfast_owner@\/holdfast/, 'postgres@/postgres'), '-qX', '-c', 'drop database holdfast']));
	fs.writeFileSync(passwords, fs.readFileSync(passwords, 'utf8').replace(/^.*:holdfast_owner:.*\n/m, ''));

	well(stack(state, ['cluster']));
	assert.equal(well(run('psql', [url, '-qXAt', '-c', 'select count(*) > 20 from sqitch.changes'])), 't\n');
});

test('half of a configuration for nginx is none', (t) => {
	const state = path.join(dir, 'without nginx');
	const copy = path.join(dir, 'tree');
	for (const part of ['deploy', 'conf', 'sql']) fs.cpSync(path.join(tree, part), path.join(copy, part), { recursive: true });
	fs.writeFileSync(path.join(copy, 'deploy/nginx-conf'), '#!/bin/sh\necho "# no server"\nexit 1\n');
	t.after(() => well(stack(state, ['clean'])));
	const done = stack(state, [...env.HOLDFAST_TEST_CLUSTER ? ['--cluster', env.HOLDFAST_TEST_CLUSTER] : [], 'up'], copy);
	assert.equal(done.status, 1, done.stdout);
	assert.match(done.stderr, /nginx's configuration could not be made/);
});

test('a stack keeps its port, whatever make is not told', () => {
	const words = (...more) => run('make', ['-n', '-C', tree, 'up', 'STATE=x', ...more], { env: { ...env, PORT: '', MAKEFLAGS: '' } }).stdout;
	assert.match(words(), /deploy\/stack .*--state "x" +up$/m);
	assert.match(words('PORT=8123'), /deploy\/stack .*--port "8123" up$/m);
});

test("nginx's configuration takes a path as it is, and each option with its value", () => {
	const conf = (...args) => run(path.join(tree, 'deploy/nginx-conf'), ['--bin', env.HOLDFAST_BIN, '--config', env.HOLDFAST_CONF,
		'--template', path.join(tree, 'conf/nginx.conf.in'),
		'--problems', path.join(tree, env.BUILD ?? 'build', 'gen/nginx-problems.conf'), ...args]);
	assert.match(well(conf('--run', '/run/R&D')), /unix:\/run\/R&D\/booking\.sock/);
	for (const option of ['--run', '--listen']) {
		const done = conf(option);
		assert.deepEqual([done.status, done.stdout], [2, '']);
		assert.match(done.stderr, /^Prints nginx's configuration/);
	}
});

test('what only the workers of a pool would refuse is refused before anything is started', () => {
	const state = path.join(dir, 'refused');
	for (const [set, why] of [['payment_provider=stripe', /payment.* needs a stripe_api_key/], ['redis_url=x', /redis_url/]]) {
		const done = stack(state, ['up'], tree, set);
		assert.equal(done.status, 1, done.stdout);
		assert.match(done.stderr, why);
		assert.match(done.stderr, /nothing was started/);
		assert.equal(done.stdout, '');
	}
	well(stack(state, ['clean']));
});
