// Prometheus' text format 0.0.4, read strictly, and what of it this house allows.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { get } = require('./client.js');

const tree = path.join(__dirname, '../..');

// The list that the programs are built with: name -> {kind, labels}.
function listed() {
	const text = fs.readFileSync(path.join(tree, 'app/base/metric.def'), 'utf8');
	const labels = new Map([...text.matchAll(/^METRIC_SET\((\w+), "(\w*)"\)/gm)].map((m) => [m[1], m[2]]));
	const metrics = new Map();
	for (const [, , kind, name, a, b] of text.matchAll(/^METRIC\((\w+), (\w+), "(\w+)", (\w+), (\w+), "[^"]+"\)$/gm))
		metrics.set(name, { kind, labels: [a, b].map((set) => labels.get(set)).filter(Boolean)
			.flatMap((label) => (label === 'route' ? ['method', 'route'] : [label])) });
	assert.ok(metrics.size > 20);
	return metrics;
}

const label = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;

function readLabels(text, line) {
	const labels = {};
	let at = 0;
	while (at < text.length) {
		label.lastIndex = at;
		const found = label.exec(text);
		assert.ok(found, line);
		assert.ok(!(found[1] in labels), line);
		labels[found[1]] = found[2];
		at = label.lastIndex;
	}
	return labels;
}

// Families in their order: name -> {type, help, samples: Map from series to {name, labels, value}}. Every
// rule of the format that a scraper might stumble over is asserted.
function parse(text) {
	const families = new Map();
	let family;
	assert.ok(text.endsWith('\n'));
	for (const line of text.slice(0, -1).split('\n')) {
		const help = /^# HELP ([a-zA-Z_:][\w:]*) (\S.*)$/.exec(line);
		if (help) {
			assert.ok(!families.has(help[1]), `twice: ${line}`);
			family = { name: help[1], help: help[2], samples: new Map() };
			families.set(help[1], family);
			continue;
		}
		const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
		if (type) {
			assert.equal(type[1], family.name);
			assert.equal(family.type, undefined, `twice: ${line}`);
			assert.equal(family.samples.size, 0);
			family.type = type[2];
			continue;
		}
		const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.+)\})? (\d+(?:\.\d+)?(?:e\+\d+)?)$/.exec(line);
		assert.ok(sample, `not of the format: ${line}`);
		const suffix = sample[1].slice(family.name.length);
		assert.ok(sample[1].startsWith(family.name), line);
		assert.ok(family.type === 'histogram' ? ['_bucket', '_sum', '_count'].includes(suffix) : suffix === '', line);
		const labels = readLabels(sample[2] ?? '', line);
		const series = line.slice(0, line.lastIndexOf(' '));
		assert.ok(!family.samples.has(series), `twice: ${line}`);
		family.samples.set(series, { name: sample[1], labels, value: Number(sample[3]) });
	}
	for (const one of families.values()) {
		if (one.type === 'histogram') checkHistogram(one);
		if (one.type === 'counter') assert.match(one.name, /_total$/);
	}
	return families;
}

// Buckets grow with their bounds, the last is the count.
function checkHistogram(family) {
	const groups = new Map();
	for (const { name, labels, value } of family.samples.values()) {
		const { le, ...rest } = labels;
		const key = JSON.stringify(rest);
		if (!groups.has(key)) groups.set(key, { bounds: [], counts: [] });
		const group = groups.get(key);
		if (name.endsWith('_bucket')) {
			group.bounds.push(le === '+Inf' ? Infinity : Number(le));
			group.counts.push(value);
		} else {
			assert.equal(le, undefined);
			group[name.slice(family.name.length + 1)] = value;
		}
	}
	for (const { bounds, counts, sum, count } of groups.values()) {
		assert.deepEqual(bounds, [...bounds].sort((a, b) => a - b));
		assert.equal(new Set(bounds).size, bounds.length);
		assert.equal(bounds.at(-1), Infinity);
		assert.deepEqual(counts, [...counts].sort((a, b) => a - b));
		assert.equal(counts.at(-1), count);
		assert.ok(sum >= 0);
	}
}

// One scrape: {text, families, value(series)}; a series that is not there is undefined.
async function scrape(options = {}) {
	const answer = await get('/metrics', { root: true, ...options });
	assert.equal(answer.status, 200, answer.text);
	assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
	const families = parse(answer.text);
	const all = new Map([...families.values()].flatMap((family) =>
		[...family.samples].map(([series, sample]) => [series, sample.value])));
	return { text: answer.text, families, all, value: (series) => all.get(series) };
}

// What has changed between two scrapes, of these families: {series: by how much}.
function difference(before, now, ...names) {
	const changed = {};
	for (const name of names) {
		for (const series of now.families.get(name).samples.keys()) {
			const by = now.value(series) - (before.value(series) ?? 0);
			if (by !== 0) changed[series.slice(name.length)] = by;
		}
	}
	return changed;
}

module.exports = { difference, listed, parse, scrape };
