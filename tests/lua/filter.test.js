// The scripts of the filter, one by one, against a real Redis: what each answers and leaves behind.
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, test } = require('node:test');
const { filterOf } = require('../lib/filter.js');

const {
  P, STAMP, redis, id, clear, build, takeAs, take, put, drop, seats, owner, held, sold, makeDue,
} = filterOf(77001);

beforeEach(() => build());
after(async () => {
  await clear();
  redis.close();
});

test('take: all seats and places, under the booking, with a deadline', async () => {
  assert.deepEqual(await take(1, ['S1', 'S3'], ['GA', 2]), ['taken', -1]);
  assert.equal(await seats(), 'ahahaaaaax');
  assert.equal(await owner(3), id(1));
  assert.equal(await held('GA'), 2);
  const due = Number(await redis.call('ZSCORE', `${P}:due`, id(1)));
  assert.ok(Math.abs(due - Date.now() - 60000) < 5000);
});

test('take: none where one seat is lost, and says which', async () => {
  await take(1, ['S1']);
  assert.deepEqual(await take(2, ['S0', 'S1', 'S9'], ['GA', 1]), ['lost', -1, 1, 2]);
  assert.equal(await seats(), 'ahaaaaaaax');
  assert.equal(await held('GA'), 0);
});

test('take: a section that is full, and what is left of it', async () => {
  await take(1, [], ['GA', 3]);
  assert.deepEqual(await take(2, ['S0'], ['GA', 3]), ['full', -1, 'GA', 2]);
  assert.equal(await seats(), 'aaaaaaaaax');
  assert.deepEqual(await take(3, [], ['GA', 2]), ['taken', -1]);
});

test('take: PostgreSQL is asked about a known id, an own seat, unknown places and a closed gate', async () => {
  await take(1, ['S1'], [], { user: 'ann' });
  assert.deepEqual(await take(1, ['S2'], [], { user: 'ann' }), ['ask', -1]);
  assert.deepEqual(await take(2, ['S1', 'S2'], [], { user: 'ann' }), ['ask', -1]);
  assert.deepEqual(await take(3, ['S77']), ['ask', -1]);
  assert.deepEqual(await take(4, [], ['NONE', 1]), ['ask', -1]);
  assert.deepEqual(await take(5, [], ['GA', 11]), ['ask', -1]);
  await drop(1);
  assert.deepEqual(await take(1, ['S1'], [], { user: 'ann' }), ['ask', -1]);
  await build({ until: 5 });
  assert.deepEqual(await take(6, ['S1']), ['ask', -1]);
  await build({ from: 9e15 });
  assert.deepEqual(await take(7, ['S1']), ['ask', -1]);
});

test('take: state of another run counts as missing, and a key\'s id is known from then on', async () => {
  await redis.call('HSET', `${P}:meta`, 'stamp', 'another run');
  assert.deepEqual(await take(1, ['S1'], [], { keyed: 1 }), ['missing', -1]);
  assert.deepEqual(await take(2, ['S1'], [], { keyed: 1 }), ['missing', -1]);
  assert.deepEqual(await take(3, ['S1']), ['missing', -1]);
  assert.equal(await seats(), 'aaaaaaaaax');
  assert.equal(await drop(2, 0), 'missing');
  assert.deepEqual(await redis.call('ZRANGE', `${P}:used`, 0, -1), [id(1)]);
  await redis.call('HSET', `${P}:meta`, 'stamp', STAMP);
  assert.deepEqual(await take(1, ['S1'], [], { keyed: 1 }), ['ask', -1]);
});

test('take: where nothing is kept of the event, the lines are told in which people wait', async () => {
  await redis.call('SADD', `${P}:waits`, 'GA', 'S');
  await redis.call('HSET', `${P}:meta`, 'stamp', 'another run');
  const [verdict, tokens, ...lines] = await take(1, ['S1']);
  assert.deepEqual([verdict, tokens, lines.sort()], ['missing', -1, ['GA', 'S']]);
});

test('take: a keyed loser is left to PostgreSQL while ids may be unknown', async () => {
  await build({ complete: 9e15 });
  await take(1, ['S1'], ['GA', 5]);
  assert.deepEqual(await take(2, ['S1'], [], { keyed: 1 }), ['ask', -1]);
  assert.deepEqual(await take(3, [], ['GA', 1], { keyed: 1 }), ['ask', -1]);
  assert.deepEqual(await take(4, ['S1']), ['lost', -1, 0]);
});

test('take: what is due is given back, and its id stays known', async () => {
  await take(1, ['S1', 'S2'], ['GA', 5]);
  await makeDue(1);
  assert.deepEqual(await take(2, ['S2'], ['GA', 4]), ['taken', -1]);
  assert.equal(await seats(), 'aahaaaaaax');
  assert.equal(await held('GA'), 4);
  assert.deepEqual(await take(1, ['S5']), ['ask', -1]);
});

test('take: more than one call gives back is due, and still the seats asked for come free', async () => {
  await take(1, ['S1']);
  await makeDue(1);
  for (let n = 100; n < 140; n++) await redis.call('ZADD', `${P}:due`, 0, id(n));
  assert.deepEqual(await take(2, ['S1']), ['taken', -1]);
});

test('take: what is free is judged by PostgreSQL while somebody may wait in a line that is lost', async () => {
  await build({ kept: Date.now() + 60000, kept_lines: 'GA,S,T' });
  await put(1, 'h', Date.now() + 60000, '1');
  assert.deepEqual(await take(2, ['S2']), ['ask', -1]);
  assert.deepEqual(await take(2, [], ['GA', 5]), ['ask', -1]);
  assert.equal(await seats(), 'ahaaaaaaax');
  assert.equal(await held('GA'), 0);
  assert.deepEqual(await take(2, ['S1']), ['lost', -1, 0], 'who loses is told so here');
  assert.deepEqual(await take(2, [], ['GA', 6]), ['full', -1, 'GA', 5]);
  await redis.call('SADD', `${P}:waits`, 'T', 'OTHER');
  assert.deepEqual([await take(2, ['S2']), await take(2, [], ['GA', 1])], [['ask', -1], ['ask', -1]], 'others are back, not these');
  await redis.call('SADD', `${P}:waits`, 'S');
  assert.deepEqual(await take(2, ['S2'], ['GA', 1]), ['ask', -1]);
  assert.deepEqual(await take(2, ['S2']), ['taken', -1], 'that line is known again');
  assert.deepEqual(await take(3, [], ['GA', 1]), ['ask', -1], 'and this one is not');
  await redis.call('SADD', `${P}:waits`, 'GA');
  assert.deepEqual(await take(3, [], ['GA', 1]), ['taken', -1]);
  await build({ kept: Date.now() + 60000, kept_lines: 'T' });
  assert.deepEqual(await take(2, ['S2'], ['GA', 1]), ['taken', -1], 'nobody waited for these');
  await build({ kept: Date.now() - 1000, kept_lines: 'GA,S' });
  assert.deepEqual(await take(2, ['S2'], ['GA', 1]), ['taken', -1], 'and after a while nobody waits');
});

test('take: a deadline is the event\'s own where it has one', async () => {
  await build({ hold: 1000 });
  await take(1, ['S1']);
  const due = Number(await redis.call('ZSCORE', `${P}:due`, id(1)));
  assert.ok(due - Date.now() < 2000);
});

test('take: the account\'s rate', async () => {
  assert.deepEqual(await take(1, ['S1'], [], { burst: 2 }), ['taken', 1]);
  assert.deepEqual(await take(2, ['S2'], [], { burst: 2 }), ['taken', 0]);
  const [verdict, left, wait] = await take(3, ['S3'], [], { burst: 2 });
  assert.deepEqual([verdict, left], ['limited', 0]);
  assert.ok(wait > 0 && wait <= 1000);
  assert.equal(await seats(), 'ahhaaaaaax');
});

test('put: a confirmed booking keeps its seats for good', async () => {
  await take(1, ['S1'], ['GA', 2]);
  assert.equal(await put(1, 'b', -1, '1', 'GA:2'), 'put');
  assert.equal(await seats(), 'abaaaaaaax');
  assert.deepEqual([await held('GA'), await sold('GA')], [0, 2]);
  assert.equal(await redis.call('ZSCORE', `${P}:due`, id(1)), null);
});

test('put: twice is once, and less than before gives the rest back', async () => {
  await put(1, 'b', -1, '1,2', 'GA:3');
  await put(1, 'b', -1, '1,2', 'GA:3');
  assert.equal(await sold('GA'), 3);
  await put(1, 'b', -1, '2', 'GA:1');
  assert.equal(await seats(), 'aabaaaaaax');
  assert.equal(await sold('GA'), 1);
});

test('put: what is sold only shrinks, in whatever order its parts are cancelled', async () => {
  await put(1, 'b', -1, '1,2,3', 'GA:4');
  await put(1, 'b', -1, '3', 'GA:3');
  assert.equal(await put(1, 'b', -1, '2,3', 'GA:4'), 'put', 'the part before, told after it');
  assert.deepEqual([await seats(), await sold('GA')], ['aaabaaaaax', 3]);
  assert.deepEqual(await take(2, ['S2'], ['GA', 2]), ['taken', -1]);
  await put(1, 'b', -1, '1,2,3', 'GA:4');
  assert.deepEqual([await seats(), await sold('GA'), await owner(2)], ['aahbaaaaax', 3, id(2)], 'the confirm, told last');
  await put(3, 'h', 9e15, '5,6', 'GA:1');
  await put(3, 'b', -1, '6', '');
  await put(3, 'b', -1, '5,6', 'GA:1');
  assert.deepEqual([await seats(), await sold('GA')], ['aahbaabaax', 3]);
});

test('put: what PostgreSQL has ended stays ended, whatever comes late', async () => {
  await take(1, ['S1']);
  await drop(1);
  assert.equal(await put(1, 'b', -1, '1'), 'ended');
  assert.equal(await seats(), 'aaaaaaaaax');
});

test('put: what stands again after it had ended is kept, and may end once more', async () => {
  await take(1, ['S1'], ['GA', 2]);
  await drop(1);
  const again = (revived) => redis.script('put', [P], [STAMP, id(1), 'b', 'u1', -1, '1', 'GA:2', revived]);
  const marked = Date.now();
  assert.equal(await again(0), 'ended');
  assert.equal(await again(marked - 5000), 'ended');
  assert.equal(await again(marked + 5000), 'put');
  assert.equal(await again(0), 'put');
  assert.equal(await seats(), 'abaaaaaaax');
  assert.deepEqual([await held('GA'), await sold('GA')], [0, 2]);
  assert.equal(await drop(1), 'dropped');
  assert.equal(await again(0), 'ended');
  assert.equal(await again(marked - 5000), 'ended', 'what was read before it ended once more');
  assert.equal(await sold('GA'), 0);
});

test('drop: an end that is told late takes away nothing that stands again since', async () => {
  const again = (n, revived) => redis.script('put', [P], [STAMP, id(n), 'b', `u${n}`, -1, String(n), '', revived]);
  const at = Date.now();
  await take(1, ['S1']);
  assert.equal(await again(1, at + 2), 'put', 'money came before the end was told');
  assert.equal(await drop(1, at), 'later');
  assert.equal(await again(1, at + 2), 'put');
  assert.equal(await seats(), 'abaaaaaaax');
  await take(2, ['S2']);
  assert.equal(await drop(2, at), 'dropped');
  assert.equal(await again(2, at - 1), 'ended', 'what was read before that');
  assert.equal(await again(2, at + 1), 'put', 'the mark is of when it ended, whenever that is told');
  assert.equal(await drop(2, at + 1000), 'dropped', 'and it may end once more');
  assert.equal(await again(2, at + 1), 'ended');
  assert.equal(await drop(1), 'dropped');
  assert.equal(await seats(), 'aaaaaaaaax');
});

test('put: a hold given back by Redis alone may still be confirmed by PostgreSQL', async () => {
  await take(1, ['S1']);
  await makeDue(1);
  await take(2, ['S2']);
  assert.equal(await seats(), 'aahaaaaaax');
  assert.equal(await put(1, 'b', -1, '1'), 'put');
  assert.equal(await seats(), 'abhaaaaaax');
});

test('put: seats of another entry change hands, and that one frees them no more', async () => {
  await take(1, ['S1', 'S2']);
  await put(2, 'h', 9e15, '1');
  assert.equal(await owner(1), id(2));
  await drop(1);
  assert.equal(await seats(), 'ahaaaaaaax');
});

test('put: a seat beyond the layout that is known makes the state missing', async () => {
  assert.equal(await put(1, 'h', 9e15, '10'), 'missing');
  assert.deepEqual(await take(2, ['S1']), ['missing', -1]);
});

test('drop: frees its own seats and counts, once; an undo leaves the id unknown', async () => {
  await take(1, ['S1'], ['GA', 2]);
  assert.equal(await drop(1, 0), 'dropped');
  assert.equal(await drop(1, 0), 'none');
  assert.deepEqual([await seats(), await held('GA')], ['aaaaaaaaax', 0]);
  assert.deepEqual(await take(1, ['S1']), ['taken', -1]);
  assert.equal(await drop(1, 1), 'dropped');
  assert.deepEqual(await take(1, ['S1']), ['ask', -1]);
});

test('drop: an undo takes away its own take alone', async () => {
  const [, , mine] = await takeAs(1, ['S1'], ['GA', 2]);
  await put(1, 'h', 9e15, '1', 'GA:2');
  assert.equal(await drop(1, 0, mine), 'none', 'PostgreSQL has committed it for another request under its key');
  assert.deepEqual([await seats(), await held('GA')], ['ahaaaaaaax', 2]);
  const [, , other] = await takeAs(2, ['S2']);
  assert.equal(await drop(2, 0, String(Number(other) - 1)), 'none');
  assert.equal(await drop(2, 0, other), 'dropped');
  assert.equal(await seats(), 'ahaaaaaaax');
});

test('forget: nothing is believed until it is rebuilt', async () => {
  await redis.script('forget', [P], []);
  assert.deepEqual(await take(1, ['S1']), ['missing', -1]);
});

test('forget: a rebuild that began before writes no more', async () => {
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  await redis.script('forget', [P], []);
  assert.equal(await redis.script('install', [P], ['e1', 'finish', 'stamp', STAMP]), 0);
  assert.deepEqual(await take(1, ['S1']), ['missing', -1]);
  assert.equal((await redis.script('fence', [P], [STAMP, 'e2', 60000]))[0], 'missing');
});

test('fence: one at a time, and every script notes what it touches', async () => {
  assert.equal((await redis.script('fence', [P], [STAMP, 'e1', 60000]))[0], 'kept');
  assert.deepEqual(await redis.script('fence', [P], [STAMP, 'e2', 60000]), ['busy']);
  await take(1, ['S1'], ['GA', 1]);
  await put(2, 'h', 9e15, '2');
  await drop(3);
  const dirty = new Set(await redis.call('SMEMBERS', `${P}:dirty`));
  for (const name of [`k${id(1)}`, 'p1', 'sGA', `k${id(2)}`, 'p2', `k${id(3)}`]) {
    assert.ok(dirty.has(name), name);
  }
});

test('repair: leaves alone what was touched, has changed, or was taken too lately', async () => {
  const now = Date.now();
  await take(1, ['S1']);
  await take(2, ['S2']);
  const young = await redis.call('HGET', `${P}:entry`, id(1));
  const old = (await redis.call('HGET', `${P}:entry`, id(2))).replace(/\|\d+\|2\|/, '|1|2|');
  await redis.call('HSET', `${P}:entry`, id(2), old);
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  await take(3, ['S3']);
  const touched = await redis.call('HGET', `${P}:entry`, id(3));
  const repair = (...args) => redis.script('repair', [P], ['e1', now, 5000, ...args]);
  assert.deepEqual(await repair(id(1), young, '', id(3), touched, '', id(2), 'other', ''), ['ok', 0, 3]);
  assert.deepEqual(await repair(id(2), old, '', id(4), '', 'b|u4|-1|0|4|GA:2'), ['ok', 2, 0]);
  assert.equal(await seats(), 'ahahbaaaax');
  assert.equal(await sold('GA'), 2);
  assert.deepEqual(await redis.script('repair', [P], ['e0', now, 5000, id(5), '', 'h|u|1|0|5|']), ['stale']);
});

// A repair knows what was read, and only the notes tell that somebody has been there since.
test('repair: what was touched stays as it is, also where it looks as it was read', async () => {
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  const repair = (...args) => redis.script('repair', [P], ['e1', Date.now(), 0, ...args]);
  // Nothing was kept of it, and PostgreSQL has released it since it was read there.
  assert.equal(await drop(1), 'none');
  assert.deepEqual(await repair(id(1), '', `h|u1|${Date.now() + 60000}|0|1|GA:2`), ['ok', 0, 1]);
  assert.deepEqual([await seats(), await held('GA')], ['aaaaaaaaax', 0]);
  assert.deepEqual(await take(2, ['S1'], ['GA', 5]), ['taken', -1]);
});

test('mend: what was touched stays as it is, also where it looks as it was read', async () => {
  await take(1, ['S1']);
  await put(2, 'h', Date.now() + 60000, '2');
  // Two are damaged: a seat that is held looks free, and a hold has no deadline.
  await redis.call('SETRANGE', `${P}:seats`, 1, 'a');
  await redis.call('HDEL', `${P}:owner`, 1);
  await redis.call('ZREM', `${P}:due`, id(2));
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  // Since they were read one has been released, and the other sold.
  assert.equal(await drop(1), 'dropped');
  assert.equal(await put(2, 'b', -1, '2'), 'put');
  const mend = (...args) => redis.script('mend', [P], ['e1', ...args]);
  assert.deepEqual(await mend('p', 1, 'a', `h${id(1)}`), ['ok', 0, 1]);
  assert.deepEqual(await mend('d', id(2), '', Date.now() - 1), ['ok', 0, 1]);
  assert.deepEqual(await take(3, ['S1']), ['taken', -1], 'it can be had');
  assert.equal(await seats(), 'ahbaaaaaax', 'and what is sold is not due');
});

test('mend: single bytes, owners and deadlines', async () => {
  await take(1, ['S1'], ['GA', 2]);
  await redis.call('SETRANGE', `${P}:seats`, 5, 'b');
  await redis.call('ZADD', `${P}:due`, 9e12, id(9));
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  await take(2, ['S6']);
  assert.deepEqual(await redis.script('mend', [P], ['e1', 'p', 5, 'b', 'a',
    'd', id(9), 9e12, '', 'p', 6, `h${id(2)}`, 'a']), ['ok', 2, 1]);
  assert.equal(await seats(), 'ahaaaahaax');
  assert.equal(await redis.call('ZSCORE', `${P}:due`, id(9)), null);
});

test('recount: right however the counts move meanwhile', async () => {
  const before = (booking) => redis.call('HGET', `${P}:before`, id(booking));
  await take(1, [], ['GA', 2]);
  await redis.call('HSET', `${P}:count`, 'h:GA', 4, 'c:GA', 7);
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  await take(2, [], ['GA', 1]);
  await put(1, 'b', -1, '', 'GA:2');
  await drop(2);
  assert.match(await before(1), /^h\|u1\|\d+\|\d+\|\|GA:2$/);
  assert.equal(await before(2), '');
  // When the fence went up one entry held two: that is what the sums are.
  const recount = (...args) => redis.script('recount', [P], ['e1', ...args]);
  assert.deepEqual(await recount('c:GA', 5, 'h:GA', 2, 'b:GA', 0),
    ['ok', 2, 0, 'c:GA', '7', '5', 'h:GA', '2', '0']);
  assert.deepEqual([await held('GA'), await sold('GA')], [0, 2]);
  await take(3, [], ['GA', 3]);
  assert.deepEqual(await recount('c:GA', 5, 'h:GA', 2, 'b:GA', 0), ['ok', 0, 0]);
  await redis.call('HDEL', `${P}:count`, 'c:GA');
  assert.deepEqual(await recount('c:GA', 5), ['ok', 1, 0, 'c:GA', '', '5']);
  assert.deepEqual(await redis.script('recount', [P], ['e0', 'c:GA', 5]), ['stale']);
});

test('repair: its own changes are no drift of the counts', async () => {
  await take(1, [], ['GA', 2]);
  const text = (await redis.call('HGET', `${P}:entry`, id(1))).replace('GA:2', 'GA:20');
  await redis.call('HSET', `${P}:entry`, id(1), text);
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  assert.deepEqual(await redis.script('repair', [P], ['e1', Date.now(), 0, id(1), text,
    text.replace('GA:20', 'GA:2')]), ['ok', 1, 0]);
  await redis.script('recount', [P], ['e1', 'h:GA', 20]);
  assert.equal(await held('GA'), 2);
});

test('what is no entry holds nothing, and goes', async () => {
  await redis.call('HSET', `${P}:entry`, id(1), 'rubbish', id(2), 'h|u|nan|0|1|');
  await redis.call('ZADD', `${P}:due`, 1, id(1), 1, id(2));
  assert.deepEqual(await take(3, ['S1'], ['GA', 1]), ['taken', -1]);
  assert.equal(await redis.call('HLEN', `${P}:entry`), 1);
});

test('unheard: until all is compared, no keyed request is refused here', async () => {
  const now = Date.now();
  await build({ heard: now - 5000 });
  await take(1, ['S1'], ['GA', 5]);
  assert.deepEqual(await take(2, ['S1'], [], { keyed: 1 }), ['lost', -1, 0]);
  const unheard = (age) => redis.script('unheard', [P], [STAMP, age]);
  assert.equal(await unheard(60000), 'untold');
  assert.deepEqual(await take(2, ['S1'], [], { keyed: 1 }), ['lost', -1, 0], 'heard since');
  assert.equal(await unheard(0), 'untold');
  assert.equal(await unheard(60000), 'untold');
  assert.deepEqual(await take(2, ['S1'], [], { keyed: 1 }), ['ask', -1]);
  assert.deepEqual(await take(3, [], ['GA', 1], { keyed: 1 }), ['ask', -1]);
  assert.deepEqual(await take(4, ['S1']), ['lost', -1, 0], 'no retry comes without a key');
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  await redis.script('install', [P], ['e1', 'heard', Date.now() + 1000]);
  await redis.script('install', [P], ['e1', 'release']);
  assert.deepEqual(await take(2, ['S1'], [], { keyed: 1 }), ['lost', -1, 0]);
  assert.equal(await redis.script('unheard', [P], ['another run', 0]), 'missing');
});

test('learn: ids that only PostgreSQL knew', async () => {
  await take(1, ['S1']);
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  assert.deepEqual(await redis.script('learn', [P], ['e1', Date.now(), id(7), id(8)]), ['ok', 2, 0]);
  assert.deepEqual(await redis.script('learn', [P], ['e1', Date.now(), id(7)]), ['ok', 0, 0]);
  assert.deepEqual(await take(7, ['S1'], [], { keyed: 1 }), ['ask', -1]);
  assert.deepEqual(await redis.script('learn', [P], ['e0', Date.now(), id(9)]), ['stale']);
});

test('fence: after a rebuild that failed only who has time tries again', async () => {
  const fence = async (e, patient, stamp = STAMP) => (await redis.script('fence', [P], [stamp, e, 60000, patient]))[0];
  const fail = async (e) => {
    assert.equal(await redis.script('install', [P], [e, 'fail', STAMP, 50000]), 1);
    assert.equal(await redis.call('EXISTS', `${P}:fence`), 0);
    const left = await redis.call('PTTL', `${P}:late`);
    assert.ok(left > 40000 && left <= 50000, `${left}`);
  };
  const release = (e) => redis.script('install', [P], [e, 'release']);
  await clear();
  assert.equal(await fence('e1', 0), 'missing');
  await fail('e1');
  assert.equal(await fence('e2', 0), 'busy');
  assert.equal(await redis.call('EXISTS', `${P}:fence`), 0);
  assert.equal(await redis.script('install', [P], ['e2', 'fail', STAMP, 50000]), 0, 'only behind its own fence');
  assert.equal(await fence('e3', 1), 'missing');
  assert.equal(await redis.script('install', [P], ['e3', 'finish', 'stamp', STAMP]), 1);
  await release('e3');
  assert.equal(await fence('e4', 0), 'kept', 'one that has not failed lifts it');
  await fail('e4');
  assert.equal(await fence('e5', 0, 'another start'), 'missing', 'as a restart of a server does');
  await fail('e5');
  await redis.script('forget', [P], []);
  assert.equal(await fence('e6', 0), 'missing', 'and an edit of the event');
  await fail('e6');
  await redis.script('discard', [P], []);
  assert.deepEqual(await redis.call('KEYS', `${P}*`), []);
});

test('fence: none stands for ever, and what is no state does not keep it from standing', async () => {
  await redis.call('SET', `${P}:fence`, 'rubbish');
  assert.equal((await redis.script('fence', [P], [STAMP, 'e1', 60000]))[0], 'kept');
  await redis.script('install', [P], ['e1', 'release']);
  await redis.call('DEL', `${P}:meta`);
  await redis.call('SET', `${P}:meta`, 'rubbish');
  assert.equal((await redis.script('fence', [P], [STAMP, 'e2', 60000]))[0], 'missing');
});

test('discard: nothing is left', async () => {
  await take(1, ['S1'], ['GA', 1]);
  await drop(1);
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  await take(2, ['S1'], ['GA', 1]);
  assert.ok(await redis.script('discard', [P], []) > 8);
  assert.deepEqual(await redis.call('KEYS', `${P}*`), []);
  assert.deepEqual(await take(3, ['S1']), ['missing', -1]);
});

test('install: only behind its own fence, and what was touched is told once', async () => {
  await redis.script('forget', [P], []);
  assert.equal((await redis.script('fence', [P], [STAMP, 'e1', 60000]))[0], 'missing');
  await take(8, ['S1']);
  assert.equal(await redis.script('install', [P], ['e0', 'clear']), 0);
  assert.equal(await seats(), 'aaaaaaaaax');
  assert.deepEqual(await redis.script('install', [P], ['e1', 'touched']), [id(8)]);
  assert.deepEqual(await redis.script('install', [P], ['e1', 'touched']), []);
  assert.equal(await redis.script('install', [P], ['e1', 'release']), 1);
  assert.equal(await redis.call('EXISTS', `${P}:fence`), 0);
});

test('install: what was installed of a booking before it was touched does not stay', async () => {
  await redis.script('forget', [P], []);
  await redis.script('fence', [P], [STAMP, 'e1', 60000]);
  const step = (...args) => redis.script('install', [P], ['e1', ...args]);
  await step('clear');
  await step('seats', 'aaaaaaaaax');
  const entry = (n, positions) => [id(n), '', `h|u${n}|9000000000000|0|${positions}|`];
  assert.deepEqual(await redis.script('repair', [P], ['e1', 0, 0, ...entry(1, '1'), ...entry(2, '2')]),
    ['ok', 2, 0]);
  assert.equal(await redis.script('drop', [P], [STAMP, id(2), 1]), 'missing');
  // Whoever looks at the picture must find in it what was answered: it is not believed yet.
  const fields = ['stamp', STAMP, 'offset', 0, 'seats', 10];
  assert.equal(await step('finish', ...fields), 2);
  assert.equal(await redis.call('HEXISTS', `${P}:meta`, 'stamp'), 0);
  assert.equal(await seats(), 'ahaaaaaaax');
  assert.equal(await redis.call('HEXISTS', `${P}:entry`, id(2)), 0);
  assert.deepEqual(await step('touched'), [id(2)]);
  assert.deepEqual(await redis.script('repair', [P], ['e1', 0, 0, ...entry(2, '3')]), ['ok', 1, 0]);
  assert.equal(await redis.script('drop', [P], [STAMP, id(1), 1]), 'missing');
  assert.equal(await step('believe', ...fields), 1);
  assert.equal(await seats(), 'aaahaaaaax');
  assert.deepEqual(await step('touched'), [id(1)]);
  assert.equal(await step('finish', ...fields), 1);
  // Believed, each request writes what it does: what is touched now stays.
  assert.equal(await redis.script('put', [P], [STAMP, id(4), 'h', 'u', 9e12, '4', '']), 'put');
  assert.deepEqual(await step('touched'), [id(4)]);
  assert.equal(await seats(), 'aaahhaaaax');
  await step('release');
});
