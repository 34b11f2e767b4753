// Races of money: against the deadline, other buyers, a release, the end of the event, and itself. No seat
// is sold twice, and no money is without its seats or its way back.
'use strict';

const assert = require('node:assert/strict');
const { after, before } = require('node:test');

const {
  buyers, hold, holdPlaces, insist, move, program, range, seat, send, shuffled, sleep, sql,
} = require('../lib/crowd.js');
const pay = require('../lib/pay.js');
const { inEachWeather } = require('./weather.js');

let stripe;
before(async () => { stripe = await pay.open({ payment_grace_seconds: 1 }); });
after(() => pay.close(stripe));

const paying = (what) => async (event, disturb) => {
  sql(`update holdfast.events set payment = 'stripe' where event_id = ${event}`);
  return what(event, disturb);
};

// A notice as often as the provider sends it, until it is taken.
async function deliver(notice) {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await pay.notify(notice);
    if (answer.status === 200) return answer.body.outcome;
    assert.ok([409, 502, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    await sleep(20 + Math.random() * 60);
  }
  throw new Error('a notice is never taken');
}

// Each twice at once, and then a second notice that says the same.
async function deliverDoubled(payment) {
  const notice = stripe.notice(payment, 'payment_intent.succeeded');
  const again = { ...notice, id: `${notice.id}_again` };
  const outcomes = await Promise.all([notice, notice, again].map(deliver));
  assert.ok(outcomes.includes('replay') || outcomes.includes('noted'), `${outcomes}`);
  return outcomes.find((outcome) => !['replay', 'noted'].includes(outcome));
}

// Holds of these requests, each being paid. Who came too late on a slow machine is left out.
async function started(owners, request) {
  const all = await Promise.all(owners.map(async (buyer, i) => {
    const held = await insist(request(buyer, i));
    assert.equal(held.status, 201, held.text);
    const offer = await insist(move(buyer, 'checkout', held.body.booking_id));
    if (offer.status !== 200) return assert.equal(offer.slug, 'hold-expired', offer.text);
    return { buyer, number: i + 1, id: held.body.booking_id, payment: offer.body.payment_id,
      deadline: Date.parse(offer.body.expires_at) };
  }));
  const here = all.filter(Boolean);
  assert.ok(here.length > 0, 'all came too late');
  return here;
}

// What has become of the bookings of an event, by id.
const rowsOf = (event) => new Map(sql(`select b.booking_id, b.status, coalesce(p.captured, 0), coalesce(p.refunding, 0)
    from holdfast.bookings b left join (select booking_id, sum(captured) as captured, sum(refunding) as refunding
      from holdfast.payments where event_id = ${event} group by 1) p using (booking_id)
    where b.event_id = ${event}`)
  .map(([id, status, captured, refunding]) => [id, { status, captured: Number(captured), refunding: Number(refunding) }]));

const ownersOf = (event) => new Map(sql(`select position + 1, booking_id from holdfast.seat_claims
  where event_id = ${event} and expires_at > now()`).map(([number, id]) => [Number(number), id]));

// Whoever has paid has the seats or the money.
function fair(event, all) {
  const rows = rowsOf(event), owners = ownersOf(event);
  for (const one of all) {
    const row = rows.get(one.id);
    const told = `${one.id} of seat ${one.number}: ${JSON.stringify(row)}, told ${one.outcome}`;
    if (row.status === 'CONFIRMED') {
      assert.equal(owners.get(one.number), one.id, told);
      assert.equal(row.captured - row.refunding, 1500, told);
    } else {
      assert.notEqual(owners.get(one.number), one.id, told);
      assert.equal(row.captured, row.refunding, told);
    }
    one.status = row.status;
  }
  return all;
}

// Money comes around the deadline, while others take the seats and the janitor tidies.
async function againstDeadline(event, disturb) {
  const all = await started(buyers(30), (buyer, i) => hold(buyer, event, [i + 1]));
  const last = Math.max(...all.map((one) => one.deadline));
  const rivals = buyers(30);

  for (const { payment } of all) stripe.pay(payment);
  const wanted = all.map(async (one, i) => {
    await sleep(one.deadline - Date.now() - 30);
    while (Date.now() < last + 1200) {
      const answer = await send(hold(rivals[i], event, [one.number]));
      if (answer.status === 201) return answer;
      await sleep(10);
    }
    return null;
  });
  const money = all.map(async (one, i) => {
    await sleep(one.deadline - Date.now() + (i % 10) * 40 - 200);
    one.outcome = await deliverDoubled(one.payment);
  });
  const tidied = (async () => {
    while (Date.now() < last + 300) await program('janitor').catch(() => {});
  })();
  if (disturb) await sleep(Math.max(0, last - Date.now())).then(disturb);
  await Promise.all([...money, tidied]);
  const theirs = await Promise.all(wanted);
  fair(event, all);
  for (const [i, one] of all.entries()) {
    assert.ok(['CONFIRMED', 'PAID_UNFULFILLED'].includes(one.status), one.status);
    assert.equal(one.status === 'PAID_UNFULFILLED', theirs[i] !== null, `seat ${one.number} is sold once`);
  }
}

// The same for places of a section that is too small for all.
async function placesAgainstDeadline(event, disturb) {
  const all = await started(buyers(10), (buyer) => holdPlaces(buyer, event, 2));
  const rivals = buyers(8);
  const last = Math.max(...all.map((one) => one.deadline));

  for (const { payment } of all) stripe.pay(payment);
  await sleep(last - Date.now() - 20);
  const wanted = rivals.map(async (buyer) => {
    for (const end = Date.now() + 400; Date.now() < end; await sleep(10)) {
      const answer = await send(holdPlaces(buyer, event, 2));
      if (answer.status === 201) return answer;
    }
    return null;
  });
  await Promise.all(all.map(async (one, i) => {
    await sleep(i * 25);
    one.outcome = await deliverDoubled(one.payment);
    if (i === 0) await disturb?.();
  }));
  const got = (await Promise.all(wanted)).filter(Boolean);
  const rows = rowsOf(event);
  const confirmed = all.filter((one) => rows.get(one.id).status === 'CONFIRMED');
  assert.ok(confirmed.length + got.length <= 10, `${confirmed.length} and ${got.length} pairs of 10`);
  for (const one of all) {
    const row = rows.get(one.id);
    assert.ok(['CONFIRMED', 'PAID_UNFULFILLED'].includes(row.status), JSON.stringify(row));
    assert.equal(row.captured - row.refunding, row.status === 'CONFIRMED' ? 2000 : 0);
  }
}

// The buyer gives up, and the sweep cancels, in the moment in which the money comes.
async function againstRelease(event, disturb) {
  const all = await started(buyers(24), (buyer, i) => hold(buyer, event, [i + 1]));

  await Promise.all(shuffled([
    ...all.map(async (one) => {
      one.released = await insist(move(one.buyer, 'release', one.id));
    }),
    ...all.map(async (one, i) => {
      await sleep(i * 15);
      const intent = stripe.intents.get(one.payment);
      if (intent.status === 'canceled') return;
      stripe.pay(one.payment);
      one.outcome = await deliverDoubled(one.payment);
    }),
    pay.job('payment-sweep'), sleep(150).then(() => pay.job('payment-sweep')),
    disturb?.(),
  ]));
  await pay.sweep();
  for (const one of fair(event, all)) {
    const taken = stripe.intents.get(one.payment).status === 'succeeded';
    assert.ok((taken ? ['CONFIRMED'] : ['RELEASED', 'EXPIRED']).includes(one.status), `${one.status}, money: ${taken}`);
    assert.ok([200, 409, 410].includes(one.released.status), one.released.text);
  }
}

// The event is cancelled meanwhile: money of before confirms, and later money goes back.
async function againstCancelledEvent(event, disturb) {
  const all = await started(buyers(24), (buyer, i) => hold(buyer, event, [i + 1]));

  const third = Math.floor(all.length / 3), bring = async (one) => { one.outcome = await deliverDoubled(one.payment); };

  for (const { payment } of all) stripe.pay(payment);
  await Promise.all([
    (async () => {
      await Promise.all(all.slice(0, third).map(bring));
      await sleep(50);
      sql(`update holdfast.events set status = 'cancelled', version = version + 1 where event_id = ${event}`);
      await Promise.all(all.slice(-third).map(bring));
    })(),
    // The others come in the moment of the end, as it may be.
    ...all.slice(third, -third).map(async (one, i) => {
      await sleep(i * 20);
      await bring(one);
    }),
    disturb?.(),
  ]);
  for (const one of fair(event, all))
    assert.ok(['CONFIRMED', 'PAID_UNFULFILLED'].includes(one.status), one.status);
  for (const [some, status] of [[all.slice(0, third), 'CONFIRMED'], [all.slice(-third), 'PAID_UNFULFILLED']])
    assert.deepEqual(some.map((one) => one.status), some.map(() => status));
  const before = rowsOf(event);
  await Promise.all(all.flatMap((one) => [0, 1].map(() => insist(move(one.buyer, 'cancel', one.id)))));
  for (const one of all) {
    const row = rowsOf(event).get(one.id);
    assert.equal(row.status, before.get(one.id).status === 'CONFIRMED' ? 'CANCELLED' : 'PAID_UNFULFILLED');
    assert.equal(row.refunding, 1500, 'all goes back, once');
  }
}

// Two payments of one booking, both of which bring money at once: one counts, the other goes back.
async function moneyTwice(event, disturb) {
  const all = await started(buyers(20), (buyer, i) => hold(buyer, event, [i + 1]));

  await Promise.all(all.map(async (one) => {
    const first = stripe.intents.get(one.payment);
    await deliver({ ...stripe.notice(one.payment, 'payment_intent.created') ?? { object: 'event' }, id: `evt_c_${one.payment}`,
      type: 'payment_intent.canceled', data: { object: { ...first, status: 'canceled' } } });
    const offer = await insist(move(one.buyer, 'checkout', one.id));
    assert.equal(offer.status, 200, offer.text);
    one.second = offer.body.payment_id;
    assert.notEqual(one.second, one.payment);
  }));
  await Promise.all([...all.flatMap((one) => [one.payment, one.second].map((payment) => {
    stripe.pay(payment);
    return deliverDoubled(payment);
  })), disturb?.()]);
  for (const one of all) {
    const row = rowsOf(event).get(one.id);
    assert.deepEqual(row, { status: 'CONFIRMED', captured: 3000, refunding: 1500 });
  }
}

// One booking, given back seat by seat and as a whole at once: what goes back is what was paid.
async function cancels(event, disturb) {
  const all = await Promise.all(buyers(8).map(async (buyer, i) => {
    const numbers = range(4).map((n) => 4 * i + n);
    const held = await insist(hold(buyer, event, numbers));
    const offer = await insist(move(buyer, 'checkout', held.body.booking_id));
    assert.equal(offer.status, 200, offer.text);
    stripe.pay(offer.body.payment_id);
    assert.ok(['confirmed', 'confirmed-late'].includes(await deliverDoubled(offer.body.payment_id)));
    return { buyer, numbers, id: held.body.booking_id };
  }));
  await Promise.all([...all.flatMap(({ buyer, numbers, id }) => shuffled([
    ...numbers.map((number) => ({ ...move(buyer, 'cancel', id), body: { items: [{ seat_id: seat(number) }] } })),
    move(buyer, 'cancel', id), move(buyer, 'cancel', id),
  ]).map(insist)), disturb?.()]);
  for (const { id } of all)
    assert.deepEqual(rowsOf(event).get(id), { status: 'CANCELLED', captured: 6000, refunding: 6000 });
}

inEachWeather([
  ['money and the deadline', { seats: 30, hold_seconds: 3 }, paying(againstDeadline)],
  ['money and the last places', { places: 20, hold_seconds: 2 }, paying(placesAgainstDeadline)],
  ['money and a release', { seats: 24 }, paying(againstRelease)],
  ['money and the end of the event', { seats: 24 }, paying(againstCancelledEvent)],
  ['money twice', { seats: 20 }, paying(moneyTwice)],
  ['cancels of one booking', { seats: 32 }, paying(cancels)],
]);
