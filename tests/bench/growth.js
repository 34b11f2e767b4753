// How rates change when something grows: seats, bookings of the past, live holds, workers, connections. The
// points of a curve are measured in turn, each time another one first, so that what else the machine does falls on all alike.
'use strict';

const path = require('node:path');

const crowd = require('../lib/crowd.js');
const { holdsMake } = require('../lib/due.js');
const drive = require('./drive.js');
const { Front } = require('./front.js');
const past = require('./past.js');
const stage = require('./stage.js');

const { assertAll, here, holdSeat, holdTaken, load } = drive;
const { env } = process;
const { files, full, seconds, small } = stage;

// Holds as fast as they go. Where very many ask at once some may be turned away: they are told beside the rate.
async function holdRate(port, options, { event, from }, count) {
  const got = await load(port, { from, most: count, ...options }, holdSeat(event));
  return { hold: got.requests[0].good / got.seconds, p99_us: got.p99_us, failed: drive.sent(got) - (got.statuses[201] ?? 0) + got.lost };
}

// And those that were held are confirmed.
async function bothRates(port, free, count) {
  const ids = files('growth.ids');
  const held = await holdRate(port, { save: ids }, free, count);
  return { ...held, confirm: assertAll(await load(port, { ids }, drive.move('confirm')), 200).rate };
}

// Enough seats for one measure, whatever the machine.
const plenty = () => Math.min(20000, Math.ceil(10000 * seconds / 1000) * 1000);

// Runs of a thousand holds each, since the smallest event has no more.
async function pointOfSeats(size) {
  const seats = new stage.Seats(size);
  return {
    async measure(count = Infinity) {
      let answered = 0, time = 0;
      while (time < seconds && answered < count) {
        const { event, from } = await seats.take(1000);
        const got = assertAll(await here({ from, most: 1000, seconds: 10 }, holdSeat(event)), 201);
        answered += got.answered;
        time += got.seconds;
      }
      return { hold: answered / time };
    },
  };
}

async function pointOfPast(bookings, number) {
  const one = await past.open(bookings, number + 1);
  return {
    measure: (count = plenty()) => bothRates(one.front.port, one.take(count), count),
    async close() {
      if (number === 1) past.check(one.database); // the others are made in the same way
      await one.close();
    },
  };
}

// Of one event, beside the seats that are still to be had.
async function pointOfHolds(holds) {
  const event = stage.eventOfSeats(holds + plenty() * (stage.rounds + 1));
  if (holds) holdsMake(event, stage.userIds, holds, 0, "now() + interval '1 day'");
  await crowd.redisBuild(event);
  let next = holds;
  return {
    measure(count = plenty()) {
      const from = next;
      next += count;
      return holdRate(stage.port, {}, { event, from }, count);
    },
  };
}

const shared = stage.once(() => new stage.Seats());

async function pointOfWorkers(workers) {
  const front = await Front.open(`pool-${workers}`, {
    program: [path.join(env.HOLDFAST_BIN, 'holdfast-booking'), '--config', env.HOLDFAST_CONF], count: workers,
  });
  await front.ready(404, holdTaken(1000000001));
  return { measure: async (count = plenty()) => bothRates(front.port, await shared().take(count), count), close: () => front.stop() };
}

// As long as each connection needs to have its turn some times.
const pointOfConnections = async (connections) => ({
  async measure(count = Math.max(plenty(), 5 * connections)) {
    const options = { connections, seconds: Math.max(seconds, connections / 500) };
    return holdRate(stage.port, options, await shared().take(count), count);
  },
});

const WARM = 500; // holds before the first measure of a point

const curves = [
  { key: 'seats', name: 'seats of the event', points: small ? [1e3, 1e4] : [1e3, 1e4, 1e5, 1e6], make: pointOfSeats },
  { key: 'past', name: 'bookings of the past', make: pointOfPast,
    points: small ? [0, 1e4] : [0, 1e5, 1e6, ...(full ? [5e6] : [])] },
  { key: 'holds', name: 'live holds of the event', points: small ? [0, 1e3] : [0, 1e4, 1e5], make: pointOfHolds },
  { key: 'workers', name: 'workers of the pool', points: small ? [2, 4] : [2, 4, 8, 16], make: pointOfWorkers },
  { key: 'connections', name: 'connections that ask at once', make: pointOfConnections,
    points: small ? [16, 64] : [16, 64, 256, 1024, 4096] },
];

// GROWTH: some of them.
const chosen = env.GROWTH ? curves.filter(({ key }) => env.GROWTH.split(/[\s,]+/).includes(key)) : curves;

async function curveMeasure({ key, name, points, make }, progress) {
  const made = [], values = points.map(() => []);
  for (const [i, x] of points.entries()) made.push(await make(x, i));
  for (const point of made) await point.measure(WARM);
  const turns = [...made.entries()];
  for (let i = 0; i < stage.rounds; i++) {
    turns.push(turns.shift());
    for (const [j, point] of turns) values[j].push(await point.measure());
    progress.step(name);
  }
  for (const point of made) await point.close?.();
  return { key, name, points, values };
}

async function measure(progress) {
  const all = [];
  for (const curve of chosen) all.push(await curveMeasure(curve, progress));
  return all;
}

module.exports = {
  measure,
  begin: () => chosen.some(({ key }) => key === 'past') && past.reserve(),
  seconds: (rounds, each) => (rounds * (25 * each + 10) + (full ? 300 : 100)) * (chosen.length / curves.length),
  steps: (rounds) => rounds * chosen.length,
};
