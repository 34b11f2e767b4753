// How much one script gives back, however much is due: others wait for Redis meanwhile.
'use strict';

const assert = require('node:assert/strict');
const { after, before, beforeEach, test } = require('node:test');
const { Redis } = require('../lib/redis.js');

const P = 'hf:{77003}';
const STAMP = 'run started';
const LIMIT = 'limit:hold:test-bounds';
const SEATS = 20000;
const redis = new Redis();
const id = (n) => `00012ccb-0000-8000-8000-${String(n).padStart(12, '0')}`;

async function clear() {
  await redis.call('DEL', LIMIT, ...await redis.call('KEYS', `${P}*`));
}

const take = (n, seats, sections = []) => redis.script('take', [P, LIMIT],
  [STAMP, id(n), `u${n}`, 0, 60000, 500, 60, 0, '', seats.length, ...seats, ...sections]);
const count = () => redis.call('HLEN', `${P}:entry`);

// Twenty thousand seats and a section of one place, and holds of 500 seats each, all due.
before(async () => {
  await clear();
  await redis.script('fence', [P], [STAMP, 'e0', 60000]);
  const step = (...args) => redis.script('install', [P], ['e0', ...args]);
  for (let at = 0; at < SEATS; at += 2000) {
    await step('ids', at, ...Array.from({ length: 2000 }, (_, i) => `S${at + i}`));
  }
  await step('seats', 'a'.repeat(SEATS));
  await step('capacity', 'GA', 1);
  await step('finish', ...Object.entries({
    stamp: STAMP, offset: 0, from: 0, until: 9e15, hold: 0, max: 0, seats: SEATS, complete: 0,
    sections: `S|seated|${SEATS}|0-${SEATS - 1}\nGA|ga|1|`,
  }).flat());
  await step('release');
});
beforeEach(async () => {
  const all = (n) => Array.from({ length: 500 }, (_, i) => n * 500 + i);
  for (let n = 0; n < 39; n++) {
    await redis.script('put', [P], [STAMP, id(n), 'h', `u${n}`, 1, all(n).join(','), '']);
  }
});
after(async () => {
  await clear();
  redis.close();
});

test('take gives back four of 500 seats each, and gets its own', async () => {
  assert.deepEqual((await take(100, ['S19999'])).slice(0, 2), ['taken', -1]);
  assert.equal(await count(), 39 - 4 + 1);
  await redis.script('drop', [P], [STAMP, id(100), 1]);
});

test('picture gives back as many, and says that more is due until it is not', async () => {
  const answers = [];
  while (answers.at(-1) !== 'ok') answers.push((await redis.script('picture', [P], [STAMP, '', '', '']))[0]);
  assert.deepEqual(answers, [...Array(9).fill('due'), 'ok']);
  assert.equal(await redis.call('GET', `${P}:seats`), 'a'.repeat(SEATS));
  assert.equal(await count(), 0);
});

test('a full section is PostgreSQL\'s while more is due', async () => {
  assert.deepEqual((await take(200, [], ['GA', 1])).slice(0, 2), ['taken', -1]);
  assert.deepEqual(await take(201, [], ['GA', 1]), ['ask', -1]);
  while (await count() > 1) await take(202, [], ['GA', 1]);
  assert.deepEqual(await take(203, [], ['GA', 1]), ['full', -1, 'GA', 0]);
});
