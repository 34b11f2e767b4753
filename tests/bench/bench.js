// The benchmark: every measure in turn, several rounds, so that what else the machine does falls on
// all of them alike. What counts are the ratios of one round; the report has their medians and
// spread.
'use strict';

const assert = require('node:assert/strict');
const { execFile, execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

const crowd = require('../lib/crowd.js');
const { scriptText } = require('../lib/redis.js');
const janitor = require('./janitor.js');
const live = require('./live.js');
const queue = require('./queue.js');
const report = require('./report.js');

const run = promisify(execFile);
const env = process.env;
const out = path.join(env.BUILD, 'bench');
const rounds = Number(env.ROUNDS ?? 7), seconds = Number(env.SECONDS_EACH ?? 2);
const connections = 32, users = 1000, seatsInEvent = 100000;
const files = (name) => path.join(env.HOLDFAST_STATE, name);
const setting = (name) => new RegExp(`^${name} *= *(.*)$`, 'm').exec(
  fs.readFileSync(files('settings.all'), 'utf8'))[1];
const workers = Number(setting('workers_booking'));

// ---- what the measures are made on ------------------------------------------------------------

const userId = (n) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;

const userIds = Array.from({ length: users }, (_, n) => userId(n));

function usersMake() {
  crowd.sql(`insert into holdfast.users (user_id, email, password_hash, role)
    select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@bench.test',
        '$y$j9T$nobody/knows/the/password/of/this', 'user'
      from generate_series(0, ${users} - 1) as n`);
  fs.writeFileSync(files('tokens'), Array.from({ length: users },
    (_, n) => `${crowd.tokenFor(userId(n), 'user', 7200)}\n`).join(''));
}

const eventHex = (event) => event.toString(16).padStart(8, '0');

const seatSections = (rows = seatsInEvent / 1000) => [{
  name: 'S',
  kind: 'seated',
  base_price: 1500,
  rows: Array.from({ length: rows }, (_, i) => ({ row: String(i + 1), seats: 1000 })),
}];

const eventOfSeats = () => crowd.eventWith({ sections: seatSections() });
const eventOfAll = () => crowd.eventWith(
  { sections: [...seatSections(), { name: 'G', kind: 'ga', capacity: 1000000, base_price: 1000 }] });

// Seats that nobody has had, `count` at a time, out of as many events as it takes.
class Seats {
  constructor(first) {
    this.event = first;
    this.next = 0;
  }

  async take(count) {
    if (!this.event || this.next + count > seatsInEvent) {
      this.event = await eventOfSeats();
      await crowd.redisBuild(this.event);
      this.next = 0;
    }
    this.next += count;
    return { event: this.event, from: this.next - count };
  }
}

// ---- the drivers ------------------------------------------------------------------------------

async function load(port, options, ...requests) {
  const { anonymous, ...others } = options;
  const args = ['requests', '--port', port, '--connections', connections,
    ...(anonymous ? [] : ['--tokens', files('tokens')]),
    ...Object.entries({ seconds, ...others }).flatMap(([name, value]) => [`--${name}`, value]),
    ...requests.flatMap((one) => ['--request', one])];
  const { stdout } = await run(path.join(env.HOLDFAST_BIN, 'holdfast-loadgen'), args.map(String));
  return JSON.parse(stdout);
}

const port = Number(new URL(env.HOLDFAST_URL).port);
const holdSeat = (event) => '1 POST /api/v1/bookings/hold '
  + `{"event_id":"${event}","seat_ids":["S-{row}-{seat}"]}`;
const holdPlace = (event, weight = 1) => `${weight} POST /api/v1/bookings/hold `
  + `{"event_id":"${event}","section_id":"G","seats_requested":1}`;

function assertAll(answer, status) {
  assert.deepEqual(Object.keys(answer.statuses), [String(status)], JSON.stringify(answer));
  return answer;
}

// One statement under the role of the pool, with as many sessions as the pool has workers.
// `most`: as many as that, and not for so long.
async function pgbench(text, from, each, most) {
  const script = files('statement.sql');
  fs.writeFileSync(script, [
    'set n :n + 1',
    `set at ${from} + :client_id * ${each} + :n`,
    `set user :at % ${users}`,
    'set row :at / 1000 + 1',
    'set seat :at % 1000 + 1',
  ].map((line) => `\\${line}\n`).join('') + `${text.replaceAll('\n', ' ')};\n`);
  const url = env.DATABASE_URL.replace('//holdfast_owner@', '//holdfast_booking@');
  const { stdout } = await run('pgbench', ['-n', '-M', 'prepared', '-c', workers, '-j', 1,
    ...(most ? ['-t', most] : ['-T', seconds]), '-D', 'n=-1', '-f', script, url].map(String));
  assert.match(stdout, /number of failed transactions: 0 /);
  return Number(/tps = ([\d.]+) \(without/.exec(stdout)[1]);
}

const stamp = async () => {
  const info = await redisCli('INFO', 'server');
  const [[started]] = crowd.sql(`set datestyle = 'ISO'; set timezone = 'UTC';
    select pg_postmaster_start_time()`);
  return `${/run_id:(\w+)/.exec(info)[1]} ${started}`;
};
const redisCli = async (...words) =>
  (await run('redis-cli', ['-s', env.REDIS_SOCKET, ...words])).stdout.trim();

async function script(from, ...words) {
  const { stdout } = await run(path.join(out, 'script'),
    [env.REDIS_SOCKET, workers, seconds, from, ...words].map(String));
  return JSON.parse(stdout);
}

const fixed = (dir, { text, headers }) => {
  fs.writeFileSync(path.join(dir, 'fixed'), text);
  return `\tlocation = /fixed {\n\t\troot ${dir};\n\t\tdefault_type application/json;\n\t\tetag off;\n`
    + '\t\topen_file_cache max=1000;\n'
    + `${[...headers].filter(([name]) => !/^(server|date|connection|content-(type|length|encoding))$/.test(name))
      .map(([name, value]) => `\t\tadd_header ${name} '${value.replaceAll("'", "\\'")}';\n`).join('')}\t}\n`;
};

// nginx once more with the same configuration, but for the pool of bookings: workers that do
// nothing; and for one path: a file that is an answer, with the same header fields.
class Empty {
  constructor(answer) {
    // Of this process alone, where several measure at once.
    this.port = 32000 + process.pid % 700;
    this.dir = files('empty');
    fs.mkdirSync(path.join(this.dir, 'cache'), { recursive: true });
    const socket = path.join(env.HOLDFAST_RUN, 'empty.sock');
    const text = fs.readFileSync(files('nginx/nginx.conf'), 'utf8')
      .replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${this.port}`)
      .replaceAll('/run/booking.sock', '/run/empty.sock')
      .replaceAll('/booking.sock', '/empty.sock')
      .replaceAll(files('nginx/'), `${this.dir}/`)
      .replaceAll(files('pids/nginx.pid'), `${this.dir}/nginx.pid`)
      .replace('\tlocation / {', () => `${fixed(this.dir, answer)}\tlocation / {`)
      .replace(/^user root;$/m, 'user root;\ndaemon off;');
    fs.writeFileSync(path.join(this.dir, 'nginx.conf'),
      /^daemon off;$/m.test(text) ? text : `daemon off;\n${text}`);
    const stdio = 'ignore';
    this.children = [
      spawn('spawn-fcgi', ['-n', '-s', socket, '-M', '0660', '-b', setting('backlog'), '--',
        '/usr/bin/multiwatch', '-f', workers, '--', path.resolve(out, 'empty')].map(String),
      { stdio }),
      spawn('nginx', ['-e', path.join(this.dir, 'log'), '-p', this.dir, '-c',
        path.join(this.dir, 'nginx.conf')], { stdio }),
    ];
  }

  async ready() {
    for (let tries = 0; tries < 100; tries++) {
      await crowd.sleep(50);
      const got = await load(this.port, { seconds: 0.1 }, holdSeat(1)).catch(() => null);
      if (got && Object.keys(got.statuses).join() === '201') return;
    }
    await this.stop();
    throw new Error('the empty workers do not answer');
  }

  async stop() {
    for (const child of this.children) {
      const gone = new Promise((resolve) => { child.on('exit', resolve); });
      child.kill('SIGTERM');
      await gone;
    }
  }
}

// ---- the measures -----------------------------------------------------------------------------

const uuidOf = (head, number) =>
  `('${head}' || lpad(to_hex(:${number}::int), 12, '0'))::uuid`;
const bookingOf = (event) => uuidOf(`${eventHex(event)}-0000-8000-8000-`, 'at');
const userOf = uuidOf('00000000-0000-4000-8000-', 'user');
const statement = (call) => `select outcome, positions, (booking).* from holdfast.${call}`;

const holdStatement = (event) => statement(`hold(${event}, ${userOf}, ${bookingOf(event)}, null,
  null, false, false, array['S-' || :row::int || '-' || :seat::int], '{}', '{}', 86400, 10, 0)`);
const confirmStatement = (event) => statement(
  `confirm(${event}, ${bookingOf(event)}, ${userOf}, null, null, false)`);

async function scripts(state) {
  const { event } = state.scriptSeats;
  await crowd.redisFlush();
  await crowd.redisBuild(event);
  const [take, put] = await Promise.all(['take', 'put'].map(
    (name) => redisCli('SCRIPT', 'LOAD', scriptText(name))));
  const known = await stamp(), id = `${eventHex(event)}-0000-8000-8000-{hex}`;
  const taken = await script(0, 'EVALSHA', take, 2, `hf:{${event}}`, 'limit:hold:bench', known, id,
    userId(1), 0, 86400000, 10, 10, 0, '', 1, 'S-{row}-{seat}');
  // One more a connection was sent than answered.
  assert.deepEqual(Object.keys(taken.answers), ['taken'], JSON.stringify(taken));
  const written = await script(0, 'EVALSHA', put, 1, `hf:{${event}}`, known, id, 'b', userId(1), -1,
    '{n}', '');
  assert.deepEqual(Object.keys(written.answers), ['put'], JSON.stringify(written));
  return { take: taken.rate, put: written.rate };
}

async function statements(state) {
  const each = Math.floor(40000 / workers);
  const { event, from } = await state.statementSeats.take(each * workers);
  const held = await pgbench(holdStatement(event), from, each);
  // No session may come to bookings that it has not made.
  const half = Math.max(1, Math.floor(held * seconds / workers / 2));
  return {
    hold_statement: held,
    confirm_statement: await pgbench(confirmStatement(event), from, each, half),
  };
}

async function everything(state) {
  const { event, from } = await state.seats.take(20000);
  const ids = files('ids');
  const held = assertAll(await load(port, { from, most: 20000, save: ids }, holdSeat(event)), 201);
  const confirmed = assertAll(
    await load(port, { ids }, '1 POST /api/v1/bookings/{id}/confirm {}'), 200);
  return { hold: held.rate, confirm: confirmed.rate, hold_p99_us: held.p99_us };
}

async function general(state) {
  const ids = files('ids'), most = 2000 * seconds;
  await load(port, { most, seconds: 60, save: ids }, holdPlace(state.general));
  await load(port, { ids, seconds: 60 }, '1 POST /api/v1/bookings/{id}/confirm {}');
  const alone = assertAll(await load(port, {}, holdPlace(state.general)), 201);
  const mixed = await load(port, { ids }, holdPlace(state.general, 4),
    '1 POST /api/v1/bookings/{id}/cancel {}');
  assert.deepEqual(Object.keys(mixed.statuses), ['200', '201'], JSON.stringify(mixed));
  return { general: alone.rate, general_cancels: mixed.rate };
}

// A map of 50,000 seats that stands still, whole and by its changes, and one of 1,000. With a token
// nginx keeps nothing of
// it: each request is one of a worker.
async function map(state) {
  const version = await redisCli('HGET', `hf:{${state.map}}:meta`, 'version');
  const get = (below, event = state.map) => load(port, {}, `1 GET /api/v1/events/${event}/${below} `);
  const whole = assertAll(await get('seatmap/status'), 200);
  const since = assertAll(await get(`seatmap/status?since=${version}`), 200);
  const small = assertAll(await get('seatmap/status', state.mapSmall), 200);
  const sums = assertAll(await get('availability'), 200);
  return { map: whole.rate, map_since: since.rate, map_small: small.rate, availability: sums.rate };
}

// What many watch, as nginx keeps it, beside the same answer as a file of nginx's own.
async function kept(state) {
  const own = assertAll(await load(state.empty.port, { anonymous: true }, '1 GET /fixed'), 200);
  const cached = assertAll(await load(port, { anonymous: true },
    `1 GET /api/v1/events/${state.general}/availability`), 200);
  return { fixed: own.rate, cached: cached.rate };
}

async function round(state) {
  const empty = assertAll(await load(state.empty.port, {}, holdSeat(1)), 201);
  const losing = assertAll(await load(port, {},
    `1 POST /api/v1/bookings/hold {"event_id":"${state.taken}","seat_ids":["S-1-1"]}`), 409);
  return {
    empty: empty.rate,
    losing: losing.rate,
    ...await map(state),
    ...await kept(state),
    ...await everything(state),
    ...await general(state),
    ...await queue.rates((...args) => load(port, ...args), files),
    ...await statements(state),
    ...await scripts(state),
    ...await janitor.rates(state.scriptSeats.event, userIds),
  };
}

// Holds of numbered seats from a place on and in general admission, half and half.
const besideJanitor = ({ scriptSeats: { event } }) => janitor.meanwhile(
  (from) => load(port, { from, seconds: 3 * seconds }, holdSeat(event), holdPlace(event)), event, userIds);

// Holds in a section that thousands watch.
async function besideStreams({ general: event }) {
  await crowd.redisBuild(event);
  return live.beside(() => load(port, { seconds: 2 * seconds }, holdPlace(event)), event);
}

// ---- memory -----------------------------------------------------------------------------------

const residentKb = () => Math.max(...crowd.workers('booking').map((pid) => Number(
  /^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1])));

// A million requests to the same workers, most of them losing, where FULL asks for it.
async function memory(state, before) {
  const request = `1 POST /api/v1/bookings/hold {"event_id":"${state.taken}","seat_ids":["S-1-1"]}`;
  if (env.FULL) await load(port, { seconds: 600, most: 1000000 }, request);
  return { before_kb: before, after_kb: residentKb(), full: Boolean(env.FULL) };
}

// ---- all of it --------------------------------------------------------------------------------

async function prepare() {
  usersMake();
  const [taken] = crowd.buyers(1);
  const first = await eventOfSeats();
  const general = await crowd.eventWith({ places: 1000000 });
  const answer = await fetch(`${env.HOLDFAST_URL}/api/v1/events/${general}/availability`);
  const state = {
    seats: new Seats(first),
    statementSeats: new Seats(),
    scriptSeats: { event: await eventOfAll() },
    general,
    taken: await crowd.eventWith({
      sections: [{ name: 'S', kind: 'seated', rows: [{ row: '1', seats: 10 }] }],
    }),
    map: await crowd.eventWith({ sections: seatSections(50) }),
    mapSmall: await crowd.eventWith({ sections: seatSections(1) }),
    empty: new Empty({ text: await answer.text(), headers: answer.headers }),
  };
  const held = await crowd.send({
    ...crowd.hold(taken, state.taken, []),
    body: { event_id: String(state.taken), seat_ids: ['S-1-1'] },
  });
  assert.equal(held.status, 201, held.text);
  for (const event of [first, state.general, state.taken]) await crowd.redisBuild(event);
  await state.empty.ready();
  return state;
}

async function main() {
  const state = await prepare();
  const results = [];
  try {
    await load(port, { seconds: 1 },
      `1 POST /api/v1/bookings/hold {"event_id":"${state.taken}","seat_ids":["S-1-1"]}`);
    const before = residentKb();
    for (let i = 0; i < rounds; i++) {
      for (const event of [state.seats.event, state.general, state.taken, state.map, state.mapSmall]) {
        await crowd.redisBuild(event);
      }
      results.push(await round(state));
      console.error(`round ${i + 1} of ${rounds}: ${JSON.stringify(results.at(-1))}`);
    }
    const about = {
      date: new Date().toISOString().slice(0, 10),
      machine: `${os.cpus().length} cores of ${os.cpus()[0].model.trim()}`,
      workers,
      connections,
      seconds,
      memory: await memory(state, before),
      janitor: await besideJanitor(state),
      live: await besideStreams(state),
      commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    };
    report.write(out, about, results);
  } finally {
    await state.empty.stop();
  }
  crowd.booksCheck();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
}).finally(() => process.exit());
