// Twenty thousand who join a line at once while its places become free: they are served in the order in which
// they came, all places go to the head of the line and to nobody else, whatever is killed or lost.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const {
  booksCheck, buyers, call, eventWith, holdPlaces, insist, move, pidOf, redisBuild, redisFlush, redisStart, redisStop, sleep, sql,
  verify, workers,
} = require('../lib/crowd.js');

const scoreOf = (token) => Number(Buffer.from(token, 'base64url').readBigUInt64BE(5));
const quantityOf = (token) => (scoreOf(token) % 512) + 1;

// A section of so many places, all of them held ten by ten.
async function soldOut(places) {
  const event = await eventWith({ places });
  await redisBuild(event);
  const [owner] = buyers(1);
  const holds = [];
  for (let left = places; left > 0; left -= 10) {
    const held = await insist(holdPlaces(owner, event, Math.min(10, left)));
    assert.equal(held.status, 201, held.text);
    holds.push(held.body.booking_id);
  }
  return { event, owner, holds };
}

const join = (buyer, event, quantity) => insist({
  method: 'POST', where: '/queue/join', token: buyer.token,
  body: { event_id: String(event), section_id: 'G', quantity },
});

// Asks until there is an answer: a line that cannot be reached says so with 503.
const standing = async (token) => (await insist({ method: 'GET', where: `/reservation/status?token=${token}` })).body;

const chunks = (list, size) => Array.from({ length: Math.ceil(list.length / size) },
  (_, i) => list.slice(i * size, (i + 1) * size));

// How all of them stand, a few hundred at a time.
async function standings(tokens) {
  const out = [];
  for (const some of chunks(tokens, 200)) out.push(...await Promise.all(some.map(standing)));
  return out;
}

// Whoever has been told of a place stands in front of all who have not asked for one yet.
function joinedInOrder(joins) {
  const done = [...joins].sort((a, b) => a.done - b.done);
  let last = -1, behind = 0, next = 0;
  for (const { sent, token } of [...joins].sort((a, b) => a.sent - b.sent)) {
    for (; done[next].done < sent; next++) last = Math.max(last, scoreOf(done[next].token));
    assert.ok(last < scoreOf(token), `${scoreOf(token)} stands in front of ${last}, who had joined before`);
    behind += next > 0;
  }
  assert.ok(behind >= joins.length / 10, `only ${behind} of ${joins.length} joined after others had`);
}

/*
 * A crowd joins, places are given back meanwhile, something is disturbed before the last quarter comes;
 * everybody, or those at the head who are so many, asks how they stand until all places have been given.
 * Returns the tickets, in the order of their places, which is that in which they came, and how those stand
 * who have asked.
 */
async function sale({ places, people, asking = people, quantity = () => 1, disturb }) {
  const { event, owner, holds } = await soldOut(places);
  const crowd = buyers(people);
  const tokens = [], joins = [];
  let over = false, begun;
  const disturbed = disturb && new Promise((resolve) => { begun = resolve; });
  const joining = Promise.all(crowd.map(async (buyer, i) => {
    if (i >= people * 0.75) await disturbed;
    const answer = await join(buyer, event, quantity(i));
    assert.equal(answer.status, 202, answer.text);
    tokens.push(answer.body.token);
    joins.push({ sent: answer.sent, done: answer.done, token: answer.body.token });
  }));
  const releasing = (async () => {
    while (tokens.length < people / 4) await sleep(10);
    for (const id of holds) assert.equal((await insist(move(owner, 'release', id))).status, 200);
  })();
  const disturbing = (async () => {
    while (disturb && !over) {
      await sleep(40);
      if (tokens.length <= people / 5) continue;
      await disturb(tokens);
      begun();
    }
  })();
  await joining;
  await releasing;
  assert.equal(new Set(tokens).size, people, 'a ticket each');
  joinedInOrder(joins);
  tokens.sort((a, b) => scoreOf(a) - scoreOf(b));
  let served, now;
  for (const end = Date.now() + 180000; ;) {
    now = await standings(tokens.slice(0, asking));
    served = tokens.filter((_, i) => now[i]?.status === 'reserved');
    const given = served.reduce((sum, token) => sum + quantityOf(token), 0);
    assert.ok(given <= places, `${given} of ${places} places are given`);
    const rest = tokens.filter((_, i) => ['waiting', 'sold_out'].includes(now[i]?.status)).map(quantityOf);
    if (places - given < Math.min(...rest, 501)) break;
    assert.ok(Date.now() < end, `${given} of ${places} places are given`);
    await sleep(100);
  }
  over = true;
  await disturbing;
  return { event, tokens, served, now };
}

// Served before it is: by the batches in PostgreSQL, each of one moment.
function batchesOf(event) {
  const batches = new Map();
  for (const [at, epoch, number] of sql(`select ended_at, epoch, number from holdfast.queue_tickets
      where event_id = ${event} and outcome = 'reserved' order by ended_at, epoch, number`)) {
    if (!batches.has(at)) batches.set(at, []);
    batches.get(at).push(Number(epoch) * 2 ** 34 + Number(number));
  }
  return [...batches.values()];
}

function inOrder(event) {
  const batches = batchesOf(event);
  for (let i = 1; i < batches.length; i++) {
    const before = batches[i - 1];
    assert.ok(before[before.length - 1] < batches[i][0], `batch ${i} of ${batches.length} overtook the one before it`);
  }
}

// Every ticket is in one state, every reserved one has its booking, its owner's and its alone.
function statesCheck({ event, tokens, served, now }) {
  for (const { status } of now) assert.ok(['waiting', 'reserved', 'sold_out'].includes(status), status);
  const rows = sql(`select t.user_id, b.status, b.places, b.user_id, b.booking_id
    from holdfast.queue_tickets t left join holdfast.bookings b using (event_id, booking_id)
    where t.event_id = ${event} and t.outcome = 'reserved'`);
  assert.equal(rows.length, served.length);
  assert.equal(new Set(rows.map(([user]) => user)).size, rows.length, 'nobody twice');
  assert.equal(new Set(rows.map(([,,,, booking]) => booking)).size, rows.length, 'no booking twice');
  for (const [user, status,, owner] of rows) assert.deepEqual([owner, status], [user, 'HOLD']);
  const ids = new Set(rows.map(([,,,, booking]) => booking));
  for (const one of now.filter(({ status }) => status === 'reserved')) assert.ok(ids.has(one.booking_id));
  const [[taken]] = sql(`select taken from holdfast.ga_counts where event_id = ${event}`);
  assert.equal(Number(taken), served.reduce((sum, token) => sum + quantityOf(token), 0));
  // Those who wait know it, each at a place of their own.
  const places = now.filter(({ position }) => position !== null).map(({ position }) => position);
  assert.deepEqual(places, places.map((_, i) => i + 1));
  assert.equal(places.length + served.length, now.length);
}

async function poolWhole(count) {
  while (workers('queue').length < count) await sleep(20);
}

test('20,000 join while 1,000 places become free: the first 1,000 get them, in their order', async () => {
  const done = await sale({ places: 1000, people: 20000, asking: 1300 });
  assert.deepEqual(done.served, done.tokens.slice(0, 1000));
  assert.equal((await standing(done.tokens[19999])).position, 19000);
  inOrder(done.event);
  statesCheck(done);
  booksCheck();
  await verify([done.event]);
});

test('quantities that do not fit let others pass, and nothing is left that would fit', async () => {
  const done = await sale({ places: 200, people: 300, quantity: (i) => 1 + (i % 7) });
  const given = done.served.reduce((sum, token) => sum + quantityOf(token), 0);
  const rest = done.tokens.filter((token) => !done.served.includes(token)).map(quantityOf);
  assert.ok(200 - given < Math.min(...rest), `${200 - given} are left, and somebody wants ${Math.min(...rest)}`);
  statesCheck(done);
  await verify([done.event]);
});

test('who fits is served in the order of the line, and nobody else is passed', async () => {
  const { event, owner, holds } = await soldOut(10);
  const tokens = [];
  // The second does not fit behind the first, nor do the last two: all that is left goes to those between.
  for (const [i, quantity] of [6, 6, 1, 1, 2, 1, 1].entries())
    tokens.push((await join(buyers(1)[0], event, quantity)).body.token ?? assert.fail(`${i}`));
  assert.equal((await insist(move(owner, 'release', holds[0]))).status, 200);
  for (const end = Date.now() + 60000; ; await sleep(100)) {
    const now = (await standings(tokens)).map(({ status }) => status);
    if (now.filter((status) => status === 'reserved').length >= 4) {
      const [served, waits] = ['reserved', 'waiting'];
      assert.deepEqual(now, [served, waits, served, served, served, waits, waits]);
      break;
    }
    assert.ok(Date.now() < end, `${now}`);
  }
  await verify([event]);
});

test('workers of the queue are killed in the middle', async () => {
  const size = workers('queue').length;
  let kills = 0;
  const done = await sale({
    places: 300, people: 800,
    disturb: async () => {
      if (kills++ > 12) return;
      const pids = workers('queue');
      const pid = pids[kills % Math.max(1, pids.length)];
      if (pid && pid !== pidOf('queue')) process.kill(pid, 'SIGKILL');
    },
  });
  assert.ok(kills > 5, `${kills}`);
  await poolWhole(size);
  assert.deepEqual(done.served, done.tokens.slice(0, 300));
  inOrder(done.event);
  statesCheck(done);
  booksCheck();
  await verify([done.event]);
});

const losses = {
  flushed: redisFlush,
  // With its file, which may lack the last second.
  killed: () => redisStop().then(redisStart),
};
for (const [how, lose] of Object.entries(losses)) test(`Redis is ${how} in the middle: whoever asks is back at the old place`, async () => {
  let lost = 0;
  const done = await sale({
    places: 300, people: 800,
    disturb: async (tokens) => {
      if (lost++ > 0) return;
      await lose();
      // The line waits for them, but not for as long as a slow machine takes for all that others do.
      await standings(tokens);
    },
  });
  assert.ok(lost > 0);
  const epochs = new Set(done.tokens.map((token) => Math.floor(scoreOf(token) / 2 ** 43)));
  assert.deepEqual([...epochs].sort(), [1, 2], 'some joined before, and some after');
  assert.deepEqual(done.served, done.tokens.slice(0, 300));
  inOrder(done.event);
  statesCheck(done);
  booksCheck();
  await verify([done.event]);
});

test('everybody joins again and again, leaves, and asks: one place an account', async () => {
  // Two places for each, so that a second one would be had.
  const { event, owner, holds } = await soldOut(120);
  const crowd = buyers(60);
  await Promise.all(crowd.flatMap((buyer) => [0, 1, 2].map(async (turn) => {
    for (let i = 0; i < 6; i++) {
      const { body } = await join(buyer, event, 1);
      await standing(body.token);
      if (turn === 0 && i % 2 === 0) {
        const left = await insist({ method: 'POST', where: '/queue/leave', token: buyer.token, body: { token: body.token } });
        assert.equal(left.status, 204, left.text);
      }
      if (turn === 1 && i === 3 && holds.length) await insist(move(owner, 'release', holds.pop()));
    }
  })));
  for (const id of holds) await insist(move(owner, 'release', id));
  // Also whoever has been served, and comes once more.
  for (let round = 0; round < 2; round++) {
    const tokens = await Promise.all(crowd.map(async (buyer) => (await join(buyer, event, 1)).body.token));
    for (const end = Date.now() + 60000; ; await sleep(100)) {
      const now = await standings(tokens);
      if (now.every(({ status }) => status === 'reserved')) break;
      assert.ok(Date.now() < end, JSON.stringify(now));
    }
  }
  const open = sql(`select user_id, count(*) from holdfast.bookings
    where event_id = ${event} and status = 'HOLD' and expires_at > now() and user_id <> '${owner.id}' group by 1 having count(*) > 1`);
  assert.deepEqual(open, [], 'two open places of one account');
  await verify([event]);
  assert.equal((await call('GET', '/reservation/status?token=none')).status, 404);
});
