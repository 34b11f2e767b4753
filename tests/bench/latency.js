// How long an answer takes at half and at four fifths of what was just seen to be the most: requests come at
// their time whether or not others have been answered, and the wait counts from that time.
'use strict';

const drive = require('./drive.js');
const { build, ground } = require('./ground.js');
const stage = require('./stage.js');

const { assertAll, here, load, read, sent } = drive;
const { files } = stage;
const loads = [50, 80];
const CONNECTIONS = 256; // enough that no request waits for one

// Calls that build on each other are together, in their order: {name: measure(options, load)}, one run; load is
// full, or so many in a hundred of it. Of a whole purchase the rate is that of its last call.
function groups({ empty, general, seats, taken }) {
  const ids = (at) => files(`ids.${at}`), confirmed = {};
  return [
    { empty: async (options) => assertAll(await load(empty.port, options, drive.holdSeat(1)), 201) },
    { losing: async (options) => assertAll(await here(options, drive.holdTaken(taken)), 409) },
    {
      // Those that are confirmed next, and then given back.
      hold: async (options, at) => {
        const { event, from } = await seats.take(20000);
        return assertAll(await here({ ...options, from, most: 20000, save: ids(at) }, drive.holdSeat(event)), 201);
      },
      confirm: async (options, at) => {
        const answer = assertAll(await here({ ...options, ids: ids(at) }, drive.move('confirm')), 200);
        confirmed[at] = sent(answer);
        return answer;
      },
      cancel: async (options, at) => assertAll(
        await here({ ...options, ids: ids(at), most: confirmed[at] }, drive.move('cancel')), 200),
    },
    { general: async (options) => assertAll(await here(options, drive.holdPlace(general)), 201) },
    {
      purchase: async (options) => {
        const { event, from } = await seats.take(10000);
        const answer = assertAll(await here({ ...options, from, most: 30000, chain: true },
          read(event, 'availability'), drive.holdSeat(event), drive.move('confirm')), 200, 201);
        return { ...answer, rate: answer.requests[2].rate };
      },
    },
    { availability: async (options) => assertAll(await here(options, read(general, 'availability')), 200) },
    {
      cached: async (options) => assertAll(
        await here({ ...options, anonymous: true }, read(general, 'availability')), 200),
    },
    // As many at once as in the rates; at a load as they come.
    { login: async (options) => assertAll(await here({ connections: 8, ...options, anonymous: true }, stage.login), 200) },
  ];
}

async function callMeasure(measure) {
  const most = await measure({}, 'full');
  const out = { rate: most.rate };
  for (const part of loads) {
    const rate = Math.max(1, Math.round((most.rate * part) / 100));
    const got = await measure({ rate, connections: CONNECTIONS, histogram: true }, part);
    out[part] = { asked: rate, rate: got.rate, p50_us: got.p50_us, p99_us: got.p99_us, max_us: got.max_us,
      histogram: got.histogram };
  }
  return out;
}

// Each round begins with another group.
async function round(number) {
  const common = await ground();
  const { seats, general, taken } = common;
  await build(seats.event, general, taken);
  const all = groups(common), first = number % all.length, out = {};
  for (const group of [...all.slice(first), ...all.slice(0, first)]) {
    for (const [name, measure] of Object.entries(group)) out[name] = await callMeasure(measure);
  }
  return out;
}

async function measure(progress) {
  const all = [];
  for (let i = 0; i < stage.rounds; i++) {
    all.push(await round(i));
    progress.step();
  }
  return all;
}

module.exports = { loads, measure, seconds: (rounds, each) => rounds * (30 * each + 8), steps: (rounds) => rounds };
