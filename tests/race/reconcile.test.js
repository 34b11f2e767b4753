// reconcile, light and full, in a loop while buyers hold, confirm, release and cancel: nothing is lost,
// nothing is counted twice, and what moves is not taken for drift.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const {
  bookingsOf, booksCheck, buyers, eventWith, hold, holdPlaces, insist, move, program, range, redisBuild,
  redisFlush, sleep, sql,
} = require('../lib/crowd.js');
const { Redis } = require('../lib/redis.js');

const CLIENTS = 32, SEATS = 60, PLACES = 200, SECONDS = 5;

const numbers = (text) => Object.fromEntries([...text.matchAll(/ ([a-z]+)=(\d+)/g)]
  .map(([, name, n]) => [name, Number(n)]));

// One run; its summary. One that finds another at work says nothing.
async function reconcile(...args) {
  const { stderr } = await program('reconcile', ...args);
  return numbers(stderr);
}

// A buyer who goes on and on: holds what may be another's, with a key or without one, and confirms,
// releases or cancels. Returns every answer.
async function shop(buyer, n, event, goesOn) {
  const answers = [];
  const say = async (request) => {
    const answer = await insist(request);
    answers.push(answer);
    return answer;
  };
  for (let i = 0; goesOn(); i++) {
    const key = i % 2 ? `key-${n}-${i}` : undefined;
    const seat = 1 + ((n * 7 + i * 13) % SEATS);
    const request = i % 3 === 0 ? holdPlaces(buyer, event, 1 + (i % 4), key) : hold(buyer, event, [seat], key);
    const held = await say(request);
    if (held.status >= 300) {
      assert.ok(['seats-unavailable', 'sold-out'].includes(held.slug), held.text);
      continue;
    }
    const id = held.body.booking_id;
    if (i % 5 === 0) {
      assert.equal((await say(move(buyer, 'release', id))).status, 200);
    } else {
      assert.equal((await say(move(buyer, 'confirm', id))).status, 200);
      if (i % 5 !== 1) assert.equal((await say(move(buyer, 'cancel', id))).status, 200);
    }
    if (key && i % 7 === 0) assert.equal((await insist(request)).text, held.text, 'a retry has its answer');
  }
  return answers;
}

// Runs of both kinds, one after the other, while `race` goes on; the sums of all of them.
async function during(race, disturb) {
  let over = false;
  const sums = { runs: 0, compared: 0 };
  const loop = async (args) => {
    while (!over) {
      const run = await reconcile(...args);
      sums.runs++;
      for (const [name, n] of Object.entries(run)) sums[name] = (sums[name] ?? 0) + n;
    }
  };
  const loops = [loop(['--light']), loop(['--full'])];
  const disturbing = (async () => {
    while (disturb && !over) {
      await disturb();
      await sleep(400 + Math.random() * 400);
    }
  })();
  try {
    return [await race(sums), sums];
  } finally {
    over = true;
    await Promise.all([...loops, disturbing]);
  }
}

// The one who writes rubbish over what is kept of the event, while it is sold.
async function damage(event) {
  const redis = new Redis();
  const key = (name) => `hf:{${event}}:${name}`;
  const entries = await redis.call('HKEYS', key('entry'));
  const one = entries[Math.floor(Math.random() * entries.length)];
  await redis.call('HINCRBY', key('count'), 'h:G', 5);
  await redis.call('HINCRBY', key('count'), 'b:G', -3);
  await redis.call('SETRANGE', key('seats'), Math.floor(Math.random() * SEATS), 'b');
  await redis.call('HDEL', key('owner'), Math.floor(Math.random() * SEATS));
  if (one) await redis.call('HDEL', key('entry'), one);
  redis.close();
}

for (const [name, disturb, check] of [
  // What is made of the entries moves with them: whatever is found of it is a mistake.
  ['Redis up', null, (sums) => [sums.missing, sums.event, sums.seat, sums.count, sums.deadline].every((n) => n === 0)],
  ['Redis flushed again and again', redisFlush, (sums) => sums.missing + sums.event > 0],
  ['what is kept is damaged again and again', damage, (sums) => sums.count > 0 && sums.seat > 0 && sums.repaired > 0],
]) {
  test(`${name}: reconcile goes on while 32 clients buy`, async () => {
    const event = await eventWith({ seats: SEATS, places: PLACES });
    await redisBuild(event);
    // What earlier tests have left is no part of what is counted here.
    await reconcile('--full');
    const began = Date.now();
    const enough = (sums) => sums.runs >= 4 && sums.compared >= 4 && check(sums);
    // So long at least, and on a busy machine until there was something to see.
    const goesOn = (sums) => Date.now() - began < (enough(sums) ? 1 : 8) * SECONDS * 1000;
    const [answers, sums] = await during((seen) => Promise.all(buyers(CLIENTS)
      .map((buyer, n) => shop(buyer, n, event, () => goesOn(seen)))), disturb && (() => disturb(event)));

    assert.ok(enough(sums), JSON.stringify(sums));
    bookingsOf(answers.flat());
    booksCheck();
    // No drift afterwards; what was damaged last is set right by the next run.
    if (disturb) await reconcile('--full');
    const last = await program('reconcile', '--event', String(event), '--dry-run', '--verbose');
    assert.match(last.stdout, / event_wrong=0 .* entries_wrong=0 seats_wrong=0 counts_wrong=0 deadlines_wrong=0 /,
      last.stdout);
    await program('verify');
    // Every place is either somebody's or free, and the free ones can be had.
    const [[taken]] = sql(`select count(*) from holdfast.seat_claims where event_id = ${event}
      and expires_at > now()`);
    const rest = await Promise.all(buyers(SEATS).map((buyer, i) => insist(hold(buyer, event, [range(SEATS)[i]]))));
    assert.equal(rest.filter((a) => a.status === 201).length, SEATS - Number(taken));
  });
}
