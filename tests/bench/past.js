// The same event in databases that have sold more or less before: each a copy of one, with workers of its own
// and a part of Redis of its own, so that all can be measured in turn.
'use strict';

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');

const crowd = require('../lib/crowd.js');
const { holdTaken } = require('./drive.js');
const { Front } = require('./front.js');
const stage = require('./stage.js');

const run = promisify(execFile);
const { env } = process;
const { adminSql } = stage;
const SEATS = 200000, EVENT = 1000000000, SOLD_SEATS = 50000;
const PATTERN = 'bench_past'; // the database that others are copies of

// Before anything is sold. A database that somebody is connected to cannot be copied: the workers come back
// by themselves.
function reserve() {
  crowd.sql(stage.eventSql(EVENT, { seats: SEATS }));
  const from = stage.database();
  adminSql(`alter database ${from} allow_connections false;
    select pg_terminate_backend(pid) from pg_stat_activity where datname = '${from}' and pid <> pg_backend_pid();
    create database ${PATTERN} template ${from} owner holdfast_owner;
    alter database ${from} allow_connections true`.replace(/;\s*/g, ';\n'), 'postgres');
}

// Sold events of 50,000 seats, one booking a seat, as they stand long after, past the guards, which judge one at
// a time.
function sell(database, bookings) {
  const seats = Math.min(bookings, SOLD_SEATS);
  for (let i = 0; i < bookings / seats; i++) {
    const event = EVENT + 1 + i;
    adminSql(`set search_path = holdfast, public;
      ${stage.eventSql(event, { seats, past: true })}
      set session_replication_role = replica;
      create temporary table sold as select n, ('${stage.eventHex(event)}-0000-8000-9000-' || lpad(to_hex(n), 12, '0'))::uuid
          as id, now() - interval '30 days' + n * interval '10 seconds' as at
        from generate_series(0, ${seats} - 1) as n;
      insert into bookings (event_id, booking_id, user_id, status, version, places, positions, seat_prices,
          section_nos, quantities, section_prices, total, currency, created_at, first_expires_at, expires_at,
          confirmed_at)
        select ${event}, id, ('00000000-0000-4000-8000-' || lpad(to_hex(n % ${stage.users}), 12, '0'))::uuid,
            'CONFIRMED', 2, 1, array[n], '{1500}', '{}', '{}', '{}', 1500, 'EUR', at, at + interval '10 minutes',
            'infinity', at + interval '1 minute'
          from sold order by random();
      insert into seat_claims (event_id, position, booking_id, state, expires_at)
        select ${event}, n, id, 'b', 'infinity' from sold order by random();
      drop table sold`, database);
  }
  adminSql('vacuum (analyze) holdfast.bookings, holdfast.seat_claims, holdfast.seats', database);
  adminSql('checkpoint', database);
}

// The invariants, in SQL.
function check(database) {
  const bad = adminSql('select invariant, failures, first from holdfast.audit() where failures > 0', database);
  if (bad) throw new Error(`what was sold before is not sound: ${bad}`);
}

// A configuration like the stack's, for this database and this part of Redis.
function configWrite(database, part) {
  const file = stage.files(`${database}.conf`);
  fs.writeFileSync(file, fs.readFileSync(env.HOLDFAST_CONF, 'utf8')
    .replace(/^(database_url = [^\n]*?\/)[^/?\n]*(\?)/m, `$1${database}$2`)
    .replace(/^(redis_url = .*)$/m, `$1?db=${part}`)
    .replace(/^live = on$/m, 'live = off'), { mode: 0o600 });
  return file;
}

// Such a database with so many bookings, and workers in front of it.
async function open(bookings, part) {
  const database = `${PATTERN}_${bookings}`;
  adminSql(`create database ${database} template ${PATTERN} owner holdfast_owner`, 'postgres');
  if (bookings) sell(database, bookings);
  const config = configWrite(database, part);
  const { DATABASE_URL, REDIS_URL, ...others } = env;
  await run(path.join(env.HOLDFAST_BIN, 'holdfast-reconcile'), ['--config', config, '--event', String(EVENT)],
    { env: others });
  const front = await Front.open(`past-${bookings}`, {
    program: [path.join(env.HOLDFAST_BIN, 'holdfast-booking'), '--config', config],
  });
  await front.ready(404, holdTaken(EVENT - 1));
  let next = 0;
  return {
    database,
    front,
    take(count) {
      next += count;
      if (next > SEATS) throw new Error('more rounds than there are seats');
      return { event: EVENT, from: next - count };
    },
    async close() {
      await front.stop();
      adminSql(`drop database ${database} with (force)`, 'postgres');
    },
  };
}

module.exports = { check, open, reserve };
