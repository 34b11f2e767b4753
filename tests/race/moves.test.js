// Races between the moves of one booking: its deadline, confirm, release and cancel. One of them
// wins, everybody hears the same of it, and the places follow.
'use strict';

const assert = require('node:assert/strict');

const {
  Session, atOnce, bookingsOf, buyers, counts, hold, insist, move, range, redisFlush, send, sendAll,
  sleep, sql,
} = require('../lib/crowd.js');
const { inEachWeather } = require('./weather.js');

// The status of each booking of an event; and the booking that has each seat now.
const statusesIn = (event) => new Map(sql(`select booking_id, status from holdfast.bookings
  where event_id = ${event}`));
const ownersIn = (event) => new Map(sql(`select position + 1, booking_id from holdfast.seat_claims
  where event_id = ${event} and expires_at > now()`).map(([number, id]) => [Number(number), id]));

// Forty seats held for a second. Around their deadline their owners confirm while others want them.
async function againstExpiry(event, disturb) {
  const owners = buyers(40), rivals = buyers(40);
  const held = await sendAll(owners.map((buyer, i) => hold(buyer, event, [i + 1])));
  const deadline = Math.max(...held.map((a) => Date.parse(a.body.expires_at)));

  assert.deepEqual(counts(held), { 201: 40 });
  const confirms = Promise.all(owners.map(async (buyer, i) => {
    await sleep(Date.parse(held[i].body.expires_at) - Date.now() + (i % 8) * 10 - 50);
    return insist(move(buyer, 'confirm', held[i].body.booking_id));
  }));
  const wanted = Promise.all(rivals.map(async (buyer, i) => {
    await sleep(deadline - Date.now() - 40);
    for (;;) {
      const answer = await send(hold(buyer, event, [i + 1]));
      const isLate = Date.now() > deadline + 150 && answer.slug !== 'busy';
      if (answer.status === 201 || isLate) return answer;
      assert.ok(['seats-unavailable', 'busy'].includes(answer.slug), answer.text);
      await sleep(5);
    }
  }));
  if (disturb) await sleep(deadline - Date.now()).then(disturb);
  const [mine, theirs] = [await confirms, await wanted];
  const statuses = statusesIn(event), seatOwners = ownersIn(event);

  for (const [i, answer] of mine.entries()) {
    if (answer.status === 200) {
      assert.equal(theirs[i].slug, 'seats-unavailable', `seat ${i + 1} was sold twice`);
      assert.ok(answer.body.confirmed_at < held[i].body.expires_at, answer.text);
      assert.equal(seatOwners.get(i + 1), answer.body.booking_id);
    } else {
      assert.equal(`${answer.status} ${answer.slug}`, '410 hold-expired', answer.text);
      assert.notEqual(statuses.get(held[i].body.booking_id), 'CONFIRMED');
    }
  }
  bookingsOf([...mine, ...theirs]);
}

// A confirm comes before the deadline and has to wait for a lock until after it, while another
// buyer's takeover waits behind it: it was in time, so it wins. (A confirm that guarded its booking
// alone, not its claims, would sell the seat twice here.)
async function waitsPastDeadline(event, disturb = redisFlush) {
  const owners = buyers(6), rivals = buyers(6);
  const held = await sendAll(owners.map((buyer, i) => hold(buyer, event, [i + 1])));
  const locker = new Session();

  // Redis still believes the old deadlines.
  await disturb().catch(() => {});
  await locker.say('begin');
  await locker.say(`with t as (select clock_timestamp() + interval '150 ms' as t),
    c as (update holdfast.seat_claims set expires_at = t from t where event_id = ${event})
    update holdfast.bookings set expires_at = t from t where event_id = ${event}`);
  const confirms = owners.slice(0, 3).map(
    (buyer, i) => insist(move(buyer, 'confirm', held[i].body.booking_id)));
  await sleep(200);
  const wanted = rivals.slice(0, 3).map((buyer, i) => insist(hold(buyer, event, [i + 1])));
  await sleep(100);
  await locker.say('commit');
  await locker.close();
  const mine = await Promise.all(confirms), theirs = await Promise.all(wanted);
  for (const [i, answer] of mine.entries()) {
    const both = `${answer.status} ${answer.slug}, ${theirs[i].status} ${theirs[i].slug}`;
    // The second: a machine so slow that the confirm came after the deadline.
    assert.ok(['200 , 409 seats-unavailable', '410 hold-expired, 201 '].includes(both), both);
  }
  bookingsOf([...mine, ...theirs]);
}

// The deadline of half of them is moved into the past while their owners confirm: those whose confirm has
// seen the old one wait for the claims, and then have come too late.
async function deadlineMoved(event, disturb) {
  const owners = buyers(40);
  const held = await sendAll(owners.map((buyer, i) => hold(buyer, event, [2 * i + 1, 2 * i + 2])));
  const mover = new Session();

  await mover.say('begin');
  // As a transition does it: claims in order, then the booking.
  await mover.say(`with h as (select booking_id, position from holdfast.seat_claims
      where event_id = ${event} and position < 40 order by position for update),
    c as (update holdfast.seat_claims set expires_at = now() - interval '1 s'
      where event_id = ${event} and booking_id in (select booking_id from h))
    update holdfast.bookings set expires_at = now() - interval '1 s'
      where event_id = ${event} and booking_id in (select booking_id from h)`);
  const [answers] = await Promise.all([
    atOnce(owners.map((buyer, i) => () => insist(move(buyer, 'confirm', held[i].body.booking_id))), disturb),
    (async () => {
      await sleep(50);
      await mover.say('commit');
      await mover.close();
    })(),
  ]);

  const statuses = statusesIn(event);
  for (const [i, answer] of answers.entries()) {
    const now = statuses.get(held[i].body.booking_id);
    if (i >= 20) assert.equal(`${answer.status} ${now}`, '200 CONFIRMED', answer.text);
    else assert.equal(`${answer.slug} ${now}`, 'hold-expired HOLD', answer.text);
  }
}

// Confirmed and cancelled at the same time, several times each.
async function againstCancel(event, disturb) {
  const owners = buyers(30);
  const held = await sendAll(owners.map((buyer, i) => hold(buyer, event, [2 * i + 1, 2 * i + 2])));
  const verbs = ['confirm', 'cancel', 'confirm', 'cancel', 'confirm'];
  const answers = await atOnce(owners.flatMap((buyer, i) => verbs.map((verb) => async () => ({
    verb, i, ...await send(move(buyer, verb, held[i].body.booking_id)),
  }))), disturb);

  const statuses = statusesIn(event), seatOwners = ownersIn(event);
  for (const i of range(30, 0)) {
    const mine = answers.filter((a) => a.i === i);
    const good = (verb) => mine.filter((a) => a.verb === verb && a.status === 200).length;
    assert.ok(good('confirm') >= 1);
    for (const answer of mine) {
      if (answer.status !== 200) assert.equal(answer.slug, 'wrong-state', answer.text);
    }
    assert.equal(statuses.get(held[i].body.booking_id), good('cancel') ? 'CANCELLED' : 'CONFIRMED');
    assert.equal(seatOwners.get(2 * i + 1), good('cancel') ? undefined : held[i].body.booking_id);
  }
  bookingsOf(answers.filter((a) => a.verb === 'cancel'));
}

// Released and confirmed at the same time: one of the two.
async function releaseAgainstConfirm(event, disturb) {
  const owners = buyers(40);
  const held = await sendAll(owners.map((buyer, i) => hold(buyer, event, [i + 1])));
  const verbs = ['release', 'confirm', 'release', 'confirm'];
  const answers = await atOnce(owners.flatMap((buyer, i) => verbs.map((verb) => async () => ({
    verb, i, ...await send(move(buyer, verb, held[i].body.booking_id)),
  }))), disturb);

  const statuses = statusesIn(event), seatOwners = ownersIn(event);
  for (const i of range(40, 0)) {
    const good = new Set(answers.filter((a) => a.i === i && a.status === 200).map((a) => a.verb));
    assert.equal(good.size, 1, `${[...good]}`);
    const [verb] = good;
    assert.equal(statuses.get(held[i].body.booking_id),
      verb === 'confirm' ? 'CONFIRMED' : 'RELEASED');
    assert.equal(seatOwners.get(i + 1), verb === 'confirm' ? held[i].body.booking_id : undefined);
  }
  bookingsOf(answers);
}

// The caller's seats of several holds, confirmed together under their own name and one by one.
async function togetherAndAlone(event, disturb) {
  const owners = buyers(20);
  const first = await sendAll(owners.map((buyer, i) => hold(buyer, event, [4 * i + 1, 4 * i + 3])));
  await sendAll(owners.map((buyer, i) => hold(buyer, event, [4 * i + 2, 4 * i + 4])));
  const answers = await sendAll(owners.flatMap((buyer, i) => {
    const together = (numbers) => ({
      method: 'POST',
      where: '/booking/confirm',
      token: buyer.token,
      body: { show_id: String(event), seat_ids: numbers.map((n) => `S-A-${4 * i + n}`) },
    });
    return [together([4, 3, 2, 1]), move(buyer, 'confirm', first[i].body.booking_id),
      together([1, 2, 3, 4])];
  }), disturb);

  assert.deepEqual(counts(answers), { 200: 60 });
  assert.deepEqual(sql(`select status, count(*) from holdfast.bookings where event_id = ${event}
    group by 1`), [['CONFIRMED', '40']]);
}

inEachWeather([
  ['a confirm and the deadline: never both', { seats: 40, hold_seconds: 1 }, againstExpiry],
  ['a confirm that was in time and had to wait', { seats: 6 }, waitsPastDeadline],
  ['a confirm and a deadline that is moved', { seats: 80 }, deadlineMoved],
  ['a confirm and a cancel', { seats: 60 }, againstCancel],
  ['a release and a confirm', { seats: 40 }, releaseAgainstConfirm],
  ['seats confirmed together and their bookings alone', { seats: 80 }, togetherAndAlone],
]);
