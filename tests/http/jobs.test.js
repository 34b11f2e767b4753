// What all jobs have in common, for each line of the crontab: options, exit statuses, what is said and
// what is written down, one copy at a time, and how a run is ended.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const { get } = require('../lib/client.js');
const { Session } = require('../lib/crowd.js');
const stack = require('../lib/stack.js');
const { buyer, event, held, staff } = require('../lib/world.js');

const superuser = (text) => stack.sql(text, 'postgres');
const lines = fs.readFileSync(path.join(stack.tree, 'cron/crontab'), 'utf8').split('\n')
	.filter((line) => /^[\d*]/.test(line))
	.map((line) => /^(?:\S+ ){5}holdfast-([a-z-]+)((?: -[^ |]*)*) 2>&1/.exec(line))
	.map(([, program, words]) => ({ program, words: words.trim().split(' ').filter(Boolean) }));

let olga, ann, here;

before(async () => {
	[olga, ann] = [await staff(), await buyer()];
	here = await event(olga);
	await held(ann, here.event_id, ['B1']);
});
after(() => stack.verify());

test('there are jobs', () => assert.ok(lines.length > 0));

for (const { program, words } of lines) {
	const title = [program, ...words].join(' ');
	const role = `holdfast_${program.replaceAll('-', '_')}`;
	const run = (...args) => stack.program(program, [...words, ...args]);
	const binary = path.join(stack.env.HOLDFAST_BIN, `holdfast-${program}`);
	// Its row in the table of jobs: the one that a run writes.
	let name;
	const row = () => JSON.parse(stack.sql(`select row_to_json(j) from job_list() j where name = '${name}'`));

	// The summary, which is all that is said unless something fails.
	function summary(done, status = 0) {
		assert.equal(done.status, status, `${title}: ${done.stdout}${done.stderr}`);
		const said = done.stderr.trimEnd().split('\n');
		if (status === 0) assert.equal(said.length, 1, done.stderr);
		assert.match(said.at(-1), new RegExp(`program=${program} .*job=\\S+ rows=\\d+ ms=\\d+`));
		return said.at(-1);
	}

	// The server ends a session, and with it what the session has locked, a moment after its client has gone.
	const free = () => stack.until('the run before has let go', () => !row().running);

	// What the role waits, in this stack's database alone: others run beside it in the same cluster.
	const patience = (...settings) => settings.forEach((setting) => superuser(`do $$ begin
		execute format('alter role ${role} in database %I ${setting}', current_database()); end $$`));

	// A run that waits within its first batch, as long as a session has all tables locked.
	async function blocked(args, act) {
		patience('set lock_timeout = 60000', 'set statement_timeout = 60000');
		const session = new Session();
		try {
			const tables = superuser(`select string_agg(format('holdfast.%I', relname), ', ') from pg_class
				where relnamespace = 'holdfast'::regnamespace and relkind in ('r', 'p') and relname <> 'jobs'`);
			await session.say(`begin; lock table ${tables} in access exclusive mode`);
			const child = spawn(binary, ['--config', stack.env.HOLDFAST_CONF, '--set', 'worker_budget_ms=60000', ...words, ...args],
				{ stdio: ['ignore', 'pipe', 'pipe'] });
			let text = '';
			child.stderr.on('data', (bytes) => { text += bytes; });
			const ended = new Promise((resolve) => {
				child.on('close', (status, signal) => resolve({ status, signal, stdout: '', stderr: text }));
			});
			await stack.until(`${title} waits`, () => superuser(`select count(*) from pg_stat_activity
				where datname = current_database() and wait_event_type = 'Lock'`) !== '0', 20);
			return await act(child, session, ended);
		} finally {
			await session.close();
			patience('reset lock_timeout', 'reset statement_timeout');
		}
	}

	describe(title, () => {
		test('what may be asked of it', () => {
			const { stdout } = stack.program(program, ['--help']);
			for (const option of ['--dry-run', '--limit N', '--for SECONDS', '--verbose', '75']) {
				assert.ok(stdout.includes(option), `${option}: ${stdout}`);
			}
			for (const args of [['--limit', '0'], ['--limit', 'x'], ['--limit'], ['--for', '0'], ['--for'], ['--no-such'], ['word']]) {
				assert.equal(run(...args).status, 2, args.join(' '));
			}
		});

		test('a run is written down, and says one line', async () => {
			const began = stack.sql('select now()');
			const said = summary(run());
			name = / job=(\S+)/.exec(said)[1];
			const now = row();
			assert.ok(Date.parse(now.started_at) >= Date.parse(began));
			assert.ok(now.ended_at && now.ok_at, JSON.stringify(now));
			assert.deepEqual([now.error, now.running], [null, false]);
			assert.equal(now.rows, Number(/ rows=(\d+)/.exec(said)[1]));
			assert.equal(run().stdout, '');
			assert.equal((await get('/readyz')).body.jobs[name].error, null);
		});

		test('a dry run changes nothing, and a limit and a time are kept to', async () => {
			const [books, ran] = [stack.books(), row()];
			assert.match(summary(run('--dry-run')), / dry_run=yes/);
			assert.equal(stack.books(), books);
			delete ran.ok_age_seconds;
			const now = row();
			for (const key of Object.keys(ran).filter((one) => !/late|age/.test(one))) assert.deepEqual(now[key], ran[key], key);
			await free();
			assert.ok(Number(/ rows=(\d+)/.exec(summary(run('--limit', '1')))[1]) <= 1);
			await free();
			summary(run('--for', '1'));
			await free();
		});

		test('a second copy leaves at once', async () => {
			const first = new Session();
			await first.say(`select holdfast.job_begin('${name}')`);
			const ran = row();
			assert.equal(ran.running, true);
			const done = run('--verbose');
			assert.equal(done.status, 0, done.stderr);
			assert.match(done.stderr, / busy=yes/);
			assert.equal(row().started_at, ran.started_at);
			await first.close();
			await stack.until('the lock has gone', () => !row().running);
			assert.equal(row().error, 'killed');
			summary(run());
			assert.equal(row().error, null);
		});

		test('SIGTERM ends it after the batch', async () => {
			const done = await blocked([], async (child, session, ended) => {
				child.kill('SIGTERM');
				await stack.pause(100);
				assert.equal(child.exitCode, null, 'not before');
				await session.say('rollback');
				return ended;
			});
			assert.match(summary(done), / stopped=yes/);
			const now = row();
			assert.deepEqual([now.error, now.running, Boolean(now.ended_at)], [null, false, true]);
		});

		test('killed in the middle of a batch', async () => {
			const done = await blocked([], (child, session, ended) => {
				child.kill('SIGKILL');
				return ended;
			});
			assert.equal(done.signal, 'SIGKILL');
			await stack.until('its backend has gone', () => !row().running);
			assert.equal(row().error, 'killed');
			assert.equal((await get('/readyz')).body.jobs[name].error, 'killed');
			summary(run());
			assert.equal(row().error, null);
		});

		test('a failure is told, 75 where it is a server that is away', () => {
			assert.equal(run('--set', 'database_url=postgresql:///x?host=/nowhere').status, 75);
			const mine = superuser(`select string_agg(p.oid::regprocedure::text, ', ') from pg_proc p
				where p.pronamespace = 'holdfast'::regnamespace and p.proname not like 'job\\_%'
					and has_function_privilege('${role}', p.oid, 'execute')`);
			const ok = row().ok_at;
			superuser(`revoke execute on function ${mine} from ${role}`);
			try {
				assert.match(summary(run(), 1), / error=\S+/);
				const now = row();
				assert.ok(now.error && now.error !== 'killed' && now.ended_at);
				assert.equal(now.ok_at, ok, 'the last good run is remembered');
			} finally {
				superuser(`grant execute on function ${mine} to ${role}`);
			}
			summary(run());
			assert.equal(row().error, null);
		});
	});
}
