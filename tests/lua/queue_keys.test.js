// Keys of those who join, in the scripts of lines and of waiting rooms, against a real Redis.
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, test } = require('node:test');
const { lineOf } = require('../lib/line_scripts.js');

const { P, STAMP, RUN, redis, booking, clear, build, join, begin, serve, served, put, line } = lineOf(77011);

const NAME = 'hfk:{77011}:key';
const ended = (print, answer) => redis.script('key_end', [NAME], [print, answer, 60000]);
const key = (print) => ({ key: [NAME, print] });

beforeEach(() => redis.call('DEL', NAME).then(() => build()).then(() => begin()));
after(async () => {
  await redis.call('DEL', NAME);
  await clear();
  redis.close();
});

test('of two joins with one key the first alone takes effect', async () => {
  await begin(1, 0, { line: 'S' });
  assert.equal((await join('ann', 2, key('a')))[0], 'waiting');
  assert.deepEqual(await join('ann', 1, { line: 'S', ...key('b') }), ['reused']);
  assert.deepEqual([await line(), await redis.call('ZCARD', `${P}:q:S:line`)], [['ann'], 0]);
  assert.equal((await join('ann', 2, key('a'))).length, 8, 'the same place, as long as its answer is not known');
  assert.equal(await ended('a', 'first answer'), null);
  assert.equal(await ended('a', 'second'), 'a first answer');
  assert.deepEqual(await join('ann', 2, { trusted: 1, ...key('a') }), ['kept', 'first answer']);
  assert.deepEqual(await join('ann', 2, { run: 'another', ...key('a') }), ['kept', 'first answer'], 'also once the line is lost');
  assert.deepEqual(await join('ann', 2, key('first')), ['reused']);
  assert.equal(await ended('b', 'other'), 'a first answer');
  assert.ok(await redis.call('PTTL', NAME) > 0);
});

test('whoever has a place binds the key, and whoever is given none does not', async () => {
  assert.deepEqual(await join('ann', 9, key('a')), ['ask', 0]);
  assert.deepEqual(await join('ann', 1, { run: 'another', ...key('a') }), ['begin']);
  assert.equal(await redis.call('GET', NAME), null);
  const binds = async (told) => {
    assert.equal((await join('ann', 1, key('a')))[0], told);
    assert.equal(await redis.call('GET', NAME), 'a');
    await redis.call('DEL', NAME);
  };
  await binds('waiting');
  await binds('waiting');
  await serve('d');
  await binds('serving');
  await put(1, 'h', 'ann');
  await served('d', ['ann', 'reserved', booking(1), Date.now() + 60000]);
  await binds('done');
});

test('a waiting room likewise', async () => {
  await build({ room: '0|||||' });
  await begin(1, 0, { line: '' });
  const enter = (print) => redis.script('room_join', [P, NAME], ['', STAMP, RUN, '', '60|10|60|60|60', 1000, 'ann', 1, print]);
  assert.equal((await enter('a'))[0], 'inside');
  assert.deepEqual(await enter('b'), ['reused']);
  assert.deepEqual(await join('ann', 1, key('b')), ['reused']);
  await ended('a', 'the answer');
  assert.deepEqual(await enter('a'), ['kept', 'the answer']);
});

test('a request that was refused leaves its key free, and no other\'s', async () => {
  await redis.call('SET', NAME, 'a');
  assert.equal(await ended('b', ''), 'a');
  assert.equal(await ended('a', ''), null);
  assert.equal(await redis.call('EXISTS', NAME), 0);
});
