// Races under one idempotency key and under one buyer's limit.
'use strict';

const assert = require('node:assert/strict');

const {
  bookingsOf, buyers, counts, hold, holdPlaces, insist, move, range, send, sendAll, shuffled, sql,
} = require('../lib/crowd.js');
const { inEachWeather } = require('./weather.js');

const twenty = (request) => range(20).map(() => request);

// Of twenty at once each gets the one answer, byte for byte, or hears that it is being made; a
// retry gets it too.
async function oneEffect(requests, status, disturb) {
  const answers = await sendAll(requests.flatMap(twenty), disturb);

  for (const [i, request] of requests.entries()) {
    const mine = answers.slice(20 * i, 20 * i + 20);
    for (const answer of mine) {
      if (answer.status !== status) assert.equal(answer.slug, 'idempotency-in-flight', answer.text);
    }
    const good = mine.filter((a) => a.status === status);
    assert.ok(good.length >= 1, JSON.stringify(counts(mine)));
    assert.equal(good.filter((a) => !a.replayed).length, 1, 'one is the first');
    assert.equal(new Set(good.map((a) => a.text)).size, 1, 'the same bytes');
    const again = await send(request);
    assert.equal(again.status, status, again.text);
    assert.equal(again.text, good[0].text);
    assert.ok(again.replayed);
  }
  return requests.map((_, i) => answers.slice(20 * i, 20 * i + 20)
    .find((a) => a.status === status));
}

async function everyMove(event, disturb) {
  const crowd = buyers(8);
  const held = await oneEffect(crowd.map((buyer, i) => (i % 2
    ? holdPlaces(buyer, event, 2, `hold-${i}`)
    : hold(buyer, event, [i + 1, i + 2], `hold-${i}`))), 201, disturb);
  assert.deepEqual(sql(`select count(*), count(distinct user_id) from holdfast.bookings
    where event_id = ${event}`), [['8', '8']]);

  const moves = (verb, from, to) => oneEffect(range(to - from, from).map((i) => move(crowd[i], verb,
    held[i].body.booking_id, `${verb}-${i}`)), 200, disturb);
  await moves('release', 0, 2);
  await moves('confirm', 2, 8);
  await moves('cancel', 6, 8);
  bookingsOf(held);
  assert.deepEqual(sql(`select status, count(*) from holdfast.bookings where event_id = ${event}
    group by 1 order by 1`), [['CANCELLED', '2'], ['CONFIRMED', '4'], ['RELEASED', '2']]);
}

// One key for different requests at once: one of them is made, the others are told.
async function differentBodies(event, disturb) {
  const crowd = buyers(10);
  const answers = await sendAll(crowd.flatMap((buyer, b) => range(8).map(
    (n) => hold(buyer, event, [8 * b + n], 'the-key'))), disturb);

  for (const b of range(10, 0)) {
    const mine = answers.slice(8 * b, 8 * b + 8);
    assert.equal(counts(mine)[201], 1, JSON.stringify(counts(mine)));
    for (const answer of mine) {
      if (answer.status !== 201) {
        assert.ok(['idempotency-in-flight', 'idempotency-key-reused'].includes(answer.slug));
      }
    }
  }
  bookingsOf(answers);
  assert.deepEqual(
    sql(`select count(*) from holdfast.bookings where event_id = ${event}`), [['10']]);
}

// Two who want the same seat, each under a key of their own, asked again and again: the loser stays
// the loser, the winner's answer stays the same.
async function keyedRivals(event, disturb) {
  const crowd = buyers(40);
  const requests = crowd.map((buyer, i) => hold(buyer, event, [1 + (i % 20)], `mine-${i}`));
  const first = await sendAll(shuffled(requests), disturb);
  assert.deepEqual(counts(first), { 201: 20, '409 seats-unavailable': 20 });
  const again = await sendAll(requests);
  assert.deepEqual(counts(again), { 201: 20, '409 seats-unavailable': 20 });
  assert.deepEqual(again.filter((a) => a.status === 201).map((a) => a.text).sort(),
    first.filter((a) => a.status === 201).map((a) => a.text).sort());
  assert.ok(again.every((a) => a.status !== 201 || a.replayed));
}

async function limit(event, disturb) {
  const crowd = buyers(4);
  // Buyer by buyer, so that all workers are at one of them.
  const answers = await sendAll(crowd.flatMap((buyer, b) => range(30).map(
    (n) => (n % 3 ? hold(buyer, event, [30 * b + n]) : holdPlaces(buyer, event, 1)))), disturb);

  assert.deepEqual(counts(answers), { 201: 16, '409 limit-exceeded': 104 });
  for (const answer of answers) {
    if (answer.status !== 409) continue;
    const { limit: most, current, requested } = answer.body;
    assert.deepEqual([most, current, requested], [4, 4, 1], answer.text);
  }
  assert.deepEqual(sql(`select sum(places), max(places) from (select sum(places) as places
    from holdfast.bookings where event_id = ${event} group by user_id) as q`), [['16', '4']]);
  // A place that is given back can be had again, once.
  const [one] = answers.filter((a) => a.status === 201);
  const [[user]] = sql(`select user_id from holdfast.bookings
    where booking_id = '${one.body.booking_id}'`);
  const buyer = crowd.find((b) => b.id === user);
  await insist(move(buyer, 'release', one.body.booking_id));
  const more = await sendAll(range(10).map((n) => hold(buyer, event, [120 + n])));
  assert.deepEqual(counts(more), { 201: 1, '409 limit-exceeded': 9 });
}

inEachWeather([
  ['twenty at once under one key are one effect', { seats: 12, places: 20 }, everyMove],
  ['one key for different requests makes one of them', { seats: 80 }, differentBodies],
  ['rivals who ask again hear the same', { seats: 20 }, keyedRivals],
  ['the limit of a buyer holds against parallel requests',
    { seats: 130, places: 100, max_seats_per_user: 4 }, limit],
]);
