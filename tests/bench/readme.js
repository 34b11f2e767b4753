// Brings the report of the last run into the README and docs/benchmark.md, between their marks, and its
// pictures into docs:  node tests/bench/readme.js
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const report = require('./report.js');

const tree = path.join(__dirname, '../..');
const parts = report.load(path.join(tree, process.env.BUILD ?? 'build', 'bench'));

if (!Object.keys(parts).length) {
  console.error('there is no report: run `make bench` first');
  process.exit(1);
}

const unfit = Object.keys(parts).filter((name) => parts[name].about.small);
if (unfit.length) {
  console.error(`not for the record: ${unfit.join(', ')} measured in the smallest sizes`);
  process.exit(1);
}

function put(name, text) {
  const file = path.join(tree, name), old = fs.readFileSync(file, 'utf8');
  const found = /(<!-- benchmark -->\n)[^]*(<!-- end of benchmark -->)/;
  if (!found.test(old)) throw new Error(`${name} has no marks`);
  fs.writeFileSync(file, old.replace(found, (_, begin, end) => `${begin}${text}\n${end}`));
}

const pictures = report.pictures(parts);
for (const [name, svg] of Object.entries(pictures)) fs.writeFileSync(path.join(tree, 'docs', name), svg);
const names = {
  'bench-rates.svg': 'rates, and their ratios beside their targets', 'bench-latency.svg': 'how long answers take at a load',
  'bench-growth.svg': 'rates as things grow',
};
const shown = (dir) => Object.keys(pictures).map((name) => `![${names[name]}](${dir}${name})`).join('\n\n');
put('README.md', `${report.short(parts)}\n${shown('docs/')}\n`);
put('docs/benchmark.md', `${report.text(parts, '##')}\n${shown('')}\n`);
