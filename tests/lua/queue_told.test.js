// What PostgreSQL is to be told of a line, by its scripts, against a real Redis.
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, test } = require('node:test');
const { lineOf } = require('../lib/line_scripts.js');

const {
  Q, redis, booking, score, clear, build, join, begin, serve, served, leave, put,
} = lineOf(77010);

beforeEach(() => build().then(() => begin()));
after(async () => {
  await clear();
  redis.close();
});

test('serve: PostgreSQL is to be told now and then that somebody waits, and that nobody does', async () => {
  await put(1, 'b', 'zoe', 'GA:5');
  await join('ann');
  assert.equal((await serve('d'))[4], 1);
  assert.equal((await serve('d'))[4], 0);
  await redis.call('HSET', `${Q}:state`, 'marked', Date.now() - 21000);
  assert.equal((await serve('d'))[4], 1);
  await leave('ann', score(1, 1));
  assert.equal((await serve('d'))[4], -1);
  assert.equal((await serve('d'))[4], 0);
});

test('serve: whoever is being served may come back, and PostgreSQL is told how that ended', async () => {
  await join('ann');
  assert.deepEqual((await serve('d1', { stamp: 'another' })).slice(1, 6), [0, 0, 0, 0, 'ann']);
  assert.deepEqual(await served('d1', ['ann', 'back', '-', '-']), [1, 1, 1], 'PostgreSQL had nothing free');
  assert.deepEqual((await serve('d2', { life: 0 })).slice(1, 6), [0, 0, 1, 0, 'ann'], 'nobody waits, but may again');
  assert.deepEqual((await serve('d3')).slice(1, 6), [0, 0, 1, 0, 'ann'], 'nor while it is not known how it ended');
  assert.deepEqual(await served('d3', ['ann', 'undone', '-', '-']), [1, 0, 0], 'nor is it now');
  await serve('d4');
  assert.deepEqual(await served('d4', ['ann', 'reserved', booking(1), 7]), [1, 0, -1]);
});
