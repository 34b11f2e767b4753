// What the janitor does in a second, and what those who buy meanwhile notice of it.
'use strict';

const assert = require('node:assert/strict');

const crowd = require('../lib/crowd.js');
const { dueMake, janitor } = require('../lib/due.js');

// In turn with one plain statement that ends as many, and knows neither batches nor Redis.
async function rates(event, users, count = 20000) {
  dueMake(event, users, count, 0);
  const ran = await janitor();
  assert.equal(ran.bookings, count);
  dueMake(event, users, count, 0);
  const began = process.hrtime.bigint();
  crowd.sql(`with gone as (delete from holdfast.seat_claims
      where event_id = ${event} and state = 'h' and expires_at <= now() returning booking_id)
    update holdfast.bookings b set status = 'EXPIRED', ended_at = now(), version = version + 1
      from gone where b.event_id = ${event} and b.booking_id = gone.booking_id`);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  return { janitor: count / ran.seconds, plain_end: count / seconds };
}

// Holds of the same seats and of the same section, alone and while so many due bookings are ended.
async function meanwhile(load, event, users, count) {
  await crowd.redisFlush();
  await crowd.redisBuild(event);
  const alone = await load(count / 2 + 10000);
  dueMake(event, users, count / 2, count / 2);
  await crowd.redisBuild(event);
  const running = janitor();
  const beside = await load(0);
  const ran = await running;
  for (const one of [alone, beside]) assert.deepEqual(Object.keys(one.statuses), ['201'], JSON.stringify(one));
  return {
    due: count, rate: ran.bookings / ran.seconds, longest_ms: ran.longest_ms,
    alone_p99_ms: alone.p99_us / 1000, beside_p99_ms: beside.p99_us / 1000,
  };
}

module.exports = { meanwhile, rates };
