// How long an answer takes at half and at four fifths of what was just seen to be the most: requests come at
// their time whether or not others have been answered, and the wait counts from that time.
'use strict';

const drive = require('./drive.js');
const { build, ground } = require('./ground.js');
const stage = require('./stage.js');

const { assertAll, here, load } = drive;
const { files } = stage;
const loads = [50, 80];
const CONNECTIONS = 256; // enough that no request waits for one

// measure(options, load): one run; load is full, or so many in a hundred of it.
function measures({ empty, general, seats, taken }) {
  const ids = (at) => files(`ids.${at}`);
  return {
    empty: async (options) => assertAll(await load(empty.port, options, drive.holdSeat(1)), 201),
    losing: async (options) => assertAll(await here(options, drive.holdTaken(taken)), 409),
    // Those that are confirmed next.
    hold: async (options, at) => {
      const { event, from } = await seats.take(20000);
      return assertAll(await here({ ...options, from, most: 20000, save: ids(at) }, drive.holdSeat(event)), 201);
    },
    confirm: async (options, at) => assertAll(await here({ ...options, ids: ids(at) }, drive.move('confirm')), 200),
    general: async (options) => assertAll(await here(options, drive.holdPlace(general)), 201),
  };
}

async function round() {
  const common = await ground();
  const { seats, general, taken } = common;
  await build(seats.event, general, taken);
  const out = {};
  for (const [name, measure] of Object.entries(measures(common))) {
    const most = await measure({}, 'full');
    out[name] = { rate: most.rate };
    for (const part of loads) {
      const rate = Math.max(1, Math.round((most.rate * part) / 100));
      const got = await measure({ rate, connections: CONNECTIONS }, part);
      out[name][part] = { asked: rate, rate: got.rate, p50_us: got.p50_us, p99_us: got.p99_us, p999_us: got.p999_us,
        max_us: got.max_us };
    }
  }
  return out;
}

async function measure(progress) {
  const all = [];
  for (let i = 0; i < stage.rounds; i++) {
    all.push(await round());
    progress.step();
  }
  return all;
}

module.exports = { loads, measure, seconds: (rounds, each) => rounds * (15 * each + 4), steps: (rounds) => rounds };
