// The drivers: requests over HTTP, statements of PostgreSQL, scripts of Redis, hashes; each as fast as
// answers come, or requests at a rate that is asked for.
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');

const crowd = require('../lib/crowd.js');
const stage = require('./stage.js');

const run = promisify(execFile);
const { env } = process;
const { files, seconds, workers } = stage;

// ---- requests ---------------------------------------------------------------------------------

// The longest that anybody has waited for an answer, and for what; apart from runs in which so many ask at
// once that they wait for each other.
const longest = { few: { us: 0 }, many: { us: 0 } };
const MANY = 256;

function longestNote(answer, connections, request, whole) {
  const kind = connections > MANY ? 'many' : 'few';
  if (answer.max_us > longest[kind].us) {
    const [, method, where] = request.split(' ');
    longest[kind] = { us: answer.max_us, what: `${method} ${where.replace('/api/v1', '')}${whole ? ' and what follows' : ''}`,
      connections };
  }
}

// options: those of the driver; without a number of connections as many as usual. anonymous: no tokens.
// aside: nothing is measured, so that nobody's waiting is noted.
async function load(port, options, ...requests) {
  const { anonymous, aside, connections = stage.connections, ...others } = options;
  const args = ['requests', '--port', port, '--connections', connections,
    ...(anonymous ? [] : ['--tokens', files('tokens')]),
    ...Object.entries({ seconds, ...others }).flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, value])),
    ...requests.flatMap((one) => ['--request', one])];
  // It ends with 1 where a request was lost, and says so.
  const { stdout } = await run(path.join(env.HOLDFAST_BIN, 'holdfast-loadgen'), args.map(String))
    .catch((error) => (error.code === 1 && error.stdout ? error : Promise.reject(error)));
  const answer = JSON.parse(stdout);
  // Of a chain at a rate its whole time is known, which is more than that of each request.
  if (!aside) longestNote(answer, connections, requests[0], others.chain && others.rate);
  return answer;
}

const here = (...args) => load(stage.port, ...args);

const holdSeat = (event) => '1 POST /api/v1/bookings/hold '
  + `{"event_id":"${event}","seat_ids":["S-{row}-{seat}"]}`;
const holdTaken = (event) => `1 POST /api/v1/bookings/hold {"event_id":"${event}","seat_ids":["S-1-1"]}`;
const holdPlace = (event, weight = 1) => `${weight} POST /api/v1/bookings/hold `
  + `{"event_id":"${event}","section_id":"G","seats_requested":1}`;
const move = (verb) => `1 POST /api/v1/bookings/{id}/${verb} {}`;
const read = (event, below) => `1 GET /api/v1/events/${event}/${below} `;

function assertAll(answer, ...statuses) {
  assert.equal(answer.lost, 0, JSON.stringify(answer));
  assert.deepEqual(Object.keys(answer.statuses), statuses.map(String), JSON.stringify(answer));
  return answer;
}

// How many were sent, those included that were answered after the end.
const sent = (answer) => stage.sum(Object.values(answer.statuses));

// ---- PostgreSQL -------------------------------------------------------------------------------

// Statements under the role of the pool, with as many sessions as the pool has workers. `most`: as many as
// that of each session, and not for so long.
async function pgbench(texts, from, each, most) {
  const script = files('statement.sql');
  fs.writeFileSync(script, [
    'set n :n + 1',
    `set at ${from} + :client_id * ${each} + :n`,
    `set user :at % ${stage.users}`,
    'set row :at / 1000 + 1',
    'set seat :at % 1000 + 1',
  ].map((line) => `\\${line}\n`).join('') + texts.map((text) => `${text.replaceAll('\n', ' ')};\n`).join(''));
  const url = env.DATABASE_URL.replace('//holdfast_owner@', '//holdfast_booking@');
  const { stdout } = await run('pgbench', ['-n', '-M', 'prepared', '-c', workers, '-j', 1,
    ...(most ? ['-t', most] : ['-T', Math.max(1, Math.round(seconds))]), '-D', 'n=-1', '-f', script, url]
    .map(String));
  assert.match(stdout, /number of failed transactions: 0 /);
  const [, done] = /transactions actually processed: (\d+)/.exec(stdout);
  return { rate: Number(/tps = ([\d.]+) \(without/.exec(stdout)[1]), count: Number(done) };
}

const uuidOf = (head, number) => `('${head}' || lpad(to_hex(:${number}::int), 12, '0'))::uuid`;
const bookingOf = (event) => uuidOf(`${stage.eventHex(event)}-0000-8000-8000-`, 'at');
const userOf = uuidOf('00000000-0000-4000-8000-', 'user');
const statement = (call) => `select outcome, positions, (booking).* from holdfast.${call}`;

const statements = {
  hold: (event) => [statement(`hold(${event}, ${userOf}, ${bookingOf(event)}, null,
    null, false, false, array['S-' || :row::int || '-' || :seat::int], '{}', '{}', 86400, 10, 0)`)],
  confirm: (event) => [statement(`confirm(${event}, ${bookingOf(event)}, ${userOf}, null, null, false)`)],
  // And what makes it durable.
  cancel: (event) => [statement(`cancel(${event}, ${bookingOf(event)}, ${userOf}, null, null, false, null, null,
    null, null)`), "select pg_logical_emit_message(true, 'holdfast', '')"],
};

// ---- Redis ------------------------------------------------------------------------------------

const redisCli = async (...words) =>
  (await run('redis-cli', ['-s', env.REDIS_SOCKET, ...words])).stdout.trim();

const redisBytes = async () => Number(/used_memory:(\d+)/.exec(await redisCli('INFO', 'memory'))[1]);

// Under what word Redis keeps what it was told: as the workers say it.
const stamp = async () => {
  const info = await redisCli('INFO', 'server');
  const [[started]] = crowd.sql(`set datestyle = 'ISO'; set timezone = 'UTC';
    select pg_postmaster_start_time()`);
  return `${/run_id:(\w+)/.exec(info)[1]} ${started}`;
};

async function script(time, from, ...words) {
  const { stdout } = await run(path.join(stage.out, 'script'),
    [env.REDIS_SOCKET, workers, time, from, ...words].map(String));
  return JSON.parse(stdout);
}

// ---- hashes -----------------------------------------------------------------------------------

// Passwords hashed a second by as many processes as the pool of accounts has.
async function hashes() {
  const { stdout } = await run(path.join(stage.out, 'hash'),
    [stage.setting('workers_accounts'), seconds, stage.setting('password_cost')].map(String));
  return JSON.parse(stdout).rate;
}

module.exports = {
  assertAll, hashes, here, holdPlace, holdSeat, holdTaken, load, longest, move, pgbench, read, redisBytes,
  redisCli, script, sent, stamp, statements,
};
