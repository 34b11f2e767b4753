// The janitor against buyers who want the very seats and places that it gives back.
'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { test } = require('node:test');

const crowd = require('../lib/crowd.js');
const { dueMake, janitor } = require('../lib/due.js');

const { Session, bookingsOf, buyers, deadlocks, eventWith, hold, holdPlaces, insist, move, range, seat, sql } = crowd;

const PATIENT = 20;

// A takeover of these seats whose transaction is open until `end`: {id of the booking, end}.
async function takeover(event, buyer, numbers) {
  const id = `${event.toString(16).padStart(8, '0')}-0000-8000-a000-${randomBytes(6).toString('hex')}`;
  const session = new Session();
  await session.say('begin');
  await session.say(`select outcome from holdfast.hold(${event}, '${buyer.id}', '${id}', null, null, false, false,
    '{${numbers.map(seat)}}', '{}', '{}', 600, ${numbers.length}, 0)`);
  return { id, end: async () => {
    await session.say('commit');
    await session.close();
  } };
}

test('buyers take over what is due while it is given back, and none waits long', async () => {
  const seats = 1000, places = 5000, before = deadlocks();
  const event = await eventWith({ seats, places: places + 3000 });
  const all = buyers(24);
  dueMake(event, all.map((buyer) => buyer.id), seats, places);
  await crowd.redisBuild(event);
  const [patient] = buyers(1);
  const long = await takeover(event, patient, range(PATIENT, seats - PATIENT + 1));

  let over = false;
  const running = janitor().finally(() => { over = true; });
  const answers = [], confirms = [];
  let ran;
  try {
    await Promise.all(all.map(async (buyer, i) => {
      for (let n = i; !over || n < all.length * 10; n += all.length) {
        const held = await insist(n % 3 ? hold(buyer, event, [1 + (n * 7) % (seats - PATIENT)]) : holdPlaces(buyer, event, 1));
        answers.push(held);
        assert.ok(held.status === 201 || held.slug === 'seats-unavailable', held.text);
        if (held.status === 201) confirms.push(await insist(move(buyer, 'confirm', held.body.booking_id)));
      }
    }));
    ran = await running;
  } finally {
    await long.end();
  }
  confirms.push(await insist(move(patient, 'confirm', long.id)));
  for (const answer of confirms) assert.equal(answer.status, 200, answer.text);
  assert.ok(confirms.length >= 100, `only ${confirms.length} bookings`);
  // The benchmark shows that it is under 100 ms. A machine that does much else may take longer, but not for
  // one of these many a fifth of the time of all.
  const most = Math.max(500, ran.seconds * 200);
  assert.ok(ran.longest_ms < most, `a transaction took ${ran.longest_ms} ms, all of them ${ran.seconds} s`);
  // Of this event: holds of others may have fallen due meanwhile.
  assert.deepEqual(sql(`select count(*) from (
      select event_id from holdfast.seat_claims where expires_at <= now()
      union all select event_id from holdfast.ga_claims where expires_at <= now()) as due
    where event_id = ${event}`), [['0']], 'nothing is left');

  bookingsOf([...answers, ...confirms].filter((answer) => answer.status < 300));
  // The long takeover's are among them, as one booking.
  assert.deepEqual(sql(`select status, count(*) from holdfast.bookings where event_id = ${event} group by 1 order by 1`),
    [['CONFIRMED', String(confirms.length)], ['EXPIRED', String(seats + places)]]);
  await crowd.verify([event]);
  assert.equal(deadlocks(), before, 'everybody locks in one order');
});
