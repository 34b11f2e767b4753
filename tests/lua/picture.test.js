// The picture out of Redis, whole and by what has changed, whatever it was that changed it.
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, test } = require('node:test');
const { filterOf } = require('../lib/filter.js');

const {
  P, STAMP, redis, id, clear, build, big, take, put, drop, makeDue,
} = filterOf(77004);

beforeEach(() => build());
after(async () => {
  await clear();
  redis.close();
});

// {version, build, changes, whole: whether all of it came, seats, …}
async function picture({ build = '', version = '', since = '' } = {}) {
  const [verdict, now, , is, changes, bytes, , shown, counts, due] =
    await redis.script('picture', [P], [STAMP, build, version, since]);
  assert.equal(verdict, 'ok');
  return { version: now, build: is, changes, whole: bytes !== undefined, seats: bytes, shown, counts, due };
}

test('picture: what is due counts as free; the version grows with every change', async () => {
  await take(1, ['S1'], ['GA', 2]);
  const one = await picture();
  assert.equal(one.seats, 'ahaaaaaaax');
  assert.equal(one.due, await redis.call('ZSCORE', `${P}:due`, id(1)));
  await makeDue(1);
  const two = await picture();
  assert.equal(two.seats, 'aaaaaaaaax');
  assert.equal(two.due, -1);
  assert.ok(Number(two.version) > Number(one.version));
  assert.deepEqual(await redis.script('picture', [P], ['another run', '', '', '']), ['missing']);
});

test('picture: what the caller has does not come again, before it has changed', async () => {
  const { build, version } = await picture();
  assert.equal((await picture({ build, version })).whole, false);
  assert.equal((await picture({ build: 'another', version })).whole, true);
  await take(1, [], ['GA', 1]);
  const after = await picture({ build, version });
  assert.deepEqual([after.whole, after.counts], [true, ['c:GA', '5', 'h:GA', '1']]);
});

test('picture: the positions written after a version, from when they were first asked for', async () => {
  await big();
  const { version } = await picture();
  assert.deepEqual((await picture({ since: version })).changes, [], 'nothing has changed');
  await take(1, ['S1', 'S3']);
  await take(2, ['S5']);
  const { changes, version: next } = await picture({ since: version });
  assert.deepEqual(changes.sort(), ['1', '3', '5']);
  await put(2, 'b', -1, '5');
  await drop(1);
  assert.deepEqual((await picture({ since: next })).changes.sort(), ['1', '3', '5']);
  await take(3, [], ['GA', 1]);
  const { version: last } = await picture();
  assert.ok(Number(last) > Number(next));
  for (const none of [Number(version) - 2, Number(last) + 2, 0, 2 ** 52]) {
    assert.equal((await picture({ since: none })).changes, null, `since ${none}`);
  }
  // Nobody has asked for a while.
  assert.ok(await redis.call('PTTL', `${P}:changed`) > 50000);
  await redis.call('DEL', `${P}:changed`);
  assert.equal((await picture({ since: version })).changes, null);
  assert.deepEqual((await picture({ since: last })).changes, []);
});

test('picture: what falls due is a change, and so is what is mended, repaired and recounted', async () => {
  await big();
  await take(1, ['S1']);
  await makeDue(1);
  let { version } = await picture();
  const changes = async () => {
    const now = await picture({ since: version });
    ({ version } = now);
    return now.changes?.sort();
  };
  assert.deepEqual(await changes(), []);
  await take(2, ['S2', 'S4']);
  await makeDue(2);
  assert.deepEqual(await changes(), ['2', '4']);
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  await redis.script('mend', [P], ['e1', 'p', 7, 'a', `b${id(7)}`]);
  assert.deepEqual(await changes(), ['7']);
  await redis.script('repair', [P], ['e1', Date.now(), 0, id(8), '', 'b|u8|-1|0|8|GA:1']);
  assert.deepEqual(await changes(), ['8']);
  const before = version;
  await redis.script('recount', [P], ['e1', 'h:GA', 3]);
  assert.deepEqual(await changes(), []);
  assert.notEqual(version, before);
});

test('picture: more changes than are worth while, and a log that has grown long', async () => {
  await big();
  const { version } = await picture();
  await picture({ since: version });
  for (let n = 0; n < 11; n++) await take(n, [`S${n}`]);
  assert.equal((await picture({ since: version })).changes, null, 'eleven of sixty');
  const { version: later } = await picture();
  for (let at = 0; at < 10000; at += 1000) {
    await redis.call('ZADD', `${P}:changed`, ...Array.from({ length: 1000 }, (_, i) => [later, at + i]).flat());
  }
  assert.deepEqual((await picture({ since: later })).changes, []);
  assert.deepEqual(await redis.call('ZRANGE', `${P}:changed`, 0, -1), ['floor']);
});

test('picture: a change has a version above any that PostgreSQL has given out before', async () => {
  await redis.call('HSET', `${P}:meta`, 'version', '10', 'offset', '5000');
  const [seconds, micros] = await redis.call('TIME');
  const before = (Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) + 5000) * 1000;
  await take(1, ['S1']);
  const one = Number((await picture()).version);
  assert.ok(one >= before && one % 2 === 0, `${one} ${before}`);
  await redis.call('HSET', `${P}:meta`, 'version', String(one + 60000000));
  await take(2, ['S2']);
  assert.equal(Number((await picture()).version), one + 60000002, 'nor below its own');
});

test('install: a version stands for one picture, whatever is built anew', async () => {
  await big();
  await redis.call('HSET', `${P}:meta`, 'version', '8000000000000000');
  const one = await picture({ since: '8000000000000000' });
  await big(false);
  const two = await picture({ since: '8000000000000000' });
  assert.deepEqual([two.version, two.changes], ['8000000000000002', null]);
  assert.notEqual(one.build, two.build);
  assert.equal(Number(two.version) % 2, 0);
});
