// The benchmark: its parts in turn, each in several rounds. What counts are the ratios of one round, and how
// far they spread. The report is written after each part; parts that are not asked for stay as they were.
'use strict';

const { execFileSync } = require('node:child_process');
const os = require('node:os');

const crowd = require('../lib/crowd.js');
const drive = require('./drive.js');
const front = require('./front.js');
const Progress = require('./progress.js');
const report = require('./report.js');
const stage = require('./stage.js');

const parts = {
  rates: require('./rates.js'),
  latency: require('./latency.js'),
  growth: require('./growth.js'),
  cost: require('./cost.js'),
  beside: require('./beside.js'),
  settings: require('./settings.js'),
};

// By default what a quarter of an hour has room for.
const usual = Object.keys(parts).filter((name) => stage.full || name !== 'settings').join(' ');

function chosen() {
  const names = (process.env.BENCH ?? usual).split(/[\s,]+/).filter(Boolean);
  const unknown = names.filter((name) => !parts[name]);
  if (names.length && !unknown.length) return names;
  console.error(`BENCH: the parts are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

// each: how long the measures of a part are; null where they end by themselves.
const about = ({ each = (seconds) => seconds }) => ({
  date: new Date().toISOString().slice(0, 10),
  machine: `${os.cpus().length} cores of ${os.cpus()[0].model.trim()}`,
  commit: execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=7'], { encoding: 'utf8' }).trim(),
  workers: stage.workers,
  connections: stage.connections,
  seconds: each(stage.seconds),
  rounds: stage.rounds,
  small: stage.small,
});

async function partRun(name, progress) {
  Object.assign(drive.longest, { few: { us: 0 }, many: { us: 0 } });
  progress.part(name);
  const result = await parts[name].measure(progress);
  report.save(stage.out, name, { about: about(parts[name]), longest: { ...drive.longest }, result });
}

async function main() {
  const names = chosen();
  const progress = new Progress(names.map((name) => ({
    name, steps: parts[name].steps(stage.rounds), seconds: parts[name].seconds(stage.rounds, stage.seconds),
  })));
  await stage.usersMake();
  for (const name of names) await parts[name].begin?.();
  try {
    for (const name of names) await partRun(name, progress);
  } finally {
    await front.stopAll();
  }
  progress.say('the books are checked');
  crowd.booksCheck();
  progress.end();
  console.log(report.write(stage.out));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
}).finally(() => process.exit());
