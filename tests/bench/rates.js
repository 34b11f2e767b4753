// How many a second: each call through everything, and its parts alone, in turn.
'use strict';

const assert = require('node:assert/strict');

const crowd = require('../lib/crowd.js');
const { scriptText } = require('../lib/redis.js');
const drive = require('./drive.js');
const { build, ground } = require('./ground.js');
const janitor = require('./janitor.js');
const queue = require('./queue.js');
const stage = require('./stage.js');

const { assertAll, here, holdPlace, holdSeat, holdTaken, load, move, read } = drive;
const { files, once, seconds, workers } = stage;

const mine = once(async () => ({
  statementSeats: new stage.Seats(),
  scriptEvent: stage.eventOfAll(),
  map: stage.eventOfSeats(50000),
  mapSmall: stage.eventOfSeats(1000),
}));

// ---- the parts alone --------------------------------------------------------------------------

// The same requests to workers that do nothing.
async function empties({ empty, general }) {
  const rate = async (request) => assertAll(await load(empty.port, {}, request), 201).rate;
  return {
    empty: await rate(holdSeat(1)),
    empty_move: await rate('1 POST /api/v1/bookings/00000001-0000-4000-8000-{hex}/confirm {}'),
    empty_read: await rate(read(general, 'availability')),
  };
}

async function scripts(event) {
  await crowd.redisFlush();
  await crowd.redisBuild(event);
  const [take, put, drop] = await Promise.all(['take', 'put', 'drop'].map(
    (name) => drive.redisCli('SCRIPT', 'LOAD', scriptText(name))));
  const known = await drive.stamp(), id = `${stage.eventHex(event)}-0000-8000-8000-{hex}`;
  const rate = async (time, ...words) => {
    const [answer] = words.splice(0, 1);
    const ran = await drive.script(time, 0, 'EVALSHA', ...words);
    assert.deepEqual(Object.keys(ran.answers), [answer], JSON.stringify(ran));
    return ran.rate;
  };
  return {
    take: await rate(seconds, 'taken', take, 2, `hf:{${event}}`, 'limit:hold:bench', known, id,
      stage.userId(1), 0, 86400000, 10, 10, 0, '', 1, 'S-{row}-{seat}'),
    put: await rate(seconds, 'put', put, 1, `hf:{${event}}`, known, id, 'b', stage.userId(1), -1, '{n}', ''),
    // Not as long, so that it does not come to what was not put.
    drop: await rate(seconds / 3, 'dropped', drop, 1, `hf:{${event}}`, known, id, 1),
  };
}

// No session may come to bookings that it has not made.
async function statements(seats) {
  const each = Math.floor(seats.size / workers);
  const { event, from } = await seats.take(each * workers);
  const part = (count) => Math.max(1, Math.floor(count / workers / 2));
  const { pgbench } = drive;
  const hold = await pgbench(drive.statements.hold(event), from, each);
  const confirm = await pgbench(drive.statements.confirm(event), from, each, part(hold.count));
  const cancel = await pgbench(drive.statements.cancel(event), from, each, part(confirm.count));
  return { hold_statement: hold.rate, confirm_statement: confirm.rate, cancel_statement: cancel.rate };
}

// ---- through everything -----------------------------------------------------------------------

async function life({ seats }) {
  const { event, from } = await seats.take(20000);
  const ids = files('ids');
  const held = assertAll(await here({ from, most: 20000, save: ids }, holdSeat(event)), 201);
  const confirmed = assertAll(await here({ ids }, move('confirm')), 200);
  const cancelled = assertAll(await here({ ids, most: drive.sent(confirmed) }, move('cancel')), 200);
  return { hold: held.rate, confirm: confirmed.rate, cancel: cancelled.rate };
}

// Each buyer looks what there is, takes a seat, and confirms it.
async function purchase({ seats }) {
  const { event, from } = await seats.take(30000);
  const bought = assertAll(await here({ from, most: 30000, chain: true },
    read(event, 'availability'), holdSeat(event), move('confirm')), 200, 201);
  return { purchase: bought.requests[2].rate };
}

async function places({ general }) {
  const ids = files('ids'), most = Math.ceil(2000 * seconds);
  await here({ most, seconds: 60, save: ids }, holdPlace(general));
  await here({ ids, seconds: 60 }, move('confirm'));
  const alone = assertAll(await here({}, holdPlace(general)), 201);
  const mixed = assertAll(await here({ ids }, holdPlace(general, 4), move('cancel')), 200, 201);
  return { general: alone.rate, general_cancels: mixed.rate };
}

// A map of 50,000 seats that stands still, whole and by its changes, and one of 1,000. With a token nginx
// keeps nothing of it: each request is one of a worker.
async function maps({ map, mapSmall }) {
  const version = await drive.redisCli('HGET', `hf:{${map}}:meta`, 'version');
  const rate = async (below, event = map) => assertAll(await here({}, read(event, below)), 200).rate;
  return {
    map: await rate('seatmap/status'),
    map_since: await rate(`seatmap/status?since=${version}`),
    map_small: await rate('seatmap/status', mapSmall),
    availability: await rate('availability'),
  };
}

// What many watch, as nginx keeps it, beside the same answer as a file of nginx's own.
async function kept({ empty, general }) {
  const own = assertAll(await load(empty.port, { anonymous: true }, '1 GET /fixed'), 200);
  const cached = assertAll(await here({ anonymous: true },
    `1 GET /api/v1/events/${general}/availability`), 200);
  return { fixed: own.rate, cached: cached.rate };
}

async function logins() {
  const hash = await drive.hashes();
  const one = JSON.stringify({ email: stage.userEmail(1), password: stage.password });
  return { hash, login: assertAll(await here({ anonymous: true, connections: 8 }, `1 POST /api/v1/auth/login ${one}`),
    200).rate };
}

// ---- the part ---------------------------------------------------------------------------------

async function round() {
  const common = await ground(), own = await mine();
  await build(common.seats.event, common.general, common.taken, own.map, own.mapSmall);
  return {
    ...await empties(common),
    losing: assertAll(await here({}, holdTaken(common.taken)), 409).rate,
    ...await maps(own),
    ...await kept(common),
    ...await life(common),
    ...await purchase(common),
    ...await places(common),
    ...await logins(),
    ...await queue.rates(here, files),
    ...await statements(own.statementSeats),
    ...await scripts(own.scriptEvent),
    ...await janitor.rates(own.scriptEvent, stage.userIds, stage.small ? 1000 : 20000),
  };
}

async function measure(progress) {
  const all = [];
  for (let i = 0; i < stage.rounds; i++) {
    all.push(await round());
    progress.step();
  }
  return all;
}

module.exports = { measure, seconds: (rounds, each) => rounds * (30 * each + 12), steps: (rounds) => rounds };
