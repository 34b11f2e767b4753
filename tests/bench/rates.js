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
const SLICES = 3;

const mine = once(async () => ({
  statementSeats: new stage.Seats(),
  scriptEvent: stage.eventOfAll(),
  map: stage.eventOfSeats(50000),
  mapSmall: stage.eventOfSeats(1000),
}));

const rateOf = async (answer, ...statuses) => assertAll(await answer, ...statuses).rate;

// Such a request to workers that do nothing.
const bare = ({ port }, request) => (time) => rateOf(load(port, time, request), 201);

// Rates that are compared with each other, measured by turns, a slice of the time each, and each time another
// one first: what else the machine does, and what the one before has left to do, falls on all of them.
async function byTurns(measures) {
  const rates = Object.fromEntries(Object.keys(measures).map((name) => [name, 0]));
  const list = Object.entries(measures);
  for (let turn = 0; turn < SLICES; turn++) {
    list.push(list.shift());
    for (const [name, measure] of list) {
      rates[name] += await measure({ seconds: seconds / SLICES }, turn) / SLICES;
    }
  }
  return rates;
}

// ---- the parts alone --------------------------------------------------------------------------

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

// Calls without an effect that lasts, beside the same requests to workers that do nothing. With a token nginx
// keeps nothing of a map: each request is one of a worker.
async function asked({ empty, emptyQueue, general, taken }, { map, mapSmall }) {
  const line = await queue.prepare(files);
  const version = await drive.redisCli('HGET', `hf:{${map}}:meta`, 'version');
  const shown = (below, event) => (time) => rateOf(here(time, read(event, below)), 200);
  const poll = '1 GET /api/v1/reservation/status?token={id}';
  const polled = (which) => (time) => rateOf(here({ ...time, ids: files(`polls.${which}`) }, poll), 200);
  return {
    queue_bytes: line.bytes,
    ...await byTurns({
      empty: bare(empty, holdSeat(1)),
      losing: (time) => rateOf(here(time, holdTaken(taken)), 409),
    }),
    ...await byTurns({
      empty_read: bare(empty, read(general, 'availability')),
      map: shown('seatmap/status', map),
      map_since: shown(`seatmap/status?since=${version}`, map),
      map_small: shown('seatmap/status', mapSmall),
      availability: shown('availability', map),
    }),
    ...await byTurns({
      empty_poll: (time) => rateOf(load(empty.port, { ...time, ids: files('polls.short') }, poll), 201),
      empty_poll_few: (time) => rateOf(load(emptyQueue.port, { ...time, ids: files('polls.short') }, poll), 201),
      queue_status: polled('short'),
      queue_status_long: polled('long'),
    }),
  };
}

// What many watch, as nginx keeps it, beside the same answer as a file of nginx's own.
const kept = ({ empty, general }) => byTurns({
  fixed: (time) => rateOf(load(empty.port, { ...time, anonymous: true }, '1 GET /fixed'), 200),
  cached: (time) => rateOf(here({ ...time, anonymous: true }, `1 GET /api/v1/events/${general}/availability`), 200),
});

async function life({ empty, general, seats }) {
  const held = (turn) => files(`held.${turn}`), underKey = (turn) => files(`key.${turn}`), mixed = (turn) => files(`mixed.${turn}`);
  const sent = [], free = [], keyed = [];
  for (let turn = 0; turn < SLICES; turn++) {
    free.push(await seats.take(10000));
    keyed.push(await seats.take(10000));
    const most = Math.ceil(2000 * seconds / SLICES);
    await here({ most, seconds: 60, save: mixed(turn) }, holdPlace(general));
    await here({ ids: mixed(turn), seconds: 60 }, move('confirm'));
  }
  return {
    ...await byTurns({
      empty_hold: bare(empty, holdSeat(1)),
      hold: (time, turn) => rateOf(here({ ...time, from: free[turn].from, most: 10000, save: held(turn) },
        holdSeat(free[turn].event)), 201),
      hold_key: (time, turn) => rateOf(here({ ...time, from: keyed[turn].from, most: 10000, save: underKey(turn), keys: true },
        holdSeat(keyed[turn].event)), 201),
      general: (time) => rateOf(here(time, holdPlace(general)), 201),
      general_cancels: (time, turn) => rateOf(here({ ...time, ids: mixed(turn) },
        holdPlace(general, 4), move('cancel')), 200, 201),
    }),
    ...await byTurns({
      empty_move: bare(empty, '1 POST /api/v1/bookings/00000001-0000-4000-8000-{hex}/confirm {}'),
      confirm: async (time, turn) => {
        const confirmed = assertAll(await here({ ...time, ids: held(turn) }, move('confirm')), 200);
        sent[turn] = drive.sent(confirmed);
        return confirmed.rate;
      },
      confirm_key: (time, turn) => rateOf(here({ ...time, ids: underKey(turn), keys: true }, move('confirm')), 200),
    }),
    ...await byTurns({
      cancel: (time, turn) => rateOf(here({ ...time, ids: held(turn), most: sent[turn] }, move('cancel')), 200),
    }),
  };
}

// Each buyer looks what there is, takes a seat, and confirms it.
async function purchase({ seats }) {
  const { event, from } = await seats.take(30000);
  const bought = assertAll(await here({ from, most: 30000, chain: true },
    read(event, 'availability'), holdSeat(event), move('confirm')), 200, 201);
  return { purchase: bought.requests[2].rate };
}

// Joins of people who have no place yet, one of each buyer in a line, and of people who stand in line G. Each
// line has begun: somebody else stands in it, since in a rush one in many thousands is the first. Lines in which
// somebody stands are looked at for a while: when all is measured there are none any more.
async function joins({ empty, emptyQueue }) {
  const each = Math.ceil(24 * seconds / SLICES), names = Array.from({ length: each * SLICES }, (_, i) => `L${i + 1}`);
  const event = await queue.soldOut('G', ...names);
  const join = (line) => `1 POST /api/v1/queue/join {"event_id":"${event}","section_id":"${line}"}`;
  const [first] = crowd.buyers(1);
  for (const name of names) {
    const begun = await crowd.insist({ method: 'POST', where: '/queue/join', token: first.token,
      body: { event_id: String(event), section_id: name } });
    assert.equal(begun.status, 202, begun.text);
  }
  // Each worker knows each token, as with the other calls: of so many that come to any of them it misses one in 400.
  assertAll(await here({ most: 6 * workers * stage.users, seconds: 60 }, join('G')), 202);
  const rates = await byTurns({
    empty_join: bare(empty, join('L{row}')),
    empty_join_few: bare(emptyQueue, join('L{row}')),
    queue_join: (time, turn) => rateOf(here({ ...time, from: turn * each * stage.users, most: each * stage.users },
      join('L{row}')), 202),
    queue_again: (time) => rateOf(here(time, join('G')), 202),
  });
  await crowd.redisFlush();
  return rates;
}

async function logins() {
  const hash = await drive.hashes();
  return { hash, login: assertAll(await here({ anonymous: true, connections: 8 }, stage.login), 200).rate };
}

// ---- the part ---------------------------------------------------------------------------------

async function round() {
  const common = await ground(), own = await mine();
  await build(common.seats.event, common.general, common.taken, own.map, own.mapSmall);
  return {
    ...await asked(common, own),
    ...await kept(common),
    ...await purchase(common),
    ...await logins(),
    // Together, since the calls are compared with these parts of them; last, since Redis is emptied.
    ...await life(common),
    ...await statements(own.statementSeats),
    ...await scripts(own.scriptEvent),
    ...await janitor.rates(own.scriptEvent, stage.userIds, stage.small ? 1000 : 20000),
    ...await joins(common),
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

module.exports = { measure, seconds: (rounds, each) => rounds * (32 * each + 12), steps: (rounds) => rounds };
