// Settings that matter, each beside other values of it: holds and confirms a second with the value that is
// shipped and with the others, by turns.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');

const { Postgres } = require('../lib/parts.js');
const stack = require('../lib/stack.js');
const drive = require('./drive.js');
const { build, ground } = require('./ground.js');
const stage = require('./stage.js');

const { assertAll, here, holdPlace, holdSeat, holdTaken, move } = drive;
const { files, seconds } = stage;

// ---- how a setting gets another value ---------------------------------------------------------

const shown = (name) => stage.adminSql(`show ${name}`);

// Of PostgreSQL. restart: it is read at a start alone.
const ofPostgres = (name, others, { restart = false } = {}) => ({
  name: `PostgreSQL, ${name}`,
  values: () => [shown(name), ...others],
  async set(value) {
    if (shown(name) === value) return;
    stage.adminSql(`alter system set ${name} = '${value}'`);
    stage.adminSql('select pg_reload_conf()');
    if (restart) {
      const server = new Postgres();
      await server.stop('fast');
      await server.start();
    }
    await stack.until(`${name} is ${value}`, () => shown(name) === value);
  },
});

const ofRedis = (name, others) => ({
  name: `Redis, ${name}`,
  values: async () => [(await drive.redisCli('CONFIG', 'GET', name)).split('\n')[1], ...others],
  set: async (value) => assert.equal(await drive.redisCli('CONFIG', 'SET', name, value), 'OK'),
});

// The scheduling class of the workers.
const ofWorkers = {
  name: 'workers, scheduling class',
  values: () => ['SCHED_BATCH', 'SCHED_OTHER'],
  set(value) {
    const option = value === 'SCHED_BATCH' ? '--batch' : '--other';
    for (const pid of stack.workers('booking')) execFileSync('chrt', [option, '--pid', '0', String(pid)]);
  },
};

const settings = [
  ofWorkers,
  ofPostgres('wal_compression', ['off']),
  ofPostgres('commit_delay', ['200']),
  ofPostgres('shared_buffers', ['128MB', '1GB'], { restart: true }),
  ofRedis('appendfsync', ['no', 'always']),
];

// ---- the part ---------------------------------------------------------------------------------

async function calls({ general, seats, taken }) {
  const ids = files('settings.ids'), time = { seconds: seconds / 2 };
  const { event, from } = await seats.take(10000);
  // Whoever has lost a server finds the new one, and Redis is told of it.
  await build(event, general, taken);
  await stack.until('holds are given', async () => {
    const { statuses } = await here({ most: 100, seconds: 5 }, holdPlace(general));
    return Object.keys(statuses).join() === '201';
  });
  const held = assertAll(await here({ ...time, from, most: 10000, save: ids }, holdSeat(event)), 201);
  const confirmed = assertAll(await here({ ...time, ids }, move('confirm')), 200);
  const lost = assertAll(await here(time, holdTaken(taken)), 409);
  return { hold: held.rate, confirm: confirmed.rate, losing: lost.rate };
}

async function settingMeasure({ name, values, set }, common, progress) {
  const [shipped, ...others] = await values();
  const rows = [shipped, ...others].map((value) => ({ value, rounds: [] }));
  const turns = [...rows];
  for (let i = 0; i < stage.rounds; i++) {
    turns.push(turns.shift());
    for (const row of turns) {
      await set(row.value);
      row.rounds.push(await calls(common));
    }
    progress.step(name);
  }
  await set(shipped);
  return { name, rows };
}

async function measure(progress) {
  const common = await ground();
  const all = [];
  for (const setting of settings) all.push(await settingMeasure(setting, common, progress));
  return all;
}

module.exports = {
  measure,
  each: (of) => of / 2,
  seconds: (rounds, each) => rounds * (12 * (2 * each + 0.5) + 8),
  steps: (rounds) => rounds * settings.length,
};
