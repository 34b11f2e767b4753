// Races for general admission: a section sells its capacity, no more and no less, and what runs out
// or is cancelled can be sold again.
'use strict';

const assert = require('node:assert/strict');

const {
  bookingsOf, buyers, counts, holdPlaces, move, send, sendAll, shuffled, sleep, sql,
} = require('../lib/crowd.js');
const { inEachWeather } = require('./weather.js');

const placesTaken = (event) => Number(sql(`select coalesce(sum(quantity), 0) from holdfast.ga_claims
  where event_id = ${event} and expires_at > now()`)[0][0]);

const quantityOf = (answer) => answer.body.items[0].quantity;
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const won = (answers) => answers.filter((a) => a.status === 201);

async function twoHundredForFifty(event, disturb) {
  const crowd = buyers(200);
  const answers = await sendAll(crowd.map((buyer) => holdPlaces(buyer, event, 1)), disturb);

  assert.deepEqual(counts(answers), { 201: 50, '409 sold-out': 150 });
  for (const answer of answers) if (answer.status === 409) assert.equal(answer.body.available, 0);
  bookingsOf(answers);
  assert.equal(placesTaken(event), 50);
}

// Different numbers of places: never above the capacity, and what is left can be had.
async function uneven(event, disturb) {
  const crowd = buyers(120);
  const answers = await sendAll(
    crowd.map((buyer, i) => holdPlaces(buyer, event, 1 + (i % 7))), disturb);

  for (const answer of answers) if (answer.status !== 201) assert.equal(answer.slug, 'sold-out');
  bookingsOf(answers);
  let taken = sum(won(answers).map(quantityOf));
  assert.ok(taken <= 50, `${taken} of 50 places`);
  assert.equal(placesTaken(event), taken);
  const rest = await sendAll(crowd.slice(0, 20).map((buyer) => holdPlaces(buyer, event, 1)));
  taken += won(rest).length;
  assert.equal(taken, 50);
}

// The whole section has run out: the next crowd gets all of it, not a place more.
async function runOut(event, disturb) {
  const first = await sendAll(buyers(25).map((buyer) => holdPlaces(buyer, event, 2)));

  assert.deepEqual(counts(first), { 201: 25 });
  sql(`update holdfast.events set hold_seconds = 600 where event_id = ${event}`);
  await sleep(1100);
  const answers = await sendAll(buyers(100).map((buyer) => holdPlaces(buyer, event, 1)), disturb);
  assert.deepEqual(counts(answers), { 201: 50, '409 sold-out': 50 });
  assert.equal(placesTaken(event), 50);
  bookingsOf(answers);
}

// Everybody wants one place and confirms it; all but five give it back, so that all get one at
// last.
async function cancelled(event, disturb) {
  const crowd = buyers(80);
  let sold = 0;
  const answers = await Promise.all(shuffled(crowd).map(async (buyer, i) => {
    for (let tries = 0; tries < 1000; tries++) {
      const held = await send(holdPlaces(buyer, event, 1));
      if (held.status !== 201) {
        assert.equal(held.slug, 'sold-out', held.text);
        await sleep(5 + Math.random() * 20);
        continue;
      }
      const { booking_id: id } = held.body;
      const confirmed = await send(move(buyer, 'confirm', id));
      assert.equal(confirmed.status, 200, confirmed.text);
      if (++sold % 20 === 0) await disturb?.();
      return i % 16 === 0 ? confirmed : send(move(buyer, 'cancel', id));
    }
    throw new Error('no place was to be had');
  }));

  assert.equal(answers.filter((a) => a.body.status === 'CANCELLED').length, 75);
  assert.equal(placesTaken(event), 5);
  bookingsOf(answers);
}

// Seats and general admission in one hold: all or none, also where one of the two is lost.
async function mixed(event, disturb) {
  const crowd = buyers(90);
  const answers = await sendAll(crowd.map((buyer, i) => ({
    method: 'POST',
    where: '/bookings/hold',
    token: buyer.token,
    body: {
      event_id: String(event),
      items: shuffled([{ section_id: 'G', quantity: 2 }, { seat_id: `S-A-${1 + (i % 30)}` }]),
    },
  })), disturb);

  for (const answer of answers) {
    if (answer.status !== 201) assert.ok(['sold-out', 'seats-unavailable'].includes(answer.slug));
  }
  const seats = won(answers).map((a) => a.body.items.find((item) => item.seat_id).seat_id);
  assert.equal(new Set(seats).size, seats.length);
  bookingsOf(answers);
  assert.equal(placesTaken(event), 2 * seats.length);
  assert.ok(seats.length <= 25 && seats.length >= 20, `${seats.length} of 25`);
}

inEachWeather([
  ['of 200 who want one of 50 places 50 get one', { places: 50 }, twoHundredForFifty],
  ['different numbers of places fill a section and no more', { places: 50 }, uneven],
  ['a section that has run out is sold again as a whole', { places: 50, hold_seconds: 1 }, runOut],
  ['places that are cancelled go to those who wait', { places: 20 }, cancelled],
  ['seats and places together are had both or not at all', { seats: 30, places: 50 }, mixed],
]);
