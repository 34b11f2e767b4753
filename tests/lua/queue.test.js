// The scripts of a line, one by one, against a real Redis: what each answers and leaves behind.
'use strict';

const assert = require('node:assert/strict');
const { after, beforeEach, test } = require('node:test');
const { lineOf } = require('../lib/line_scripts.js');

const {
  P, Q, STAMP, RUN, redis, booking, score, clear, build, script, join, begin, status, serve, served, back, leave, put,
  drop, line, serving, state, picked, wants, waits, take,
} = lineOf(77002);

beforeEach(() => build().then(() => begin()));
after(async () => {
  await clear();
  redis.close();
});

test('join: places in their order, one a person, with a score that says it', async () => {
  const first = await join('ann', 2);
  assert.deepEqual([first[0], first[1], first[2], first[8]], ['waiting', String(score(1, 1, 2)), 0, 1]);
  const second = await join('bob', 4);
  assert.deepEqual([second[1], second[2]], [String(score(1, 2, 4)), 1]);
  const again = await join('ann', 3);
  assert.deepEqual([again[1], again[2], again.length], [String(score(1, 1, 2)), 0, 8]);
  assert.deepEqual(await line(), ['ann', 'bob']);
});

test('join: what it cannot judge is for PostgreSQL', async () => {
  for (const [quantity, more] of [[5], [1, { line: 'G' }], [1, { line: 'A' }]]) assert.deepEqual(await join('ann', quantity, more), ['ask', 0]);
  await build({ until: 1 });
  assert.deepEqual(await join('ann'), ['ask', 0]);
  await build({ from: 9e15 });
  assert.deepEqual(await join('ann'), ['ask', 0]);
  await build({ max: 0 });
  await begin();
  assert.deepEqual(await join('ann', 3, { max: 2 }), ['ask', 0]);
  await redis.call('HSET', `${P}:meta`, 'stamp', 'other');
  assert.deepEqual(await join('ann'), ['ask', 1]);
  for (const more of [{}, { run: 'run 2' }]) assert.deepEqual(await join('ann', 9, { trusted: 'excess', ...more }), ['excess']);
  assert.equal((await join('ann', 1, { trusted: 1 }))[0], 'waiting');
  assert.equal((await join('ann', 9, { trusted: 'excess' }))[0], 'waiting', 'who has a place keeps it');
});

test('begin: once a run, by one, above what is known; then nobody is served for a while', async () => {
  await join('ann');
  assert.deepEqual(await join('bob', 1, { run: 'run 2' }), ['begin']);
  assert.deepEqual(await script('begin', 'GA', 'claim', RUN, 0), ['begun']);
  assert.deepEqual(await script('begin', 'GA', 'claim', 'run 2', 0), ['claimed', 1]);
  assert.deepEqual(await script('begin', 'GA', 'claim', 'run 2', 0), ['busy']);
  assert.deepEqual(await begin(2, 5000, { run: 'run 2' }), ['begun']);
  assert.deepEqual(await begin(2, 5000, { run: 'run 2' }), ['begun']);
  assert.deepEqual(await script('begin', 'GA', 'claim', 'run 2', 2), ['begun']);
  assert.deepEqual(await script('begin', 'GA', 'claim', 'run 2', 3), ['claimed', 2]);
  assert.deepEqual(await join('bob', 1, { run: 'run 2' }), ['ask', 0], 'who may have been served before');
  const bob = await join('bob', 1, { run: 'run 2', trusted: 1 });
  assert.deepEqual([bob[1], bob[2]], [String(score(2, 1)), 1]);
  const [kind, ms] = await serve('d', { run: 'run 2' });
  assert.equal(kind, 'later');
  assert.ok(ms > 4000 && ms <= 5000);
  assert.deepEqual(await redis.call('SMEMBERS', `${P}:lines`), ['GA']);
});

test('serve: the first that fit, in their order; who does not fit keeps the place', async () => {
  for (const [user, quantity] of [['ann', 2], ['bob', 4], ['cat', 3], ['dan', 1]]) await join(user, quantity);
  const answer = await serve();
  assert.deepEqual(answer.slice(0, 5), ['serve', 2, 0, 1, 1]);
  assert.deepEqual(picked(answer), ['ann', 'cat']);
  assert.equal(answer[6], String(score(1, 1, 2)));
  assert.ok(answer[7] >= 0, 'how long they waited');
  assert.equal(answer[8], '0', 'no pass');
  assert.deepEqual([await line(), await serving()], [['bob', 'dan'], ['ann', 'cat']]);
  // Nobody else before it is known how these end.
  assert.deepEqual(await serve('d2'), ['busy']);
});

test('serve: so many, and the rest may fit', async () => {
  for (const user of 'abcd') await join(user);
  const answer = await serve('d', { most: 2 });
  assert.deepEqual([picked(answer), answer[1], answer[2]], [['a', 'b'], 2, 1]);
});

test('serve: numbered seats are counted, those not for sale never', async () => {
  await begin(1, 0, { line: 'S' });
  for (const user of ['ann', 'bob']) await join(user, 3, { line: 'S' });
  assert.deepEqual(picked(await serve('d', { line: 'S' })), ['ann']);
});

test('serve: without what is kept of the event PostgreSQL says what is free', async () => {
  for (const user of ['ann', 'bob']) await join(user, 4);
  const answer = await serve('d', { stamp: 'another' });
  assert.deepEqual([picked(answer), answer[3]], [['ann', 'bob'], 0]);
});

test('serve: not sooner than that', async () => {
  await join('ann');
  await serve('d');
  await served('d', ['ann', 'back', '-', '-']);
  assert.deepEqual(await serve('d', { least: 10000 }), ['busy']);
  assert.deepEqual(picked(await serve('d')), ['ann']);
});

test('serve: what nobody tells of goes back to its place', async () => {
  for (const user of ['ann', 'bob', 'cat', 'dan', 'eve', 'fay']) await join(user);
  assert.equal(picked(await serve('d1', { life: 0 })).length, 5);
  // Two have been given theirs, and nobody was told; what is left is not enough for the others.
  await put(1, 'h', 'bob', 'GA:2');
  await put(2, 'h', 'zoe', 'GA:3');
  const answer = await serve('d2', { most: 4 });
  assert.deepEqual(picked(answer), ['ann', 'bob', 'cat', 'dan'], 'PostgreSQL is asked again, whatever is left');
  assert.deepEqual(await line(), ['fay']);
  assert.deepEqual(await serving(), ['ann', 'bob', 'cat', 'dan', 'eve']);
  // Whoever was at it before has nothing to say any more; but those nobody has taken on since.
  assert.deepEqual(await served('d1', ['ann', 'reserved', booking(1), 1], ['cat', 'reserved', booking(2), 1]), [0, 1, 0]);
  assert.deepEqual(await serving(), ['ann', 'bob', 'cat', 'dan', 'eve']);
  assert.deepEqual(await served('d2', ['ann', 'back', '-', '-'], ['bob', 'reserved', booking(1), 1],
    ['cat', 'back', '-', '-'], ['dan', 'back', '-', '-']), [4, 4, 0]);
  assert.deepEqual([await line(), await serving()], [['ann', 'cat', 'dan', 'fay'], ['eve']]);
});

test('served: where nobody could be asked, who may have been given something is asked about again', async () => {
  for (const user of ['ann', 'bob']) await join(user);
  assert.deepEqual(picked(await serve('d1', { life: 0, most: 1 })), ['ann']);
  await put(1, 'h', 'ann', 'GA:4');
  assert.deepEqual(picked(await serve('d2')), ['ann', 'bob']);
  await put(2, 'h', 'zoe', 'GA:1');
  assert.deepEqual(await served('d2', ['ann', 'undone', '-', '-'], ['bob', 'undone', '-', '-']), [2, 1, 0]);
  assert.deepEqual([await line(), await serving(), await waits()], [['bob'], ['ann'], ['GA']]);
  assert.deepEqual(picked(await serve('d3')), ['ann'], 'whatever is left');
  assert.deepEqual(await served('d3', ['ann', 'undone', '-', '-']), [1, 1, 0], 'however often');
  await serve('d4').then(() => served('d4', ['ann', 'back', '-', '-']));
  assert.deepEqual([await line(), await serving()], [['ann', 'bob'], []]);
});

test('serve: nothing of a line that there is not, and a line of another run is begun first', async () => {
  assert.deepEqual(await serve('d', { line: 'S' }), ['none']);
  assert.deepEqual(await serve('d', { run: 'other' }), ['none']);
  await join('ann');
  assert.deepEqual(await serve('d', { run: 'other' }), ['begin']);
});

test('served: reserved, back, refused, left; and who is before whom', async () => {
  for (const user of ['ann', 'bob', 'cat', 'dan', 'eve', 'fay']) await join(user);
  await serve('d');
  assert.equal((await status('fay', score(1, 6)))[2], 5, 'those being served may come back');
  assert.equal((await status('bob', score(1, 2)))[2], 1);
  assert.deepEqual(await served('d', ['ann', 'reserved', booking(1), Date.now() + 60000], ['bob', 'back', '-', '-'],
    ['cat', 'out', '-', 'limit-exceeded'], ['dan', 'left', '-', '-'], ['eve', 'back', '-', '-']), [5, 3, 0]);
  assert.deepEqual([await line(), await serving()], [['bob', 'eve', 'fay'], []]);
  await put(1, 'h', 'ann');
  assert.deepEqual((await status('ann', score(1, 1))).slice(0, 4), ['done', String(score(1, 1)), booking(1), 'h']);
  assert.deepEqual(await status('cat', score(1, 3)), ['refused', String(score(1, 3)), 'limit-exceeded']);
  assert.deepEqual(await status('dan', score(1, 4)), ['unknown', 1]);
  assert.match(await state('rate'), /^1\.000000\|/, 'who was refused was not served');
  assert.ok((await status('fay', score(1, 6)))[5] > 0, 'a rate is known');
});

test('sold and closed are believed for two seconds', async () => {
  await put(1, 'b', 'zoe', 'GA:5');
  await join('ann');
  await serve();
  await redis.call('HSET', `${Q}:state`, 'closed', 1);
  const said = async () => (await status('ann', score(1, 1))).slice(3, 5);
  assert.deepEqual(await said(), [1, 1]);
  await redis.call('HSET', `${Q}:state`, 'driven', Date.now() - 2100);
  assert.deepEqual(await said(), [0, 0]);
  await serve();
  assert.deepEqual((await said())[0], 1);
});

test('closed: by the clock, too, while nothing is free for which PostgreSQL would be asked', async () => {
  await put(1, 'h', 'zoe', 'GA:5');
  await join('ann');
  for (const [field, time, closed] of [['until', Date.now() - 1, 1], ['until', 9e15, 0], ['from', Date.now() + 60000, 1]]) {
    await redis.call('HSET', `${P}:meta`, field, time);
    assert.deepEqual(picked(await serve()), []);
    assert.equal(await state('closed'), String(closed), `${field} ${time}`);
  }
});

test('more than there is at all: not joined, and taken out to be refused', async () => {
  await build({ max: 10 });
  await begin();
  assert.deepEqual(await join('ann', 6), ['ask', 0]);
  assert.equal((await join('ann', 6, { trusted: 1 }))[0], 'waiting');
  assert.equal((await join('bob', 5))[0], 'waiting');
  await join('cat', 1);
  const answer = await serve();
  assert.deepEqual([picked(answer), answer[1]], [['ann', 'bob'], 1]);
  await build({ max: 10 });
  await begin();
  assert.deepEqual(await join('ann', 6, { line: 'S' }), ['ask', 0]);
  // A floor that was made larger since.
  await redis.call('HSET', `${P}:count`, 'c:GA', 6);
  assert.equal((await join('ann', 6))[0], 'waiting');
});

test('sold: when nothing is free and nothing may come back, and no longer', async () => {
  await put(1, 'b', 'zoe', 'GA:3');
  await put(2, 'h', 'yul', 'GA:2');
  await join('ann');
  await serve();
  assert.equal((await status('ann', score(1, 1)))[3], 0, 'a hold may end');
  await put(2, 'b', 'yul', 'GA:2');
  await serve();
  assert.equal((await status('ann', score(1, 1)))[3], 1);
  await drop(1);
  assert.deepEqual(picked(await serve()), ['ann']);
  assert.equal(await state('sold'), '0');
});

test('join: who was served has that, as long as it is open', async () => {
  await join('ann');
  await serve('d');
  await served('d', ['ann', 'reserved', booking(1), Date.now() + 60000]);
  await put(1, 'h', 'ann');
  assert.deepEqual((await join('ann')).slice(0, 3), ['done', String(score(1, 1)), booking(1)]);
  // While nothing is kept of the event its deadline counts.
  await redis.call('HSET', `${P}:meta`, 'stamp', 'other');
  assert.equal((await join('ann', 1, { trusted: 1 }))[0], 'done');
  await redis.call('HSET', `${P}:meta`, 'stamp', STAMP);
  await put(1, 'b', 'ann');
  assert.deepEqual((await status('ann', score(1, 1))).slice(0, 4), ['done', String(score(1, 1)), booking(1), 'b']);
  assert.equal((await join('ann'))[1], String(score(1, 2)), 'bought: a new place');
});

test('return: to the old place, before all that this epoch has given', async () => {
  await begin(2, 0, { run: 'run 2' });
  await join('new', 1, { run: 'run 2', trusted: 1 });
  const again = (user, at) => back(user, at, { run: 'run 2' });
  assert.equal(await again('bob', score(1, 2)), 'back');
  assert.equal(await again('ann', score(1, 1)), 'back');
  assert.equal(await again('ann', score(1, 1)), 'known');
  assert.deepEqual(await line(), ['ann', 'bob', 'new']);
  assert.equal(await back('cat', score(1, 3)), 'begin');
  assert.equal(await again('cat', score(3, 1)), 'above');
  assert.equal(await again('cat', score(2, 9)), 'final');
  // Of two places of one account the older one stands, and answers for both.
  assert.equal(await again('new', score(1, 3)), 'back');
  assert.equal((await status('new', score(2, 1)))[1], String(score(1, 3)));
  assert.equal((await status('new', score(1, 1)))[0], 'unknown');
});

test('return: not while a newer place is being served, nor once it has been', async () => {
  await begin(2, 0, { run: 'run 2' }).then(() => join('ann', 1, { run: 'run 2', trusted: 1 }));
  const told = () => Promise.all([1, 2].map((epoch) => back('ann', score(epoch, 1), { run: 'run 2' })));
  // What becomes of it is not known yet: they wait, nobody before them.
  await serve('d', { run: 'run 2' });
  const [older, newer] = await told();
  assert.deepEqual([older.slice(0, 5), newer], [['serving', String(score(1, 1)), 0, 0, 0], 'known']);
  await served('d', ['ann', 'back', '-', '-']);
  assert.equal((await told())[0], 'back');
  await redis.call('ZADD', `${Q}:line`, score(2, 1), 'ann');
  await serve('d', { run: 'run 2' });
  const turn = [() => served('d', ['ann', 'reserved', booking(1), Date.now() + 60000]),
    () => put(1, 'h', 'ann'), () => drop(1)];
  for (const step of turn) {
    await step();
    assert.deepEqual(await told(), ['final', 'known']);
  }
  assert.deepEqual(await line(), []);
});

test('leave: out of the line, out of those being served, and back where PostgreSQL could not be told', async () => {
  for (const user of ['ann', 'bob']) await join(user);
  assert.equal(await leave('ann', score(1, 1)), String(score(1, 1)));
  assert.equal(await leave('ann', score(1, 1)), '');
  assert.deepEqual((await status('ann', score(1, 1)))[2], 'left');
  assert.equal(await leave('ann', score(1, 1), 'undo'), '');
  assert.deepEqual(await line(), ['ann', 'bob']);
  await leave('ann', score(1, 1));
  assert.equal((await join('ann'))[1], String(score(1, 3)), 'who joins again has a new place');
  assert.equal(await leave('ann', score(1, 1)), '', 'which an old ticket does not give up');
  await serve('d');
  assert.equal(await leave('bob', score(1, 2)), String(score(1, 2)));
  assert.deepEqual(await serving(), ['ann', 'bob'], 'until PostgreSQL has been told');
  assert.equal(await leave('bob', score(1, 2), 'undo'), '');
  assert.deepEqual([await line(), await serving()], [[], ['ann', 'bob']]);
  assert.equal(await leave('bob', score(1, 2), 'ended'), '');
  assert.deepEqual([await serving(), (await status('bob', score(1, 2)))[2]], [['ann'], 'left']);
  assert.equal(await leave('ann', score(1, 9)), String(score(1, 3)), 'a newer one gives up the older');
  await leave('ann', score(1, 3), 'ended');
  assert.deepEqual([await waits(), await wants()], [[], []]);
});

test('join: those being served are ahead of whoever comes', async () => {
  await join('ann');
  await join('bob', 2);
  assert.deepEqual(picked(await serve('d', { most: 1 })), ['ann']);
  const joined = await join('cat');
  assert.deepEqual([joined[0], joined[2], joined[8]], ['waiting', 2, 1]);
  assert.deepEqual((await join('cat')).slice(0, 3), joined.slice(0, 3));
});

test('status: counts against the account\'s reads', async () => {
  await redis.call('DEL', 'limit:read:x');
  await join('ann');
  assert.equal((await status('ann', score(1, 1), { burst: 1 }))[0], 'waiting');
  const [kind, ms] = await status('ann', score(1, 1), { burst: 1 });
  assert.equal(kind, 'limited');
  assert.ok(ms > 0 && ms <= 1000);
  await redis.call('DEL', 'limit:read:x');
});

test('leave: who comes back to the line before PostgreSQL is told does not stay there', async () => {
  await join('ann', 2);
  await serve('d');
  assert.equal(await leave('ann', score(1, 1, 2)), String(score(1, 1, 2)));
  await served('d', ['ann', 'back', '-', '-']);
  assert.deepEqual(await line(), ['ann']);
  await leave('ann', score(1, 1, 2), 'ended');
  assert.deepEqual([await line(), await wants(), await waits()], [[], [], []]);
  assert.deepEqual(await status('ann', score(1, 1, 2)), ['refused', String(score(1, 1, 2)), 'left']);
  // Whoever has joined anew keeps the new place.
  await join('ann', 1);
  await leave('ann', score(1, 1, 2), 'ended');
  assert.deepEqual(await line(), ['ann']);
});

test('how many want more than one is known through every move', async () => {
  for (const [user, quantity] of [['ann', 2], ['bob', 4], ['cat', 2], ['dan', 1]]) await join(user, quantity);
  const sorted = async () => Object.fromEntries((await wants()).reduce((all, _, i, list) => (i % 2 ? all : [...all, [list[i], list[i + 1]]]), []));
  assert.deepEqual([await sorted(), await waits()], [{ 2: '2', 4: '1' }, ['GA']]);
  assert.deepEqual(picked(await serve('d')), ['ann', 'cat', 'dan']);
  assert.deepEqual(await sorted(), { 4: '1' });
  await served('d', ['ann', 'back', '-', '-'], ['cat', 'reserved', booking(1), 1], ['dan', 'left', '-', '-']);
  assert.deepEqual(await sorted(), { 2: '1', 4: '1' });
  await leave('ann', score(1, 1, 2));
  assert.deepEqual(await sorted(), { 4: '1' });
  await leave('ann', score(1, 1, 2), 'undo');
  await begin(2, 0, { run: 'run 2' });
  await back('eve', score(1, 9, 3), { run: 'run 2' });
  // An older place of the same account: it is the same person.
  await back('bob', score(1, 1, 1), { run: 'run 2' });
  assert.deepEqual(await sorted(), { 2: '1', 3: '1' });
  for (const [user, at] of [['ann', score(1, 1, 2)], ['bob', score(1, 1, 1)], ['eve', score(1, 9, 3)]]) await leave(user, at);
  assert.deepEqual([await sorted(), await waits()], [{}, []]);
});

test('take: whoever is sent to PostgreSQL takes the names along of the lines that wait for it', async () => {
  await build({ complete: 9e15 });
  await begin();
  await begin(1, 0, { line: 'S' });
  const keyed = (n, seats, places) => take(n, 'zoe', seats, places, 1);
  await put(1, 'h', 'xia', 'GA:5');
  assert.deepEqual(await keyed(2, [], 1), ['ask', -1], 'nobody waits');
  await join('ann', 2);
  assert.deepEqual(await keyed(2, [], 1), ['ask', -1, 'GA'], 'all is taken, as far as is known here');
  await drop(1);
  assert.deepEqual(await keyed(2, [], 4), ['ask', -1, 'GA'], 'some is theirs');
  assert.equal((await keyed(3, [], 3))[0], 'taken');
  assert.deepEqual(await keyed(2, ['S5']), ['ask', -1], 'of another section');
  await join('bob', 4, { line: 'S' });
  assert.deepEqual(await keyed(2, ['S0', 'S1']), ['ask', -1, 'S']);
  assert.deepEqual(await keyed(2, ['S0', 'S5']), ['ask', -1, 'S']);
  assert.deepEqual(await keyed(2, ['S5'], 5), ['ask', -1], 'one is left beyond their wishes');
  assert.equal((await keyed(4, ['S0']))[0], 'taken');
});

test('take: what those in line could be given is not left for others', async () => {
  assert.equal((await take(1, 'zoe', [], 1))[0], 'taken');
  await join('ann', 2);
  await join('bob', 1);
  // As a version before this one left it.
  await redis.call('HSET', `${Q}:wants`, 1, 300);
  assert.deepEqual(await take(2, 'yul', [], 2), ['full', -1, 'GA', 1]);
  assert.equal((await take(3, 'yul', [], 1))[0], 'taken', 'more than they want');
  assert.deepEqual(await take(4, 'yul', [], 1), ['full', -1, 'GA', 0]);
  await serve('d');
  assert.deepEqual(await take(4, 'yul', [], 1), ['full', -1, 'GA', 0], 'nor while they are being served');
  await served('d', ['ann', 'back', '-', '-'], ['bob', 'back', '-', '-']);
  await leave('bob', score(1, 2));
  await put(5, 'h', 'xia', 'GA:2');
  assert.equal((await take(4, 'yul', [], 1))[0], 'taken', 'who wants more than is left lets others pass');
  await leave('ann', score(1, 1, 2));
  await drop(4);
  assert.equal((await take(6, 'yul', [], 1))[0], 'taken');
});

test('take: nothing for others while those who stood in a line that was lost may not be back', async () => {
  await redis.call('DEL', `${Q}:state`);
  await begin(2, 4000);
  assert.deepEqual(await back('ann', score(1, 1)), 'back');
  assert.deepEqual(await take(1, 'zoe', [], 1), ['full', -1, 'GA', 0]);
  await redis.call('HSET', `${Q}:state`, 'from', Date.now() - 1);
  assert.equal((await take(2, 'zoe', [], 1))[0], 'taken', 'there are enough for all');
});

test('a clock that was set back is waited for by nobody', async () => {
  const later = () => Date.now() + 3600000;
  await join('ann').then(() => redis.call('HSET', `${Q}:state`, 'from', later()));
  assert.equal((await take(1, 'zoe', [], 1))[0], 'taken');
  assert.deepEqual(picked(await serve('d')), ['ann']);
  await redis.call('HSET', `${Q}:serving`, 'ann', `${score(1, 1)}|${later()}|d`);
  assert.deepEqual(picked(await serve('d2')), ['ann'], 'nor for how those end who were being served');
  await redis.call('HSET', `${Q}:state`, 'from', Date.now() + 119000);
  assert.equal((await serve('d3'))[0], 'later', 'two polls, of a minute each, may be true');
});

test('take: numbered seats likewise, of the section of the line alone', async () => {
  await build({ max: 10, sections: 'S|seated|3|0-2\nT|seated|2|3-4\nGA|ga|5|' });
  await begin(1, 0, { line: 'S' });
  await join('ann', 2, { line: 'S' });
  assert.deepEqual(await take(1, 'zoe', ['S3', 'S1', 'S2']), ['lost', -1, 1, 2]);
  assert.equal((await take(1, 'zoe', ['S3', 'S1']))[0], 'taken');
  assert.deepEqual(await take(2, 'zoe', ['S2']), ['lost', -1, 0]);
  assert.equal((await take(2, 'zoe', ['S4']))[0], 'taken');
  assert.deepEqual(picked(await serve('d', { line: 'S' })), ['ann']);
  await script('served', 'S', 'd', 0, 'ann', 'left', '-', '-');
  assert.equal((await take(3, 'zoe', ['S2']))[0], 'taken');
});

test('serve: small wishes behind very many that do not fit', async () => {
  await build({ max: 10 });
  await begin();
  await put(1, 'b', 'zoe', 'GA:4');
  const key = `${Q}:line`;
  for (let n = 1; n <= 6000; n += 1000) {
    await redis.call('ZADD', key, ...Array.from({ length: 1000 }, (_, i) => [score(1, n + i, 3), `u${n + i}`]).flat());
  }
  // As a version before this one left it.
  await redis.call('HSET', `${Q}:wants`, 3, 6000, 1, 300);
  await redis.call('HSET', `${Q}:state`, 'next', 6000);
  await join('ann', 1);
  assert.deepEqual(picked(await serve('d')), [], 'not in one look');
  assert.match(await state('skip'), /\|1$/);
  assert.deepEqual(picked(await serve('d')), ['ann'], 'the next goes on behind those');
  await served('d', ['ann', 'back', '-', '-']);
  assert.equal(await state('skip'), null, 'somebody is back: they may stand before');
  await redis.call('HSET', `${Q}:state`, 'skip', `${score(1, 5000, 3)}|1`);
  await drop(1);
  assert.deepEqual(picked(await serve('d')), ['u1'], 'more is left: from the beginning');
});

test('an event with a waiting room: its lines are joined with a pass, by which a place is served', async () => {
  await build({ room: '0|||||' });
  await begin();
  assert.deepEqual(await join('ann'), ['pass']);
  assert.deepEqual(await join('ann', 1, { pass: '77|9000' }), ['ask', 0], 'of whom nothing is known');
  assert.equal((await join('ann', 1, { pass: '77|9000', trusted: 'room' }))[0], 'waiting');
  assert.equal((await join('ann'))[0], 'waiting', 'who stands there needs none');
  assert.deepEqual(await join('bob', 1, { trusted: 'room' }), ['pass']);
  assert.equal((await join('bob', 1, { trusted: 1 }))[0], 'waiting', 'PostgreSQL knows of no room');
  await redis.call('HSET', `${P}:q::done`, 'cat', '78|confirmed|0', 'ann', '77|inside|9000');
  for (const trusted of [0, 'room']) assert.deepEqual(await join('cat', 1, { pass: '78|9000', trusted }), ['spent']);
  assert.deepEqual(await join('cat', 1, { pass: '77|9000' }), ['ask', 0], 'an older one, which may be spent too');
  assert.equal((await join('cat', 1, { pass: '79|9000', trusted: 'room' }))[0], 'waiting', 'one that PostgreSQL finds good');
  await redis.call('HSET', `${P}:q::done`, 'dan', '80|inside|9000', 'eve', '81|left|0|81');
  assert.equal((await join('dan', 1, { pass: '80|9000' }))[0], 'waiting', 'who is inside needs nobody\'s word');
  assert.deepEqual(await join('eve', 1, { pass: '81|9000' }), ['spent'], 'given up');
  assert.deepEqual(await join('eve', 1, { pass: '80|9000' }), ['ask', 0]);
  const answer = await serve('d');
  assert.deepEqual([answer[8], answer[12], answer[16], answer[20]], ['77', '0', '78', '80']);
});

test('audit: who was served, and where else they stand', async () => {
  for (const user of ['ann', 'bob', 'cat']) await join(user);
  await serve('d', { most: 2 });
  await served('d', ['ann', 'reserved', booking(1), 7]);
  await redis.call('ZADD', `${Q}:line`, score(1, 9), 'ann');
  const [cursor, waiting, people] = await script('audit', 'GA', '0', 100);
  assert.deepEqual([cursor, waiting], ['0', 2]);
  assert.deepEqual(people.slice(0, 4), ['ann', `${score(1, 1)}|${booking(1)}|7`, String(score(1, 9)), '']);
  assert.deepEqual([people[4], people[5], people[6]], ['bob', '', '']);
  assert.equal(people.length, 8);
});

test('discard: nothing of the lines is left', async () => {
  await join('ann');
  await serve('d');
  await redis.script('discard', [P], []);
  assert.deepEqual(await redis.call('KEYS', `${P}*`), []);
});

test('put: what was sold is not held again by an earlier word that comes late', async () => {
  await put(1, 'b', 'ann');
  assert.equal(await put(1, 'h', 'ann'), 'put');
  assert.match(await redis.call('HGET', `${P}:entry`, booking(1)), /^b\|/);
});
