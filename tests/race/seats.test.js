// Races for numbered seats: each seat is sold once, a lost race says which seats were lost, and no
// deadlock or lock that is not had in time reaches a client.
'use strict';

const assert = require('node:assert/strict');

const {
  bookingsOf, buyers, counts, hold, move, range, seatNumber, send, sendAll, shuffled, sleep, sql,
} = require('../lib/crowd.js');
const { inEachWeather } = require('./weather.js');

const refusals = (answers) => answers.filter((a) => a.status !== 201);

// Only 201 and 409 seats-unavailable, and those name at least one of the seats that were asked for.
function assertWonOrLost(answers, asked) {
  answers.forEach((answer, i) => {
    if (answer.status === 201) return;
    assert.equal(`${answer.status} ${answer.slug}`, '409 seats-unavailable', answer.text);
    assert.ok(answer.body.seat_ids.length > 0, answer.text);
    for (const id of answer.body.seat_ids) assert.ok(asked[i].includes(seatNumber(id)), id);
  });
}

// The claims in the database are those of the answers, and no seat is in two of them.
function assertClaims(event, answers, asked) {
  const rows = bookingsOf(answers);
  const owner = new Map();
  answers.forEach((answer, i) => {
    if (answer.status !== 201) return;
    for (const number of asked[i]) {
      assert.ok(!owner.has(number), `seat ${number} was sold twice`);
      owner.set(number, answer.body.booking_id);
    }
    assert.equal(rows.get(answer.body.booking_id).status, 'HOLD');
  });
  const claims = sql(`select position + 1, booking_id from holdfast.seat_claims
    where event_id = ${event} and expires_at > now()`);
  assert.deepEqual(new Map(claims.map(([number, id]) => [Number(number), id])),
    new Map([...owner].sort(([a], [b]) => a - b)));
}

async function sameTen(event, disturb) {
  const asked = range(64).map(() => shuffled(range(10)));
  const crowd = buyers(64);
  const answers = await sendAll(asked.map((seats, i) => hold(crowd[i], event, seats)), disturb);

  assertWonOrLost(answers, asked);
  assert.equal(counts(answers)[201], 1);
  assertClaims(event, answers, asked);
  for (const answer of refusals(answers)) assert.equal(answer.body.seat_ids.length, 10);
}

async function overlapping(event, disturb) {
  // The three sets of one buyer differ in size, since one's own live hold is answered again.
  const asked = range(192).map((_, i) => shuffled(range(40))
    .slice(0, 1 + (i % 64 + 2 * Math.floor(i / 64)) % 6));
  const crowd = buyers(64);
  const answers = await sendAll(
    asked.map((seats, i) => hold(crowd[i % 64], event, seats)), disturb);

  // Who asks again for a seat of their own is refused like everybody else.
  assertWonOrLost(answers, asked);
  assert.ok(counts(answers)[201] >= 5);
  assertClaims(event, answers, asked);
}

// Ten old bookings of five seats each have run out; everybody wants two seats of different ones.
async function takeover(event, disturb) {
  const old = buyers(10);
  const mine = range(10).map((b) => range(5).map((s) => (b - 1) * 5 + s));
  const held = await sendAll(mine.map((seats, i) => hold(old[i], event, seats)));

  assert.deepEqual(counts(held), { 201: 10 });
  await sleep(1100);
  const asked = range(64).map(() => {
    const [a, b] = shuffled(range(10));
    return shuffled([(a - 1) * 5 + 1 + Math.floor(Math.random() * 5),
      (b - 1) * 5 + 1 + Math.floor(Math.random() * 5)]);
  });
  const crowd = buyers(64);
  // What they take lives longer than the race.
  sql(`update holdfast.events set hold_seconds = 600 where event_id = ${event}`);
  const answers = await sendAll(asked.map((seats, i) => hold(crowd[i], event, seats)), disturb);

  assert.ok(counts(answers)[201] >= 10, JSON.stringify(counts(answers)));
  for (const one of refusals(answers)) assert.equal(one.slug, 'seats-unavailable', one.text);
  const sold = answers.flatMap((a, i) => (a.status === 201 ? asked[i] : []));
  assert.equal(new Set(sold).size, sold.length, 'a seat was sold twice');
  bookingsOf(answers);
  // The old bookings that lost a seat have ended, and none of them can be confirmed any more.
  const robbed = new Set(sold.map((number) => Math.floor((number - 1) / 5)));
  const ended = sql(`select booking_id from holdfast.bookings
    where event_id = ${event} and status = 'EXPIRED'`).flat();
  for (const i of robbed) assert.ok(ended.includes(held[i].body.booking_id));
  const late = await sendAll(held.map((a, i) => move(old[i], 'confirm', a.body.booking_id)));
  assert.deepEqual(counts(late), { '410 hold-expired': 10 });
}

async function holdThenConfirm(event, disturb) {
  const crowd = buyers(60);
  let confirmed = 0;
  const one = async (number) => {
    const buyer = crowd[number % 60];
    const held = await send(hold(buyer, event, [number]));
    assert.equal(held.status, 201, held.text);
    const done = await send(move(buyer, 'confirm', held.body.booking_id));
    assert.equal(done.status, 200, done.text);
    assert.equal(done.body.status, 'CONFIRMED');
    if (++confirmed % 75 === 0) await disturb?.();
    return done;
  };
  const answers = await Promise.all(range(60).map(async (first) => {
    const mine = [];
    for (let number = first; number <= 300; number += 60) mine.push(await one(number));
    return mine;
  }));

  for (const row of bookingsOf(answers.flat()).values()) assert.equal(row.status, 'CONFIRMED');
}

// Everybody releases as soon as they have it: whoever asks until then loses, whoever asks after
// wins.
async function changingHands(event, disturb) {
  const crowd = buyers(40);
  let handed = 0;
  await Promise.all(crowd.map(async (buyer) => {
    for (let tries = 0; tries < 400; tries++) {
      const held = await send(hold(buyer, event, [2, 1]));
      if (held.status === 201) {
        const gone = await send(move(buyer, 'release', held.body.booking_id));
        assert.equal(gone.status, 200, gone.text);
        if (++handed % 10 === 5) await disturb?.();
        return;
      }
      assert.equal(held.slug, 'seats-unavailable', held.text);
      await sleep(Math.random() * 20);
    }
  }));
  assert.equal(handed, 40);
  assert.deepEqual(sql(`select count(*) from holdfast.seat_claims where event_id = ${event}
    and booking_id is not null`), [['0']]);
}

inEachWeather([
  ['of 64 who want the same ten seats one gets them', { seats: 12 }, sameTen],
  ['sets of seats that overlap, in any order, are sold once', { seats: 40 }, overlapping],
  ['seats of holds that have run out are taken over once',
    { seats: 50, hold_seconds: 1 }, takeover],
  ['a hold can be confirmed at once, 300 times', { seats: 300 }, holdThenConfirm],
  ['what is released goes to the next who asks', { seats: 2 }, changingHands],
]);
