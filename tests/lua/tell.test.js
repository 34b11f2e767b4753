// Who is to tell the watchers of an event, against a real Redis: one process a second, and nobody where
// nothing has changed.
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, test } = require('node:test');
const { Redis } = require('../lib/redis.js');

const P = 'hf:{77002}';
const redis = new Redis();
const ask = (...step) => redis.script('tell', [P], step);
const told = (field) => redis.call('HGET', `${P}:told`, field);
const change = () => redis.call('HINCRBY', `${P}:meta`, 'version', 2);

async function clear() {
  await redis.call('DEL', ...['meta', 'told', 'owner', 'entry', 'seats'].map((name) => `${P}:${name}`));
}

beforeEach(async () => {
  await clear();
  await redis.call('HSET', `${P}:meta`, 'version', 6, 'offset', 3600000);
});
after(async () => {
  await clear();
  redis.close();
});

// The second that was taken is over.
const pass = async () => redis.call('HSET', `${P}:told`, 'at', Number(await told('at')) - 1000);

test('one process takes it on, with the version and the time by PostgreSQL', async () => {
  const before = Date.now();
  const [verdict, version, clock] = await ask('look');
  assert.deepEqual([verdict, version], ['tell', '6']);
  assert.ok(Math.abs(clock - 3600000 - before) < 60000, `${clock}`);
  const [again, ms] = await ask('look');
  assert.equal(again, 'wait');
  assert.ok(ms > 0 && ms <= 1000, `${ms}`);
});

test('what is told needs no telling, and what changes then does after the second', async () => {
  await ask('look');
  assert.deepEqual(await ask('told', '6'), ['nothing']);
  assert.deepEqual(await ask('look'), ['nothing']);
  await change();
  assert.equal((await ask('look'))[0], 'wait');
  await pass();
  assert.deepEqual((await ask('look')).slice(0, 2), ['tell', '8']);
});

test('what somebody took on and did not tell is another one\'s after a second', async () => {
  assert.equal((await ask('look'))[0], 'tell');
  await pass();
  assert.equal((await ask('look'))[0], 'tell');
});

test('a change that no script counts becomes a version', async () => {
  await ask('look');
  await ask('told', '6');
  await pass();
  const [verdict, version] = await ask('moved');
  assert.ok(verdict === 'tell' && Number(version) > 6, version);
  await ask('told', version);
  assert.equal((await ask('moved'))[0], 'wait');
  await pass();
  const [again, next] = await ask('look');
  assert.ok(again === 'tell' && Number(next) > Number(version), next);
});

test('an event that is not kept is told of without a version, and becomes no state', async () => {
  await redis.call('DEL', `${P}:meta`);
  for (const step of ['look', 'moved']) {
    assert.deepEqual((await ask(step)).slice(0, 2), ['tell', '']);
    assert.equal((await ask(step))[0], 'wait');
    await pass();
  }
  assert.equal(await redis.call('EXISTS', `${P}:meta`), 0);
});

test('a clock that was set back holds nobody up', async () => {
  await ask('look');
  await redis.call('HSET', `${P}:told`, 'at', Number(await told('at')) + 3600000);
  assert.equal((await ask('look'))[0], 'tell');
});

test('what is kept of it ends by itself', async () => {
  await ask('look');
  await redis.call('PERSIST', `${P}:told`);
  await ask('told', '6');
  const ttl = await redis.call('PTTL', `${P}:told`);
  assert.ok(ttl > 86000000 && ttl <= 86400000, `${ttl}`);
  await redis.call('DEL', `${P}:told`);
  await ask('look');
  assert.ok(await redis.call('PTTL', `${P}:told`) > 86000000);
  await redis.script('discard', [P], []);
  assert.equal(await redis.call('EXISTS', `${P}:told`), 0);
});

test('who begins, and who compares, finds what was not told', async () => {
  await redis.call('HSET', `${P}:meta`, 'stamp', 's', 'heard', 0);
  const unheard = () => redis.script('unheard', [P], ['s', 0]);
  const untold = async () => (await redis.script('glance', [P], ['s', 0])).at(-1);
  assert.equal(await unheard(), 'untold');
  assert.equal(await untold(), 1);
  await ask('look');
  await ask('told', '6');
  assert.equal(await unheard(), 'noted');
  assert.equal(await untold(), 0);
  await change();
  assert.equal(await unheard(), 'untold');
  assert.equal(await untold(), 1);
});
