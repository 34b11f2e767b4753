// Those who wait for an event that is cancelled, or whose sales have ended, in the scripts of lines and of
// waiting rooms, against a real Redis.
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, test } = require('node:test');
const { Redis } = require('../lib/redis.js');

const P = 'hf:{77009}';
const redis = new Redis();
const set = (key, ...fields) => redis.call('HSET', `${P}:${key}`, ...fields);
const begin = (line, epoch = 1) => redis.script('queue_begin', [P], [line, 'begin', 'run', epoch, 0]);

const clear = async () => {
  const keys = await redis.call('KEYS', `${P}*`);
  if (keys.length > 0) await redis.call('DEL', ...keys);
};

beforeEach(async () => {
  await clear();
  await set('meta', 'stamp', 'stamp', 'offset', 0, 'from', 0, 'until', 9e15, 'max', 4, 'room', '', 'sections', 'GA|ga|5|');
  await set('count', 'c:GA', 5);
  for (const line of ['GA', '']) await begin(line);
});
after(async () => {
  await clear();
  redis.close();
});

test('a line: over is told to whoever waits, while nothing but the event says otherwise', async () => {
  const [, place] = await redis.script('queue_join', [P], ['GA', 'stamp', 'run', 'ann', 1, 10, 0, '']);
  const said = async (until) => {
    await set('meta', 'until', until);
    return (await redis.script('queue_status', [P, 'limit:x'], ['GA', 'stamp', 'run', 'ann', place, 60, 0]))[0];
  };
  assert.equal(await said(0), 'waiting', 'nobody has looked at the line since');
  await set('q:GA:state', 'closed', 1);
  assert.deepEqual([await said(0), await said(1), await said(-1)], ['over', 'over', 'over']);
  assert.deepEqual([await said(-9e15), await said(9e15)], ['waiting', 'waiting'], 'it may be opened again, or has been');
  await set('meta', 'offset', -60000);
  assert.equal(await said(Date.now() - 1000), 'waiting', 'by the clock of PostgreSQL');
  assert.equal(await said(Date.now() - 61000), 'waiting', 'what was begun in time may be under way');
  assert.equal(await said(Date.now() - 66000), 'over');
  await set('meta', 'stamp', 'another');
  assert.equal(await said(0), 'waiting', 'what is kept of the event is not believed');
  await set('meta', 'stamp', 'stamp');
  await redis.call('ZREM', `${P}:q:GA:line`, 'ann');
  await set('q:GA:serving', 'ann', `${place}|${Date.now() + 9000}|d`);
  assert.equal(await said(0), 'serving', 'who may have been given something');
});

test('a waiting room: over is told to whoever waits or is inside; how others have ended stays so', async () => {
  const told = (ends) => ['', 'stamp', 'run', `${Date.now()}|${ends}|1||1|||`, '600|500|30|300|600', 2000];
  const places = {};
  for (const user of ['ann', 'bob', 'cat']) [, , places[user]] = await redis.script('room_join', [P], [...told(9e15), user, 0]);
  const say = (user, ends, back = 0) =>
    redis.script('room_status', [P, 'limit:x'], [...told(ends), user, places[user], 60, 0, back]);
  assert.deepEqual([(await say('ann', -9e15))[0], (await say('bob', -9e15))[0]], ['inside', 'waiting'], 'only closed');
  await redis.script('room_end', [P], ['', 'cat', places.cat, 'left']);
  for (const ends of [0, 1, -1]) {
    assert.deepEqual([await say('ann', ends), await say('bob', ends), await say('cat', ends)], [['over'], ['over'], ['left']], `${ends}`);
  }
  // Of a room that is lost only PostgreSQL knows who has left.
  await redis.call('DEL', `${P}:q::line`, `${P}:q::done`, `${P}:q::state`);
  assert.deepEqual([await say('bob', 0), await say('bob', 0, 1)], [['unknown'], ['over']]);
  assert.equal(await redis.call('EXISTS', `${P}:q::state`), 0, 'for which none is begun');
  // What is kept of the event says it as well.
  await set('meta', 'room', '1|||||', 'until', 0);
  assert.deepEqual(await redis.script('room_status', [P, 'limit:x'], ['', 'stamp', 'run', '', '600|500|30|300|600', 2000,
    'bob', places.bob, 60, 0, 1]), ['over']);
});
