// The benchmark's report (tests/bench): it says how often what was measured.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { text } = require('../bench/report.js');

const about = { date: '2026-01-01', machine: '2 cores', commit: 'abcdef0', workers: 8, connections: 32, seconds: 1.5, rounds: 5 };
const longest = { few: { us: 5000, what: 'GET /', connections: 32 }, many: { us: 0 } };
const reported = (name, more, result) => text({ [name]: { about: { ...about, ...more }, longest, result } });

const janitor = (rate, longest) => ({ due: 1000, rate, longest_ms: longest, alone_p99_ms: 3, beside_p99_ms: 4 });
const stream = (ratio, p99) => ({ ratio, p99_ms: p99, live_kb: 2048, nginx_kb: 1024 });

test('what was measured beside others is summed up over its rounds, and what was measured once is said to be', () => {
	const said = reported('beside', { rounds: 3, seconds: null }, { janitor: [janitor(100, 5), janitor(300, 9), janitor(200, 7)],
		live: { count: 100, rounds: [stream(0.7, 3000), stream(0.9, 2000), stream(0.8, 2500)] } });
	assert.doesNotMatch(said, /measures of/);
	assert.match(said, /\(200 \(100–300\) a second, no transaction longer than 9 ms\).* by turns in 3 rounds\./);
	assert.match(said, /holds ran at 0\.80 \(0\.70–0\.90\) of their rate .* p99 of 2\.50 \(2\.00–3\.00\) s, by turns in 3 rounds\./);
	assert.match(said, /^\| holds while 10,000 watch .* \| ok \|$/m);
	assert.match(said, /^\| p99 of what they are told.* \| \*\*missed\*\* \|$/m);
	const move = { wal: 1000, syncs: 1, images: 0, redis: 100 }, memory = { resident_kb: 10240, share_kb: 2048 };
	const cost = reported('cost', { seconds: null }, { rounds: Array(5).fill({ hold: move, confirm: move, cancel: move, seat: { redis: 60 } }),
		count: 5000, memory: { before: memory, after: memory, requests: 20000 } });
	assert.match(cost, /commit abcdef0, 5 rounds\.$/m);
	assert.match(cost, /^Measured once: the largest worker/m);
});

test('the slowest of a thousand is told where all rounds have enough, the other calls where they were measured', () => {
	const at = (count) => ({ rate: 100, p50_us: 1000, p99_us: 4000, max_us: 9000, histogram: [[1000, count - 3], [9000, 1], [7777, 2]] });
	const rounds = (...counts) => counts.map((count) => ({ hold: { rate: 200, 50: at(count), 80: at(2 * count) }, login: { 50: at(9), 80: at(9) } }));
	const row = (said, load) => said.split('\n').find((one) => one.startsWith(`| hold | ${load} %`));
	assert.match(row(reported('latency', {}, rounds(1499, 1500)), 50), /\| – \|/);
	const said = reported('latency', {}, rounds(1500, 1500));
	assert.match(row(said, 50), /\| 4\.0 \(4\.0–4\.0\) \| 7\.8 \| 9\.0/); // six of 3,000 took longer than 1 ms
	assert.match(row(said, 80), /\| 4\.0 \(4\.0–4\.0\) \| 1\.0 \| 9\.0/); // six of 6,000
	assert.match(said, /^\| longest request, in seconds \| ≤ 1\.00 \| {2}\| {2}\| 0\.0[01] \| ok \|$/m);
	assert.match(said, /^\| p99 at 50 % load \/ p50: hold \| ≤ 5\.00 \| 4\.00/m);
	assert.match(said, /^\| p99 at 50 % load \/ p50: login \| {2}\| 4\.00/m);
	assert.doesNotMatch(said, /cancel/);
});
