// The benchmark's report (tests/bench): it says how often what was measured.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { text } = require('../bench/report.js');

const about = { date: '2026-01-01', machine: '2 cores', commit: 'abcdef0', workers: 8, connections: 32, seconds: 1.5, rounds: 5 };
const longest = { few: { us: 5000, what: 'GET /', connections: 32 }, many: { us: 0 } };
const reported = (name, more, result) => text({ [name]: { about: { ...about, ...more }, longest, result } });

const janitor = { due: 1000, rate: 100, longest_ms: 5, holds: 300, alone_p99_ms: 3, beside_p99_ms: 4 };
const stream = (ratio, p99) => ({ ratio, p99_ms: p99, live_kb: 2048, nginx_kb: 1024 });

test('what was measured once or thrice is not said to have had five rounds', () => {
	const said = reported('beside', { rounds: null, seconds: null },
		{ janitor, live: { count: 100, rounds: [stream(0.7, 300), stream(0.9, 200), stream(0.8, 250)] } });
	assert.doesNotMatch(said, /5 rounds|measures of/);
	assert.match(said, /^Measured once: while the janitor ended/m);
	assert.match(said, /holds ran at 0\.80 \(0\.70–0\.90\) of their rate .* p99 of 250 \(200–300\) ms .*, by turns in 3 rounds\./);
	const move = { wal: 1000, syncs: 1, images: 0, redis: 100 }, memory = { resident_kb: 10240, share_kb: 2048 };
	const cost = reported('cost', { seconds: null }, { rounds: Array(5).fill({ hold: move, confirm: move, cancel: move, seat: { redis: 60 } }),
		count: 5000, memory: { before: memory, after: memory, requests: 20000 } });
	assert.match(cost, /commit abcdef0, 5 rounds\.$/m);
	assert.match(cost, /^Measured once: the largest worker/m);
});

test('the slowest of a thousand is told where there are enough, the other calls where they were measured', () => {
	const at = (count) => ({ rate: 100, count, p50_us: 1000, p99_us: 4000, p999_us: 7777, max_us: 9000 });
	const rounds = (...counts) => counts.map((count) => ({ hold: { rate: 200, 50: at(count), 80: at(2 * count) }, login: { 50: at(9), 80: at(9) } }));
	const row = (said, load) => said.split('\n').find((one) => one.startsWith(`| hold | ${load} %`));
	const said = reported('latency', {}, rounds(2999, 4000));
	assert.match(row(said, 50), /\| – \|/);
	assert.match(row(said, 80), /\| 7\.8 \(7\.8–7\.8\) \|/);
	assert.match(row(reported('latency', {}, rounds(3000, 4000)), 50), /7\.8/);
	assert.match(said, /^\| p99 at 50 % load \/ p50: hold \| ≤ 5\.00 \| 4\.00/m);
	assert.match(said, /^\| p99 at 50 % load \/ p50: login \| {2}\| 4\.00/m);
	assert.doesNotMatch(said, /cancel/);
});
