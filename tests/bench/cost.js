// What a hold, a confirm and a seat cost: bytes and flushes of PostgreSQL's log, bytes of Redis, memory of the
// workers.
'use strict';

const crowd = require('../lib/crowd.js');
const drive = require('./drive.js');
const { build, ground } = require('./ground.js');
const stage = require('./stage.js');

const { assertAll, here } = drive;
const { adminSql, files, full, small } = stage;
const COUNT = small ? 500 : 5000, SEATS = small ? 10000 : 100000;

// What the log has taken so far. Sessions tell what they did when they end, or a while later: those of the pool
// are ended, and come back with the next request.
async function logRead() {
  for (;;) {
    const [left] = adminSql(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'holdfast_booking';
      select case when pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() then 1 else 0 end
        + (select count(*) from pg_stat_activity where usename = 'holdfast_booking')`).split('\n').slice(-1);
    if (left === '0') break;
    await crowd.sleep(50);
  }
  // The writer of the log tells what it did once in each of its turns.
  await crowd.sleep(500);
  const [bytes, syncs, images] = adminSql(
    "select pg_current_wal_insert_lsn() - '0/0', wal_sync, wal_fpi from pg_stat_wal").split('|').map(Number);
  return { bytes, syncs, images };
}

// Until each worker has a session again: whoever asked first would wait for that.
async function sessionsMake(event) {
  const nobody = `1 GET /api/v1/bookings/${stage.eventHex(event)}-0000-8000-8000-{hex} `;
  for (;;) {
    await here({ aside: true, most: 20 * stage.workers, seconds: 5 }, nobody);
    const [count] = adminSql("select count(*) from pg_stat_activity where usename = 'holdfast_booking'").split('\n');
    if (Number(count) >= stage.workers) return;
  }
}

async function costOf(event, work) {
  const log = await logRead(), redis = await drive.redisBytes();
  await sessionsMake(event);
  await work();
  const redisAfter = await drive.redisBytes(), after = await logRead();
  const each = (n) => n / COUNT;
  return { wal: each(after.bytes - log.bytes), syncs: each(after.syncs - log.syncs),
    images: each(after.images - log.images), redis: each(redisAfter - redis) };
}

async function round() {
  const { seats } = await ground();
  await build(seats.event);
  const { event, from } = await seats.take(COUNT);
  const ids = files('ids'), all = { most: COUNT, seconds: 60 };
  const hold = await costOf(event, async () => assertAll(await here({ ...all, from, save: ids }, drive.holdSeat(event)), 201));
  const confirm = await costOf(event, async () => assertAll(await here({ ...all, ids }, drive.move('confirm')), 200));
  const cancel = await costOf(event, async () => assertAll(await here({ ...all, ids }, drive.move('cancel')), 200));
  const other = stage.eventOfSeats(SEATS), before = await drive.redisBytes();
  await crowd.redisBuild(other);
  return { hold, confirm, cancel, seat: { redis: (await drive.redisBytes() - before) / SEATS } };
}

// The largest worker.
function workerMemory() {
  const all = crowd.workers('booking').map(stage.memoryOf);
  return all.sort((a, b) => b.resident_kb - a.resident_kb)[0];
}

// Requests to the same workers, a million where FULL asks for it, and what that adds to their memory.
async function memory() {
  const { taken } = await ground();
  const request = drive.holdTaken(taken);
  await build(taken);
  await here({ seconds: 1 }, request);
  const before = workerMemory();
  const answered = assertAll(await here({ seconds: 600, most: full ? 1000000 : 20000 }, request), 409);
  return { before, after: workerMemory(), requests: answered.answered };
}

async function measure(progress) {
  const all = [];
  for (let i = 0; i < stage.rounds; i++) {
    all.push(await round());
    progress.step();
  }
  return { rounds: all, count: COUNT, seats: SEATS, memory: await memory() };
}

module.exports = { measure, each: () => null, seconds: (rounds) => rounds * 15 + 5, steps: (rounds) => rounds };
