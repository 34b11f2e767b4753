// Many buyers at once, for tests that race: accounts made in bulk with tokens of their own,
// requests over kept connections, disturbances in the middle, and the books checked at the end.
'use strict';

const assert = require('node:assert/strict');
const { execFile, execFileSync, spawn } = require('node:child_process');
const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { promisify } = require('node:util');

const { Redis } = require('./redis.js');
const stack = require('./stack.js');
const { tokenFor } = require('./token.js');

const agent = new http.Agent({ keepAlive: true, maxSockets: 256, scheduling: 'lifo' });
const target = new URL(process.env.HOLDFAST_URL);
const run = promisify(execFile);
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// ---- requests ---------------------------------------------------------------------------------

// Settles with the answer whatever its status, and when it was sent and was there; only a connection that fails is an error, but for a kept
// one, idle for long, that nginx ends while the request is on its way to it: then once more.
function call(method, where, { token, body, key, again } = {}) {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = { 'Content-Length': Buffer.byteLength(text) };
  if (text) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers['Idempotency-Key'] = key;
  return new Promise((resolve, reject) => {
    let sent;
    const request = http.request({
      agent, method, headers, host: target.hostname, port: target.port, path: `/api/v1${where}`,
    }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const all = Buffer.concat(parts).toString();
        const json = /json/.test(answer.headers['content-type']);
        resolve({
          status: answer.statusCode,
          text: all,
          body: json ? JSON.parse(all) : null,
          slug: json && answer.statusCode >= 400 ? (JSON.parse(all).type ?? '').split('/').pop() : '',
          replayed: answer.headers['idempotent-replayed'] === 'true',
          sent,
          done: performance.now(),
        });
      });
    });
    request.on('socket', () => { sent = performance.now(); }); // it has waited for one
    request.on('error', (error) => (request.reusedSocket && error.code === 'ECONNRESET' && !again
      ? resolve(call(method, where, { token, body, key, again: true })) : reject(error)));
    request.setTimeout(60000, () => request.destroy(new Error(`${method} ${where}: no answer within a minute`)));
    request.end(text);
  });
}

// Asks again, as a client should whose first answer was lost: same key, until it is definite.
async function callUntilDefinite(method, where, options) {
  let sent;
  for (let tries = 0; tries < 100; tries++) {
    const answer = await call(method, where, options);
    const passing = answer.status >= 500 || ['idempotency-in-flight', 'busy'].includes(answer.slug);
    sent ??= answer.sent;
    if (!passing) return { ...answer, sent };
    assert.ok([409, 502, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    await sleep(20 + Math.random() * 80);
  }
  throw new Error(`no definite answer to ${method} ${where}`);
}

// ---- the database, as its owner ---------------------------------------------------------------

const psqlArgs = [process.env.DATABASE_URL, '-X', '-q', '-A', '-t', '-F', '\t',
  '-v', 'ON_ERROR_STOP=1'];

// Rows of text.
function sql(text) {
  const out = execFileSync('psql', psqlArgs, { input: text, encoding: 'utf8', maxBuffer: 1 << 26 });
  return out.split('\n').filter((line) => line).map((line) => line.split('\t'));
}

// A session that stays, for transactions that are open while others race: `say` waits for the
// statement to be done.
class Session {
  constructor(url = process.env.DATABASE_URL) {
    this.child = spawn('psql', [url, ...psqlArgs.slice(1)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.waiting = [];
    this.text = '';
    this.child.stdout.on('data', (part) => {
      this.text += part;
      for (let end = this.text.indexOf('done\n'); end >= 0; end = this.text.indexOf('done\n')) {
        this.waiting.shift()(this.text.slice(0, end));
        this.text = this.text.slice(end + 5);
      }
    });
  }

  say(statement) {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.child.stdin.write(`${statement};\n\\echo done\n`);
    });
  }

  close() {
    this.child.stdin.end();
    return new Promise((resolve) => { this.child.on('close', resolve); });
  }
}

// ---- buyers and events ------------------------------------------------------------------------

// Accounts with a password that nobody knows.
function accounts(count, role) {
  const ids = Array.from({ length: count }, () => randomUUID());
  sql(`insert into holdfast.users (user_id, email, password_hash, role)
    select id, id || '@race.test', '$y$j9T$nobody/knows/the/password/of/this', '${role}'
      from unnest('{${ids}}'::uuid[]) as id`);
  return ids.map((id) => ({ id, token: tokenFor(id, role) }));
}

const buyers = (count) => accounts(count, 'user');

let organizer;

// An event with `seats` numbered seats in section S (ids as in `seat`), `places` of general
// admission in section G, or both; what else an event may have in `more`.
async function eventWith({ seats = 0, places = 0, ...more }) {
  organizer ??= accounts(1, 'organizer')[0];
  const sections = [];
  if (seats) {
    sections.push({ name: 'S', kind: 'seated', base_price: 1500, rows: [{ row: 'A', seats }] });
  }
  if (places) sections.push({ name: 'G', kind: 'ga', capacity: places, base_price: 1000 });
  const answer = await call('POST', '/admin/events', {
    token: tokenFor(organizer.id, 'organizer'), // a long run outlives a token
    body: { title: 'Race', event_date: '2999-01-01', sections, ...more },
  });
  assert.equal(answer.status, 201, answer.text);
  return Number(answer.body.event_id);
}

const seat = (number) => `S-A-${number}`;
const seatNumber = (id) => Number(id.split('-').pop());

const hold = (buyer, event, numbers, key) => ({
  method: 'POST',
  where: '/bookings/hold',
  token: buyer.token,
  key,
  body: { event_id: String(event), seat_ids: numbers.map(seat) },
});
const holdPlaces = (buyer, event, quantity, key) => ({
  method: 'POST',
  where: '/bookings/hold',
  token: buyer.token,
  key,
  body: { event_id: String(event), section_id: 'G', seats_requested: quantity },
});
const move = (buyer, verb, booking, key) => ({
  method: 'POST', where: `/bookings/${booking}/${verb}`, token: buyer.token, key, body: {},
});
const send = ({ method, where, ...options }) => call(method, where, options);
const insist = ({ method, where, ...options }) => callUntilDefinite(method, where, options);

// ---- running ----------------------------------------------------------------------------------

function shuffled(list) {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

const range = (count, from = 1) => Array.from({ length: count }, (_, i) => from + i);

// All at once. `disturb` is called when a fifth, two fifths … of them have been answered.
async function atOnce(tasks, disturb) {
  let settled = 0, next = 1;
  const disturbances = [];
  const answers = await Promise.all(tasks.map(async (task) => {
    const answer = await task();
    settled++;
    if (disturb && next < 5 && settled >= (tasks.length * next) / 5) {
      next++;
      disturbances.push(disturb());
    }
    return answer;
  }));
  await Promise.all(disturbances);
  return answers;
}

const sendAll = (requests, disturb) => atOnce(requests.map((one) => () => send(one)), disturb);

const counts = (answers) => {
  const out = {};
  for (const { status, slug } of answers) {
    const name = slug ? `${status} ${slug}` : `${status}`;
    out[name] = (out[name] ?? 0) + 1;
  }
  return out;
};

// ---- servers ----------------------------------------------------------------------------------

const pidOf = (name) => Number(fs.readFileSync(
  path.join(process.env.HOLDFAST_PIDS, `${name}.pid`), 'utf8'));

async function redisStop() {
  const pid = pidOf('redis');
  process.kill(pid, 'SIGKILL');
  while (fs.existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(
    fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))) await sleep(5);
}

// Until every worker has found it again.
async function redisStart() {
  stack.startRedis();
  await stack.redisFound();
}

async function redisFlush() {
  const redis = new Redis();
  await redis.call('FLUSHALL');
  redis.close();
}

// The processes of a pool. A worker may end while this looks.
function workers(pool) {
  const parent = pidOf(pool);
  return fs.readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && Number(/\) \S (\d+)/.exec(
        fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))[1]) === parent;
    } catch {
      return false;
    }
  }).map(Number);
}

const program = (name, ...args) => run(path.join(process.env.HOLDFAST_BIN, `holdfast-${name}`),
  ['--config', process.env.HOLDFAST_CONF, ...args]);

// Writes what Redis keeps of an event, so that a race begins with it.
const redisBuild = (event) => program('reconcile', '--event', String(event));

// ---- the end of every race --------------------------------------------------------------------

// The invariants in SQL, alone: for while Redis is away.
function booksCheck() {
  for (const [invariant, failures, first] of sql('select * from holdfast.audit() union all select * from holdfast.audit_money()')) {
    assert.equal(failures, '0', `${invariant}: ${first}`);
  }
}

// Reconcile, and then every invariant: what Redis keeps equals PostgreSQL. Entries of requests that
// were cut off are left alone by reconcile until nobody can be at work on them any more.
async function verify(events) {
  for (let tries = 1; ; tries++) {
    for (const event of events) await redisBuild(event);
    try {
      await program('verify');
      return;
    } catch (error) {
      if (tries === 6) assert.fail(`verify: ${error.stdout}${error.stderr}`);
      await sleep(1000);
    }
  }
}

// Where everybody locks in one order they do not become more. Each session tells of its own within seconds.
const deadlocks = () => Number(sql('select deadlocks from pg_stat_database where datname = current_database()')[0][0]);

// Every 2xx that a client saw is in the database: the bookings of these answers as they now are.
function bookingsOf(answers) {
  const ids = [...new Set(answers.filter((a) => a.status < 300).map((a) => a.body.booking_id))];
  const rows = new Map(sql(`select booking_id, status, user_id, total,
      array_to_string(positions, ','),
      confirmed_at is not null from holdfast.bookings
      where booking_id = any ('{${ids}}'::uuid[])`)
    .map(([id, status, user, total, positions, confirmed]) => [id, {
      id, status, user, total: Number(total), positions, confirmed: confirmed === 't',
    }]));
  for (const answer of answers.filter((a) => a.status < 300)) {
    const row = rows.get(answer.body.booking_id);
    assert.ok(row, `answered and not in the database: ${answer.text}`);
    assert.equal(row.total, answer.body.total);
    if (answer.body.status === 'CONFIRMED') assert.ok(row.confirmed, answer.text);
    if (answer.body.status === 'CANCELLED') assert.equal(row.status, 'CANCELLED');
    if (answer.body.status === 'RELEASED') assert.equal(row.status, 'RELEASED');
  }
  return rows;
}

// The three weathers that every race is run in.
const weathers = [
  { name: 'Redis up' },
  { name: 'Redis flushed in the middle', disturb: redisFlush },
  { name: 'Redis down', down: true },
];

module.exports = {
  Session, atOnce, bookingsOf, booksCheck, buyers, call, counts, deadlocks, eventWith, hold, holdPlaces, insist,
  move, pidOf, program, range, redisBuild, redisFlush, redisStart, redisStop, seat, seatNumber, send, sendAll,
  shuffled, sleep, sql, tokenFor, verify, weathers, workers,
};
