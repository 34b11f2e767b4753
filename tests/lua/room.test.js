// The scripts of the waiting room against a real Redis: places, bounds, and what is left behind.
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, test } = require('node:test');
const { Redis } = require('../lib/redis.js');

const P = 'hf:{77003}';
const Q = `${P}:q::`;
const redis = new Redis();
const user = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const EPOCH = 2n ** 43n, PHASE = 2n ** 42n, SHUFFLE = 2n ** 24n;

const clear = async () => {
  const keys = await redis.call('KEYS', `${P}*`);
  if (keys.length > 0) await redis.call('DEL', ...keys);
};

// What PostgreSQL would say: the clock, the end of sales, the room.
const told = ({ clock = Date.now(), ends = 9e15, opens = 1, rate = 60000, most = 1000, stale = 30, grace = 300, pass = 600 } = {}) =>
  [clock, ends, opens, rate, most, stale, grace, pass].join('|');
const common = (room) => ['', 'stamp', 'run', told(room), '600|500|30|300|600', 2000];
const join = (n, room, shuffle = 0) => redis.script('room_join', [P], [...common(room), user(n), shuffle]);
const status = (n, score, room, back = 0) =>
  redis.script('room_status', [P, 'limit:room-lua'], [...common(room), user(n), score, 60, 0, back]);
const advance = (room) => redis.script('room_advance', [P], common(room));
const end = (n, score, how) => redis.script('room_end', [P], ['', user(n), score, how]);
const begin = async (epoch = 1) => {
  await redis.script('queue_begin', [P], ['', 'claim', `run`, 0, 4000]);
  await redis.script('queue_begin', [P], ['', 'begin', `run`, epoch, 4000]);
};
const members = (name) => redis.call('ZRANGE', Q + name, 0, -1);
const state = async (name) => Number(await redis.call('HGET', `${Q}state`, name));

beforeEach(async () => {
  await clear();
  await begin();
});
after(async () => {
  await clear();
  redis.close();
});

test('what cannot be known here is asked of PostgreSQL', async () => {
  const bare = ['', 'stamp', 'run', '', '600|500|30|300|600', 2000];
  assert.deepEqual(await redis.script('room_join', [P], [...bare, user(1), 0]), ['ask']);
  assert.deepEqual(await redis.script('room_advance', [P], bare), ['ask']);
  const meta = (...fields) => redis.call('HSET', `${P}:meta`, 'stamp', 'stamp', 'offset', 0, 'until', 9e15, ...fields);
  await meta('room', '1|||||');
  assert.equal((await redis.script('room_join', [P], [...bare, user(1), 0]))[0], 'inside');
  await meta('room', '');
  assert.deepEqual(await redis.script('room_join', [P], [...bare, user(2), 0]), ['ask'], 'what to tell them');
  assert.deepEqual(await redis.script('room_advance', [P], bare), ['off']);
  await meta('room', '1|||||', 'until', 0);
  assert.deepEqual(await redis.script('room_join', [P], [...bare, user(2), 0]), ['ask']);
  await redis.call('HSET', `${P}:meta`, 'stamp', 'another');
  assert.deepEqual(await redis.script('room_advance', [P], bare), ['ask']);
  assert.deepEqual(await redis.script('room_join', [P], [`${common()[0]}`, 'stamp', 'another run', told(), '600|500|30|300|600', 2000, user(1), 0]),
    ['begin'], 'another run of Redis');
});

test('places: who is early by the draw, who is late behind them', async () => {
  const early = { opens: 9e15 };
  assert.equal((await join(1, early, 700))[2], String(EPOCH + 700n * SHUFFLE + 1n));
  assert.equal((await join(2, early, 5))[2], String(EPOCH + 5n * SHUFFLE + 2n));
  assert.equal((await join(3, early, 2 ** 18 - 1))[2], String(EPOCH + (2n ** 18n - 1n) * SHUFFLE + 3n));
  const late = await join(4, { most: 0 }, 0);
  assert.equal(late[2], String(EPOCH + PHASE + 4n));
  assert.deepEqual(await members('line'), [user(2), user(1), user(3), user(4)]);
  assert.equal((await join(5, early, 0))[2], String(EPOCH + PHASE + 5n), 'once open, nobody is early');
});

test('the rate is kept to, in whatever steps time comes', async () => {
  const slow = { rate: 60, most: 1e6 };
  for (let n = 1; n <= 10; n++) await join(n, slow);
  assert.equal((await members('inside')).length, 1, 'a second of it');
  const wind = async (ms) => redis.call('HSET', `${Q}state`, 'filled', await state('filled') - ms);
  for (let i = 0; i < 9; i++) {
    await wind(300);
    await advance(slow);
  }
  const some = (await members('inside')).length;
  assert.ok(some >= 3 && some <= 4, `${some} after 2.7 s`);
  await wind(3600000);
  await advance(slow);
  assert.equal((await members('inside')).length, some + 1, 'an hour is not saved up');
  await redis.call('HSET', `${Q}state`, 'filled', Date.now() + 3600000);
  assert.equal((await advance(slow))[1], 0, 'a clock that was set back');
  assert.ok(await state('filled') <= Date.now() + 1000, 'is believed from then on');
});

test('one call passes over no more than so many', async () => {
  for (let n = 1; n <= 1000; n++) await join(n, { most: 0 });
  const seen = await redis.call('STRLEN', `${Q}seen`);
  assert.equal(seen, 4000);
  await redis.call('DEL', `${Q}seen`);
  await advance();
  const away = (await members('away')).length;
  assert.ok(away >= 200 && away < 250, `${away}`);
  assert.equal((await members('until')).length, away);
  for (let i = 0; i < 5; i++) await advance();
  assert.equal((await members('line')).length, 0);
  assert.equal((await members('inside')).length, 0);
  assert.equal((await status(7, await redis.call('ZSCORE', `${Q}away`, user(7))))[0], 'inside', 'back, and in');
});

test('a clock that was set back keeps nobody out', async () => {
  await redis.call('HSET', `${Q}state`, 'from', Date.now() + 3600000);
  assert.equal((await join(1))[0], 'inside');
  await redis.call('HSET', `${Q}state`, 'from', Date.now() + 119000);
  assert.equal((await join(2))[0], 'waiting');
  // Nor is what was found before it taken for what is found now.
  await redis.call('HSET', `${Q}state`, 'from', Date.now() + 3600000, 'polled', Date.now() - 60000);
  assert.equal((await status(2, EPOCH + PHASE + 2n))[0], 'waiting');
  assert.ok(await state('from') - Date.now() < 5000);
});

test('where nobody can be seen nobody misses a turn', async () => {
  const full = { most: 0 };
  for (let n = 1; n <= 5; n++) await join(n, full);
  await redis.call('DEL', `${Q}seen`);
  await redis.call('HSET', `${Q}state`, 'polled', Date.now() - 60000);
  assert.deepEqual(await advance(), ['moved', 0, 5], 'the job alone moves nobody');
  assert.deepEqual(await members('away'), []);
  const last = await redis.call('ZSCORE', `${Q}line`, user(5));
  assert.equal((await status(5, last))[0], 'waiting', 'nor does the first who comes back');
  assert.ok(await state('from') > Date.now() + 3000);
  assert.deepEqual(await members('away'), []);
});

test('a line begun anew: old places in front, seen as of now', async () => {
  for (let n = 1; n <= 3; n++) await join(n, { most: 0 });
  const [one, two] = [1, 2].map((n) => EPOCH + PHASE + BigInt(n));
  await redis.call('HSET', `${Q}state`, 'run', 'an earlier run');
  await begin(2);
  assert.ok(await state('from') > Date.now());
  const new_ = await join(4, { most: 0 });
  assert.equal(new_[2], String(2n * EPOCH + PHASE + 1n));
  assert.deepEqual(await members('line'), [1, 2, 3, 4].map(user));
  assert.equal((await status(1, one, { most: 0 }))[0], 'waiting');
  await redis.call('HSET', `${Q}state`, 'from', 0);
  await redis.call('ZREM', `${Q}line`, user(2));
  assert.deepEqual(await status(2, two, { most: 0 }), ['unknown']);
  assert.equal((await status(2, two, { most: 0 }, 1))[0], 'waiting');
  assert.equal((await advance())[1], 4, 'and none of them is taken for gone');
  assert.deepEqual(await redis.call('HGETALL', `${Q}back`), []);
});

test('how places end', async () => {
  const [, , one] = await join(1), [, , two] = await join(2), [, , three] = await join(3, { most: 2 });
  assert.equal(await end(1, one, 'confirmed'), one);
  assert.equal(await end(1, one, 'confirmed'), one, 'again');
  assert.deepEqual(await status(1, one), ['confirmed']);
  assert.equal(await end(3, three, 'left'), three);
  assert.deepEqual(await status(3, three), ['left']);
  assert.equal(await end(2, one, 'left'), '', 'an older place is not this one');
  assert.equal((await status(2, two))[0], 'inside');
  assert.deepEqual(await status(2, two, { clock: Date.now() + 601000 }), ['expired']);
  assert.equal((await join(2, { clock: Date.now() + 601000 })).at(-1), 1, 'another place');
});

test('the end of an older place leaves one that is kept for who was passed over', async () => {
  const later = { clock: Date.now() + 601000 };
  const [, , one] = await join(1);
  assert.equal((await status(1, one))[0], 'inside');
  const [, , two] = await join(1, { ...later, most: 0 });
  await redis.call('DEL', `${Q}seen`);
  await advance(later);
  assert.deepEqual(await members('away'), [user(1)]);
  await end(1, one, 'confirmed');
  assert.deepEqual(await members('until'), [user(1)]);
  assert.equal((await status(1, two, later))[0], 'inside', 'back, and in');
});

test('who leaves by a newer place leaves by the older one, too', async () => {
  const full = { most: 0 };
  const [, , old] = await join(1, full);
  await begin(2);
  const [, , newer] = await join(1, full);
  assert.equal(newer, old, 'it stands there still');
  const later = String(2n * EPOCH + PHASE + 7n);
  assert.equal((await status(1, later, full))[0], 'waiting', 'for the newer one as well');
  for (let i = 0; i < 2; i++) assert.equal(await end(1, later, 'left'), old, 'also when it is told again');
  assert.deepEqual([await status(1, old, full), await status(1, later, full)], [['left'], ['left']]);
  assert.deepEqual(await members('line'), []);
});

test('a room that is turned off tells how a place ended where that is known', async () => {
  const off = (n, score) => redis.script('room_status', [P, 'limit:room-lua'],
    ['', 'stamp', 'run', `${Date.now()}|9000000000000000`, '600|500|30|300|600', 2000, user(n), score, 60, 0, 0]);
  const scores = [];
  for (const n of [1, 2, 3]) scores.push((await join(n))[2]);
  await end(1, scores[0], 'left');
  await end(2, scores[1], 'confirmed');
  assert.deepEqual([await off(1, scores[0]), await off(2, scores[1]), await off(3, scores[2]), await off(1, 7)],
    [['left'], ['confirmed'], ['off'], ['off']]);
});

test('an opening that is put off draws again, once nobody is left of the one before', async () => {
  const early = { opens: 9e15 };
  const first = await join(1);
  assert.equal(first[0], 'inside');
  const late = BigInt((await join(2, early, 5))[2]);
  assert.equal(late & PHASE, PHASE, 'somebody is inside');
  await end(1, first[2], 'left');
  assert.equal(BigInt((await join(3, early, 5))[2]) & PHASE, PHASE, 'or waits');
  for (const n of [2, 3]) await end(n, await redis.call('ZSCORE', `${Q}line`, user(n)), 'left');
  await redis.call('ZADD', `${Q}until`, Date.now() + 60000, user(9));
  await redis.call('ZADD', `${Q}away`, late, user(9));
  assert.equal(BigInt((await join(4, early, 5))[2]) & PHASE, PHASE, 'or has a place kept');
  await end(4, await redis.call('ZSCORE', `${Q}line`, user(4)), 'left');
  await redis.call('DEL', `${Q}until`);
  assert.equal(BigInt((await join(5, early, 5))[2]) & (PHASE | 5n * SHUFFLE), 5n * SHUFFLE, 'drawn');
  const full = { most: 0 };
  assert.equal(BigInt((await join(6, full))[2]) & PHASE, PHASE, 'until the new one has been');
  assert.equal(await state('opened'), 1);
});

test('how quickly people come in is told as long as somebody has lately', async () => {
  for (let n = 1; n <= 30; n++) await join(n);
  const [, , score] = await join(31, { most: 0 });
  // As if the last of them had come in so long ago, half a minute after the first.
  const rate = async (ms) => {
    const [served] = (await redis.call('HGET', `${Q}state`, 'rate')).split('|');
    await redis.call('HSET', `${Q}state`, 'rate', `${served}|${Date.now() - ms}|${Date.now() - ms - 30000}`);
    return (await status(31, score, { most: 0 }))[4];
  };
  const [now, minute, three] = [await rate(0), await rate(60000), await rate(179000)];
  assert.ok(now > 1e6 && now < 1.4e6, `${now}: thirty in half a minute`);
  assert.ok(minute > 0.3e6 && minute < 0.4e6, `${minute}: and in a minute and a half`);
  assert.ok(three > 0.13e6 && three < 0.16e6, `${three}: and in three and a half`);
  assert.deepEqual([await rate(181000), await rate(3600000)], [0, 0], 'then it is not known');
});

test('all slots given, the line begins anew', async () => {
  await redis.call('HSET', `${Q}state`, 'next', 2 ** 24 - 2);
  assert.equal((await join(1, { most: 0 }))[2], String(EPOCH + PHASE + 2n ** 24n - 1n));
  assert.deepEqual(await join(2, { most: 0 }), ['begin']);
  await begin(2);
  assert.equal((await join(2, { most: 0 }))[3], 1, 'behind');
});

test('a person who waits takes at most 200 bytes', async () => {
  const people = 20000;
  for (let n = 1; n <= people; n += 500)
    await Promise.all(Array.from({ length: 500 }, (_, i) => join(n + i, { most: 0 })));
  let bytes = 0;
  for (const key of await redis.call('KEYS', `${Q}*`)) bytes += await redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0);
  assert.ok(bytes / people <= 200, `${bytes / people} bytes`);
});
