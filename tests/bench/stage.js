// What the measures are made on: the settings of the stack, buyers with tokens, events of every size.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const crowd = require('../lib/crowd.js');

const { env } = process;
const out = path.join(env.BUILD, 'bench');
const files = (name) => path.join(env.HOLDFAST_STATE, name);
const setting = (name) => new RegExp(`^${name} *= *(.*)$`, 'm').exec(
  fs.readFileSync(files('settings.all'), 'utf8'))[1];

// SMALL: every size at its least, to see that the benchmark itself works. FULL: what takes very long too.
const small = Boolean(env.SMALL), full = Boolean(env.FULL);
const rounds = Number(env.ROUNDS ?? 5), seconds = Number(env.SECONDS_EACH ?? (full ? 1.5 : 1));
const connections = 32, users = 1000, rowSeats = 1000;
const port = Number(new URL(env.HOLDFAST_URL).port);
const workers = Number(setting('workers_booking'));

assert.ok(rounds >= 1 && seconds > 0, 'ROUNDS and SECONDS_EACH are numbers above zero');

// Made when it is first asked for.
const once = (make) => {
  let made;
  return () => (made ??= make());
};

const sum = (list) => list.reduce((total, one) => total + one, 0);

// ---- buyers -----------------------------------------------------------------------------------

const password = 'a horse of the benchmark';
const userId = (n) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
const userIds = Array.from({ length: users }, (_, n) => userId(n));

// Of one after the other: nobody logs in twice at once. {seat} is 1 to 1,000.
const login = `1 POST /api/v1/auth/login ${JSON.stringify({ email: '{seat}@bench.test', password })}`;

// All with the same password, whose hash is one that the API has made.
async function usersMake() {
  const made = await crowd.call('POST', '/auth/register', { body: { email: 'first@bench.test', password } });
  assert.equal(made.status, 201, made.text);
  crowd.sql(`insert into holdfast.users (user_id, email, password_hash, role)
    select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@bench.test',
        (select password_hash from holdfast.users where email = 'first@bench.test'), 'user'
      from generate_series(0, ${users}) as n`);
  fs.writeFileSync(files('tokens'), Array.from({ length: users },
    (_, n) => `${crowd.tokenFor(userId(n), 'user', 14400)}\n`).join(''));
}

// ---- events -----------------------------------------------------------------------------------

const eventHex = (event) => event.toString(16).padStart(8, '0');

// The statements that make an event of rows of a thousand numbered seats, S-1-1, S-1-2 …, and of places in
// general admission: the API makes no more than 100,000 at once, and has little time for that many. past: one
// that has been.
const eventSql = (event, { seats = 0, places = 0, past = false }) => `
  insert into holdfast.events (event_id, organizer_id, title, event_date, sales_start, sales_end, status,
      currency, seats_count)
    overriding system value
    select ${event}, user_id, 'Bench', at, at - interval '30 days', at,
        '${past ? 'closed' : 'on_sale'}', 'EUR', ${seats}
      from (select user_id from holdfast.users where email = 'first@bench.test') as u,
        (select now() ${past ? '-' : '+'} interval '20 days' as at) as t;
  insert into holdfast.sections (event_id, section_no, section_id, name, kind, capacity, base_price, price)
    select ${event}, no, id, id, kind, capacity, 1500, 1500
      from (values (0, 'S', 'seated', ${seats}), (1, 'G', 'ga', ${places})) as s (no, id, kind, capacity)
      where capacity > 0;
  insert into holdfast.ga_counts (event_id, section_no, capacity)
    select ${event}, 1, ${places} where ${places} > 0;
  insert into holdfast.seats (event_id, position, seat_id, section_no, row_label, label, adjacency, x, y)
    select ${event}, n, 'S-' || n / ${rowSeats} + 1 || '-' || n % ${rowSeats} + 1, 0,
        n / ${rowSeats} + 1, n % ${rowSeats} + 1, n % ${rowSeats} + 1, n % ${rowSeats} + 1, n / ${rowSeats} + 1
      from generate_series(0, ${seats} - 1) as n;`;

function eventMake(what) {
  const [[event]] = crowd.sql("select nextval(pg_get_serial_sequence('holdfast.events', 'event_id'))");
  crowd.sql(eventSql(Number(event), what));
  return Number(event);
}

const eventOfSeats = (seats = 100000) => eventMake({ seats });
const eventOfPlaces = (places = 1000000) => eventMake({ places });
const eventOfAll = () => eventMake({ seats: 100000, places: 1000000 });

// Seats that nobody has had, `count` at a time, out of as many events of that size as it takes.
class Seats {
  constructor(size = 100000) {
    this.size = size;
    this.next = size;
  }

  async take(count) {
    assert.ok(count <= this.size);
    if (this.next + count > this.size) {
      this.event = eventOfSeats(this.size);
      await crowd.redisBuild(this.event);
      this.next = 0;
    }
    this.next += count;
    return { event: this.event, from: this.next - count };
  }
}

// ---- as the superuser -------------------------------------------------------------------------

const adminUrl = (database) => {
  const url = env.DATABASE_URL.replace('//holdfast_owner@', '//postgres@');
  return database ? url.replace(/(\/\/postgres@\/)[^?]*/, `$1${database}`) : url;
};

const adminSql = (text, database) => execFileSync('psql', [adminUrl(database), '-XAtq', '-v', 'ON_ERROR_STOP=1'],
  { input: text, encoding: 'utf8', maxBuffer: 1 << 26 }).trim();

const database = () => /@\/([^?]*)/.exec(env.DATABASE_URL)[1];

// ---- processes --------------------------------------------------------------------------------

// What a process has resident, and its share of what it has in common with others.
function memoryOf(pid) {
  const kb = (file, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(
    fs.readFileSync(`/proc/${pid}/${file}`, 'utf8'))[1]);
  return { resident_kb: kb('status', 'VmRSS'), share_kb: kb('smaps_rollup', 'Pss') };
}

module.exports = {
  Seats, adminSql, connections, database, eventHex, eventOfAll, eventOfPlaces, eventOfSeats, eventSql, files,
  full, login, memoryOf, once, out, password, port, rounds, seconds, setting, small, sum,
  userId, userIds, users, usersMake, workers,
};
