// A line as Redis keeps it, and its scripts one by one: without any server beside Redis.
'use strict';

const { Redis } = require('./redis.js');

function lineOf(event) {
  const P = `hf:{${event}}`, Q = `${P}:q:GA`;
  const STAMP = 'run started', RUN = 'run';
  const redis = new Redis();
  const booking = (n) => `00012cca-0000-8000-8000-${String(n).padStart(12, '0')}`;
  const score = (epoch, number, quantity = 1) => ((epoch * 2 ** 34) + number) * 512 + quantity - 1;

  const clear = async () => {
    const keys = await redis.call('KEYS', `${P}*`);
    if (keys.length) await redis.call('DEL', ...keys);
  };

  // An event of a section GA of five places and one of seats S0 … S5, S5 not for sale, and a line of GA.
  async function build(meta = {}) {
    await clear();
    await redis.script('fence', [P], [STAMP, 'e0', 60000]);
    const step = (...args) => redis.script('install', [P], ['e0', ...args]);
    await step('clear');
    await step('ids', 0, ...Array.from({ length: 6 }, (_, i) => `S${i}`));
    await step('seats', 'aaaaax');
    await step('capacity', 'GA', 5);
    await step('finish', ...Object.entries({
      stamp: STAMP, offset: 0, from: 0, until: 9e15, hold: 0, max: 4, seats: 6, complete: 0,
      sections: 'S|seated|5|0-5\nGA|ga|5|', ...meta,
    }).flat());
    await step('release');
  }

  const script = (name, ...args) => redis.script(`queue_${name}`, [P, 'limit:read:x'], args);
  // key: [its name, fingerprint]
  const join = (user, quantity = 1, { line = 'GA', trusted = 0, run = RUN, max = 10, pass = '', key: [key, ...print] = [] } = {}) =>
    redis.script('queue_join', key ? [P, key] : [P], [line, STAMP, run, user, quantity, max, trusted, pass, ...print]);
  const begin = (epoch = 1, wait = 0, { line = 'GA', run = RUN } = {}) => script('begin', line, 'begin', run, epoch, wait);
  const status = (user, at, { run = RUN, burst = 0 } = {}) => script('status', 'GA', STAMP, run, user, at, 60, burst);
  const serve = (drive = 'd1', { line = 'GA', life = 10000, most = 50, least = 0, run = RUN, stamp = STAMP } = {}) =>
    script('serve', line, stamp, run, drive, life, most, least);
  const served = (drive, ...ends) => script('served', 'GA', drive, 0, ...ends.flat());
  const back = (user, at, { run = RUN } = {}) => script('return', 'GA', run, user, at, STAMP);
  const leave = (user, at, step = 'leave') => script('leave', 'GA', step, user, at);
  const put = (n, state, user, sections = 'GA:1') =>
    redis.script('put', [P], [STAMP, booking(n), state, user, state === 'b' ? -1 : Date.now() + 60000, '', sections]);
  const drop = (n) => redis.script('drop', [P], [STAMP, booking(n), 1]);
  const line = () => redis.call('ZRANGE', `${Q}:line`, 0, -1);
  const serving = async () => (await redis.call('HKEYS', `${Q}:serving`)).sort();
  const state = (field) => redis.call('HGET', `${Q}:state`, field);
  // Who is picked, out of an answer of serve.
  const picked = (answer) => answer.slice(5).filter((_, i) => i % 4 === 0);
  const wants = () => redis.call('HGETALL', `${Q}:wants`);
  const waits = () => redis.call('SMEMBERS', `${P}:waits`);
  const take = (n, user, seats, places = 0, keyed = 0) => redis.script('take', [P, 'limit:hold:x'],
    [STAMP, booking(n), user, keyed, 60000, 10, 60, 0, '', seats.length, ...seats, ...(places ? ['GA', places] : [])]);

  return {
    P, Q, STAMP, RUN, redis, booking, score, clear, build, script, join, begin, status, serve, served, back, leave, put,
    drop, line, serving, state, picked, wants, waits, take,
  };
}

module.exports = { lineOf };
