// An event as the filter keeps it in Redis, and its scripts one by one: without any server beside Redis.
'use strict';

const assert = require('node:assert/strict');
const { Redis } = require('./redis.js');

function filterOf(event) {
  const P = `hf:{${event}}`;
  const STAMP = 'run started';
  const LIMIT = `limit:hold:test-lua-${event}`;
  const redis = new Redis();
  const id = (n) => `00012cc9-0000-8000-8000-${String(n).padStart(12, '0')}`;

  async function clear() {
    const keys = await redis.call('KEYS', `${P}*`);
    await redis.call('DEL', LIMIT, ...keys);
  }

  let epoch = 0;

  // An event of ten seats S0 … S9 (S9 not for sale) and a section GA of five places, as rebuilt.
  async function build(meta = {}, { seats: count = 10, anew = true } = {}) {
    const e = `e${epoch--}`;
    if (anew) await clear();
    await redis.script('fence', [P], [STAMP, e, 60000]);
    const step = (...args) => redis.script('install', [P], [e, ...args]);
    assert.equal(await step('clear'), 1);
    await step('ids', 0, ...Array.from({ length: count }, (_, i) => `S${i}`));
    await step('seats', 'a'.repeat(count - 1));
    await step('seats', 'x');
    await step('capacity', 'GA', 5);
    const fields = {
      stamp: STAMP, offset: 0, from: 0, until: 9e15, hold: 0, max: 0, seats: count, complete: 0,
      sections: `S|seated|${count - 1}|0-${count - 1}\nGA|ga|5|`, shown: '1|1|700,500', ...meta,
    };
    await step('finish', ...Object.entries(fields).flat());
    await step('release');
  }

  // Sixty seats: of fewer, ten changes are told no shorter than all of it.
  const big = (anew = true) => build({}, { seats: 60, anew });

  const takeAs = (n, seats, sections = [], { user = `u${n}`, keyed = 0, hold = 60000, burst = 0, pass = '' } = {}) =>
    redis.script('take', [P, LIMIT], [STAMP, id(n), user, keyed, hold, 10, 60, burst, pass, seats.length,
      ...seats, ...sections]);
  // Without what stands for the take, which is of the moment.
  const take = async (...args) => {
    const answer = await takeAs(...args);
    return answer[0] === 'taken' ? answer.filter((_, i) => i !== 2) : answer;
  };
  const put = (n, state, deadline, positions, sections = '', user = `u${n}`) =>
    redis.script('put', [P], [STAMP, id(n), state, user, deadline, positions, sections]);
  const drop = (n, ended = 1, taken = '') => redis.script('drop', [P], [STAMP, id(n), ended, taken]);
  const seats = () => redis.call('GET', `${P}:seats`);
  const owner = (p) => redis.call('HGET', `${P}:owner`, p);
  const held = async (s) => Number((await redis.call('HGET', `${P}:count`, `h:${s}`)) ?? 0);
  const sold = async (s) => Number((await redis.call('HGET', `${P}:count`, `b:${s}`)) ?? 0);

  // The deadline of a booking is moved into the past, in the entry and in the set alike.
  async function makeDue(n) {
    const entry = (await redis.call('HGET', `${P}:entry`, id(n))).split('|');
    entry[2] = '1';
    await redis.call('HSET', `${P}:entry`, id(n), entry.join('|'));
    await redis.call('ZADD', `${P}:due`, 1, id(n));
  }

  return {
    P, STAMP, LIMIT, redis, id, clear, build, big, takeAs, take, put, drop, seats, owner, held, sold, makeDue,
  };
}

module.exports = { filterOf };
