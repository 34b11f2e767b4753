// The crontabs as they are installed, read and run by Debian's cron. The daemon lives in a directory
// of its own (tests/lib/jail) and believes that a job's minute is about to begin; the jobs themselves
// work on the stack, by the machine's clock.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const stack = require('../lib/stack.js');

const { env, run, tree } = stack;
const asRoot = process.getuid() === 0 ? [] : ['sudo', '-n'];
// As make names it, which keeps by this name what each file was made of.
const build = path.relative(tree, path.resolve(env.HOLDFAST_BIN, '..'));
let dir, syslog;

function command(words, options) {
	const done = run(words[0], words.slice(1).map(String), options);
	assert.equal(done.status, 0, `${words.join(' ')}: ${done.stdout}${done.stderr}`);
	return done.stdout;
}
const jail = (verb, ...args) => command([...asRoot, path.join(tree, 'tests/lib/jail'), verb, dir, ...args]);

const mayRoot = () => asRoot.length === 0 || run('sudo', ['-n', 'true']).status === 0;
// The sanitizers look into /proc, which the daemon's directory does not have.
const sanitized = () => /lib[au]san/.test(command(['ldd', path.join(env.HOLDFAST_BIN, 'holdfast-janitor')]));
const reason = !mayRoot() ? 'cron has to be started by root, and sudo asks for a password'
	: sanitized() && 'programs with sanitizers do not start without /proc';

// The lines of a crontab: when, and which program with which words.
function lines(file) {
	return fs.readFileSync(file, 'utf8').split('\n').filter((line) => /^[\d*]/.test(line)).map((line) => {
		const when = line.split(' ').slice(0, 5);
		const [, program, words] = /(?:^|[ /])(holdfast-[a-z-]+)((?: -[^ |]*)*) 2>&1 \| logger/.exec(line);
		return { line, when, program, words: words.trim(), guard: /\[ -x (\S+) \]/.exec(line)?.[1] };
	});
}

// Whether a line is due in that minute of the first of a month.
function isDue({ when: [minute, hour, ...rest] }, at) {
	assert.deepEqual(rest, ['*', '*', '*']);
	const fits = (field, n) => field === '*' || (field.startsWith('*/') ? n % field.slice(2) === 0 : n === Number(field));
	return fits(minute, at % 60) && fits(hour, Math.floor(at / 60));
}

const jobs = fs.readdirSync(path.join(tree, 'app/jobs'))
	.filter((name) => name.endsWith('.c') && name !== 'job.c').map((name) => `holdfast-${name.slice(0, -2)}`);
const [systemFile, userFile] = ['holdfast', 'crontab'].map((name) => path.join(tree, 'cron', name));

test('both crontabs run every job, at the same times', () => {
	const brief = (file) => lines(file).map(({ when, program, words }) => [...when, program, words].join(' ')).sort();
	assert.deepEqual(brief(systemFile), brief(userFile));
	assert.deepEqual([...new Set(lines(systemFile).map((one) => one.program))].sort(), jobs.sort());
	for (const { line, guard, program } of lines(systemFile)) {
		assert.equal(guard, `/usr/local/bin/${program}`, line);
		assert.match(line, new RegExp(`^(\\S+ ){5}holdfast \\[ -x \\S+ \\] && ${program} `));
	}
});

before(() => {
	dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-cron.'));
	fs.chmodSync(dir, 0o755);
	for (const prefix of ['/usr/local', '/opt/holdfast']) {
		command(['make', '-s', '-C', tree, 'install', `DESTDIR=${dir}`, `PREFIX=${prefix}`, `BUILD=${build}`]);
	}
});
after(() => {
	syslog?.kill();
	if (reason) fs.rmSync(dir, { recursive: true });
	else jail('remove');
});

test('what the configuration names is there once it is installed, under any prefix', () => {
	for (const prefix of ['/usr/local', '/opt/holdfast']) {
		const settings = command([`${dir}${prefix}/bin/holdfast-outbox`, '--print-config',
			'--config', `${dir}${prefix}/share/holdfast/conf/holdfast.conf`]);
		const [, templates] = /^mail_templates = (.*)$/m.exec(settings);
		assert.equal(templates, `${prefix}/share/holdfast/conf/mail`);
		fs.accessSync(`${dir}${templates}/booking.confirmed.txt`);
	}
});

test('what the crontabs name is there once it is installed, under any prefix', () => {
	for (const prefix of ['/usr/local', '/opt/holdfast']) {
		const share = path.join(dir, prefix, 'share/holdfast/cron');
		for (const { guard, program } of [...lines(path.join(share, 'holdfast')), ...lines(path.join(share, 'crontab'))]) {
			const installed = `${prefix}/bin/${program}`;
			if (guard) assert.equal(guard, installed);
			fs.accessSync(dir + installed, fs.constants.X_OK);
			assert.match(run(dir + installed, ['--help']).stdout, new RegExp(`^${program}: `));
		}
		for (const file of ['holdfast', 'crontab']) {
			const text = fs.readFileSync(path.join(share, file), 'utf8');
			assert.match(text, new RegExp(`^PATH=${prefix}/bin:/usr/bin:/bin$`, 'm'));
			assert.equal(text.replaceAll(`${prefix}/bin`, '/usr/local/bin'),
				fs.readFileSync(path.join(tree, 'cron', file), 'utf8'));
		}
	}
});

test('the unit of the pools starts what is installed, under any prefix', () => {
	for (const prefix of ['/usr/local', '/opt/holdfast']) {
		const text = fs.readFileSync(`${dir}${prefix}/lib/systemd/system/holdfast@.service`, 'utf8');
		const [, program] = /^ExecStart=(\S+) %i$/m.exec(text);
		assert.equal(program, `${prefix}/bin/holdfast-pool`);
		fs.accessSync(dir + program, fs.constants.X_OK);
	}
});

// The stack's configuration at these places of the jail, and all that it speaks of at its own.
function configure(...places) {
	const text = fs.readFileSync(env.HOLDFAST_CONF, 'utf8').replace(/^metrics_file = .*$/m, 'metrics_file =')
		.replace(/^(log_level|mail_templates) = .*\n/gm, '');
	for (const place of places) {
		fs.mkdirSync(path.dirname(dir + place), { recursive: true });
		fs.writeFileSync(dir + place, `${text}log_level = debug\n`);
	}
	const database = new URL(/^database_url = (.*)$/m.exec(text)[1]).searchParams;
	jail('link', `${database.get('host')}/.s.PGSQL.5432`, database.get('passfile'), env.REDIS_SOCKET,
		...text.match(/^\w+ = @?\/\S+$/mg).map((line) => line.replace(/^.*= @?/, '')));
}

// Collects what is sent to /dev/log, one message a line.
function syslogStart() {
	const receive = `use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; umask 0;
		bind(S, sockaddr_un("$ARGV[0]")) or die; $| = 1;
		while (defined recv(S, $m, 65536, 0)) { $m =~ s/[\\0\\n]/ /g; print "$m\\n" }`;
	const file = path.join(dir, 'syslog');
	syslog = spawn('perl', ['-e', receive, path.join(dir, 'dev/log')],
		{ stdio: ['ignore', fs.openSync(file, 'w'), 'inherit'] });
	return () => fs.readFileSync(file, 'utf8').split('\n');
}

test('cron reads both and runs each job at its time', { skip: reason }, async () => {
	const installed = path.join(dir, 'usr/local/share/holdfast/cron/holdfast');
	// While whoever runs this may make it, and so that all may read it: then it is root's.
	command(['install', '-d', '-m', '0755', ...['etc', 'etc/holdfast'].map((name) => path.join(dir, name))]);
	jail('make', process.getuid(), process.getgid());
	configure('/etc/holdfast/holdfast.conf', '/srv/shop.conf');
	command([...asRoot, 'install', '-m', '0644', installed, path.join(dir, 'etc/cron.d/holdfast')]);
	// What the file says is to be filled in.
	fs.writeFileSync(path.join(dir, 'tmp/crontab'), fs.readFileSync(
		path.join(dir, 'opt/holdfast/share/holdfast/cron/crontab'), 'utf8')
		.replace(/^HOLDFAST_CONF=.*$/m, 'HOLDFAST_CONF=/srv/shop.conf'));
	jail('crontab', '/tmp/crontab');
	const log = syslogStart();
	await stack.until('the log is received', () => fs.existsSync(path.join(dir, 'dev/log')));

	const began = stack.sql('select now()');
	for (let left = lines(installed); left.length > 0;) {
		const at = Array.from({ length: 1440 }, (_, n) => n).find((n) => isDue(left[0], n));
		const due = lines(installed).filter((one) => isDue(one, at));
		left = left.filter((one) => !isDue(one, at));
		await cronAt(at, due, log);
	}
	const ran = stack.sql(`select name from jobs where started_at >= '${began}' and ended_at is not null
		and error is null and ok_at >= '${began}' order by name`).split('\n');
	for (const job of jobs) assert.ok(ran.some((name) => `holdfast-${name}`.startsWith(job)), `${job}: ${ran}`);
	assert.ok(!log().some((line) => / (mail|MTA|error|BAD)\b/i.test(line.replace(/ error=-/, ''))), log().join('\n'));
});

// cron's minute `at` of the day begins two seconds after it has started.
async function cronAt(at, due, log) {
	const time = new Date(Date.UTC(2031, 0, 1) + at * 60000 - 2000).toISOString().replace('T', ' ').slice(0, 19);
	const before_ = log().length;
	const daemon = spawn([...asRoot, path.join(tree, 'tests/lib/jail')][0],
		[...asRoot, path.join(tree, 'tests/lib/jail'), 'cron', dir, time].slice(1), { stdio: 'inherit' });
	const gone = new Promise((resolve) => { daemon.on('exit', resolve); });
	try {
		await stack.until(`cron runs what is due at ${time}`, () => {
			assert.equal(daemon.exitCode, null, log().join('\n'));
			const said = log().slice(before_ - 1);
			return due.every(({ program, words }) => {
				const name = program.replace('holdfast-', '');
				const same = due.filter((one) => one.program === program).length;
				return ['holdfast', 'shop'].every((user) => said.some((line) => line.includes(`(${user}) CMD (`)
						&& line.includes(`${program}${words && ` ${words}`} 2>&1`)))
					&& said.filter((line) => line.includes(` program=${name} `) && / job=/.test(line)).length >= 2 * same;
			});
		}, 60).catch((error) => assert.fail(`${error.message}\n${log().join('\n')}`));
	} finally {
		jail('stop');
		await gone;
	}
}

test('the books are right at the end', () => stack.verify());
