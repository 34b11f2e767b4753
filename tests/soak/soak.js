// The soak: buyers of the scenario on the stack under test, the jobs beside them, and every ten seconds a
// look at what all parts use. See tests/soak/run.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { Drawing, colors } = require('../bench/picture.js');
const crowd = require('../lib/crowd.js');
const { Scenario } = require('../lib/scenario.js');
const stack = require('../lib/stack.js');
const { Jobs } = require('./jobs.js');
const { judge } = require('./judge.js');
const { Sampler, measures } = require('./sample.js');

const { env } = process;
const lasts = Number(env.SOAK_SECONDS ?? 3600), buyers = Number(env.SOAK_BUYERS ?? 40);
const every = Math.min(10, Math.max(0.5, lasts / 40));
const keptAs = env.SOAK_NAME ?? 'soak';
const out = path.join(stack.tree, 'build', keptAs);
const jobs = [['janitor'], ['reconcile', '--light'], ['outbox'], ['queue-advance'], ['rollup']];

const number = (n) => (Math.abs(n) < 10 && !Number.isInteger(n) ? n.toFixed(1) : Math.round(n).toLocaleString('en-US'));
let interrupted = false;

// ---- while it runs --------------------------------------------------------------------------------

function say({ seconds, bookings, pools, redis, postgres }) {
	const largest = Math.max(...pools.booking.map((worker) => worker.memory));
	const line = `soak: ${Math.round(seconds)} of ${lasts} s, ${number(bookings)} bookings, a worker ${number(largest / 1024)} kB, `
		+ `Redis ${number(redis.memory / 1024)} kB, PostgreSQL ${postgres.sessions} connections`;
	process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

// Until the buyers have gone.
async function watch(scenario, event) {
	const samples = [], sampler = new Sampler(event);
	let running = true;
	scenario.ended.finally(() => { running = false; });
	// Accounts come first: what is measured begins with the sale.
	await stack.until('the first booking', async () => !running || (await sampler.take()).bookings > 0, 300);
	sampler.began = Date.now();
	while (running) {
		const next = Date.now() + every * 1000;
		const sample = await sampler.take().catch((error) => {
			if (!interrupted) throw error;
		});
		// The buyers have gone a moment before the run is over, and so may the stack, if it is to end.
		if (!running || !sample || sample.nginx.connections === 0) break;
		samples.push(sample);
		say(sample);
		while (running && Date.now() < next) await stack.pause(50);
	}
	sampler.close();
	if (process.stderr.isTTY) process.stderr.write('\n');
	return samples;
}

// ---- how it went ----------------------------------------------------------------------------------

const limitOf = ({ per, allowed, unit }) => (per === 'always' ? `always ${allowed}` : `${number(allowed)} ${unit} a ${per}`.replace('  ', ' '));

function tableOf(rows) {
	return ['| measure | first | half | last | grows by | at most | |', '| --- | ---: | ---: | ---: | ---: | ---: | --- |',
		...rows.map((row) => `| ${row.name}${row.unit && `, ${row.unit}`} | ${number(row.first)} | ${number(row.half)} | ${number(row.last)} `
			+ `| ${number(row.grows)} | ${limitOf(row)} | ${row.met ? 'ok' : '**grows**'} |`)];
}

// A panel for each measure, but of the workers one for each pool: lines over time, from zero on, of so many
// points as can be seen.
function drawn(all, taken) {
	const d = new Drawing(930), wide = 360, high = 80, step = Math.ceil(taken.length / 60);
	const samples = taken.filter((_, i) => i % step === 0 || i === taken.length - 1);
	const panels = new Map();
	for (const measure of all.filter((one) => one.exactly === undefined)) {
		const name = measure.name.replace(/^(\S+) \d+:/, '$1:');
		panels.set(name, [...panels.get(name) ?? [], measure]);
	}
	const last = samples.at(-1).seconds || 1;
	[...panels].forEach(([name, list], n) => {
		const x0 = 70 + (n % 2) * 440, y0 = 40 + Math.floor(n / 2) * 135 + high;
		const most = Math.max(1e-9, ...list.flatMap(({ of }) => samples.map(of)));
		d.text(x0, y0 - high - 12, `${name}${list[0].unit && `, ${list[0].unit}`}`, 'font-weight="bold"');
		d.line(x0, y0, x0 + wide, y0);
		d.text(x0 - 6, y0 - high + 4, number(most), 'text-anchor="end"');
		d.text(x0 + wide, y0 + 15, `${Math.round(last)} s`, 'text-anchor="end"');
		list.forEach(({ of }, i) => d.add(`<polyline points="${samples.map((sample) =>
			`${(x0 + (wide * sample.seconds) / last).toFixed(1)},${(y0 - (high * of(sample)) / most).toFixed(1)}`).join(' ')}" `
			+ `fill="none" stroke="${colors[i % colors.length]}"/>`));
		d.y = Math.max(d.y, y0 + 20);
	});
	return d;
}

function write(about, rows, all, samples) {
	const head = [`${about.date}, ${about.machine}: ${number(about.seconds)} s, ${about.buyers} buyers, ${number(about.calls)} calls, `
		+ `${number(about.bookings)} bookings, ${samples.length} looks, ${about.jobs} rounds of jobs.`, '',
	'What must be flat is judged by its slope over the second half, times the length of that half; what grows with the '
		+ 'bookings by its slope for one booking.', ''];
	fs.mkdirSync(out, { recursive: true });
	fs.writeFileSync(path.join(out, 'report.md'), `${[...head, ...tableOf(rows)].join('\n')}\n`);
	fs.writeFileSync(path.join(out, 'report.json'), `${JSON.stringify({ about, rows, samples })}\n`);
	fs.writeFileSync(path.join(out, 'soak.svg'), drawn(all, samples).svg(about));
}

// Of each pool and measure the worker that grows most; all else as it is.
function shortened(rows) {
	const worst = new Map();
	for (const row of rows) {
		const name = row.name.replace(/^(\S+) \d+:/, '$1, worst worker:');
		const before = worst.get(name);
		if (!before || row.grows - row.allowed > before.grows - before.allowed) worst.set(name, { ...row, name });
	}
	return [...worst.values()];
}

// ---- all of it ------------------------------------------------------------------------------------

// What else is wrong, in words. Of a run that was interrupted nothing is said: its stack may be gone.
async function checked(scenario, event) {
	const wrong = [];
	const attempt = async (what) => {
		try {
			return await what();
		} catch (error) {
			wrong.push(error.message);
			return null;
		}
	};
	if (interrupted) return { wrong, calls: 0 };
	const report = await attempt(() => scenario.report());
	const calls = await attempt(() => scenario.judge());
	await attempt(() => crowd.booksCheck());
	await attempt(() => crowd.verify([event]));
	return { wrong, calls: calls ?? report?.calls ?? 0 };
}

async function main() {
	if (!(lasts >= 5 && buyers >= 1)) {
		console.error('SOAK_SECONDS is at least 5, SOAK_BUYERS at least 1');
		return 2;
	}
	const scenario = new Scenario('soak', { as: keptAs, buyers, duration: lasts, args: ['--quiet'] });
	const stop = () => {
		interrupted = true;
		scenario.child.kill('SIGINT');
	};
	process.on('SIGINT', stop).on('SIGTERM', stop);
	// Whatever goes wrong, no buyer stays behind.
	process.on('exit', () => scenario.child.kill('SIGKILL'));
	const event = await scenario.event();
	// As the crontab has them; in a short soak more often.
	const running = new Jobs(jobs, Math.min(60, lasts / 6), () => interrupted);
	const samples = await watch(scenario, event);
	const { wrong, calls } = await checked(scenario, event);
	await running.end().catch((error) => wrong.push(error.message));
	if (samples.length < 4) wrong.push(`only ${samples.length} looks: nothing can be said`);
	else {
		const all = measures(samples[0]), rows = judge(all, samples);
		const about = { date: new Date().toISOString().slice(0, 16).replace('T', ' '), machine: `${os.cpus()[0].model}, ${os.cpus().length} cores`,
			seconds: samples.at(-1).seconds, buyers, calls, bookings: samples.at(-1).bookings, jobs: running.runs };
		write(about, rows, all, samples);
		console.log(tableOf(shortened(rows)).join('\n'));
		wrong.push(...rows.filter((row) => !row.met).map((row) => `${row.name} grows: ${number(row.grows)}, at most ${limitOf(row)}`));
		console.log(`${number(about.bookings)} bookings, ${number(calls)} calls; the whole report is in ${out}`);
	}
	for (const one of wrong) console.log(`FAILED ${one}`);
	console.log(`${wrong.length} failed`);
	return interrupted ? 130 : Number(wrong.length > 0);
}

main().then((status) => { process.exitCode = status; }, (error) => {
	console.error(error);
	process.exit(1);
});
