// How rates change when something grows: seats, bookings of the past, live holds, workers, connections. The
// points of a curve are measured in turn, A B C D A B C D, so that what else the machine does falls on all alike.
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

// An event of more seats than one call makes.
async function eventBig(seats) {
  const [[event]] = crowd.sql("select nextval(pg_get_serial_sequence('holdfast.events', 'event_id'))");
  crowd.sql(stage.eventSql(Number(event), seats));
  return Number(event);
}

const holdRate = async (port, options, { event, from }, count) => {
  const got = assertAll(await load(port, { from, most: count, ...options }, holdSeat(event)), 201);
  return { hold: got.rate, p99_us: got.p99_us };
};

// Enough seats for one measure, whatever the machine.
const plenty = () => Math.min(20000, Math.ceil(10000 * seconds / 1000) * 1000);

// Runs of a thousand holds each, since the smallest event has no more.
async function pointOfSeats(size) {
  const seats = new stage.Seats(size, size > 100000 ? () => eventBig(size) : undefined);
  await seats.take(0);
  return {
    async measure() {
      let answered = 0, time = 0;
      while (time < seconds) {
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
  const ids = files(`past.${bookings}`);
  return {
    async measure() {
      const { port } = one.front, count = plenty();
      const { hold } = await holdRate(port, { save: ids }, one.take(count), count);
      return { hold, confirm: assertAll(await load(port, { ids }, drive.move('confirm')), 200).rate };
    },
    async close() {
      if (bookings) past.check(one.database);
      await one.close();
    },
  };
}

// Of one event, beside the seats that are still to be had.
async function pointOfHolds(holds) {
  const most = plenty() * stage.rounds;
  const event = await eventBig(holds + most);
  if (holds) holdsMake(event, stage.userIds, holds, 0, "now() + interval '1 day'");
  await crowd.redisBuild(event);
  let next = holds;
  return {
    measure() {
      const from = next, count = plenty();
      next += count;
      return holdRate(stage.port, {}, { event, from }, count);
    },
  };
}

const shared = stage.once(() => new stage.Seats());

async function pointOfWorkers(count) {
  const front = await Front.open(`pool-${count}`, {
    program: [path.join(env.HOLDFAST_BIN, 'holdfast-booking'), '--config', env.HOLDFAST_CONF], count,
  });
  await front.ready(404, holdTaken(1000000001));
  return {
    measure: async () => holdRate(front.port, {}, await shared().take(plenty()), plenty()),
    close: () => front.stop(),
  };
}

const pointOfConnections = async (connections) => ({
  measure: async () => holdRate(stage.port, { connections }, await shared().take(plenty()), plenty()),
});

const curves = [
  { key: 'seats', name: 'seats of the event', points: small ? [1e3, 1e4] : [1e3, 1e4, 1e5, 1e6], make: pointOfSeats },
  { key: 'past', name: 'bookings of the past', make: pointOfPast,
    points: small ? [0, 1e4] : [0, 1e5, 1e6, ...(full ? [5e6] : [])] },
  { key: 'holds', name: 'live holds of the event', points: small ? [0, 1e3] : [0, 1e4, 1e5], make: pointOfHolds },
  { key: 'workers', name: 'workers of the pool', points: small ? [2, 4] : [2, 4, 8, 16], make: pointOfWorkers },
  { key: 'connections', name: 'connections that ask at once', make: pointOfConnections,
    points: small ? [16, 64] : [16, 64, 256, 1024, 4096] },
];

async function curveMeasure({ key, name, points, make }, progress) {
  const made = [], values = points.map(() => []);
  for (const [i, x] of points.entries()) made.push(await make(x, i));
  for (let i = 0; i < stage.rounds; i++) {
    for (const [j, point] of made.entries()) values[j].push(await point.measure());
    progress.step(name);
  }
  for (const point of made) await point.close?.();
  return { key, name, points, values };
}

async function measure(progress) {
  const all = [];
  for (const curve of curves) all.push(await curveMeasure(curve, progress));
  return all;
}

module.exports = {
  measure,
  begin: past.reserve,
  seconds: (rounds, each) => rounds * 23 * each + (full ? 300 : 80),
  steps: (rounds) => rounds * curves.length,
};
