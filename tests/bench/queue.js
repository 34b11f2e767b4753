// Lines of people, for joins and polls, and what a person in line takes of Redis.
'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const fs = require('node:fs');

const crowd = require('../lib/crowd.js');
const { Redis } = require('../lib/redis.js');
const stage = require('./stage.js');

const { env } = process;
const LONG = stage.small ? 10000 : 1000000, SHORT = 1000, POLLS = 200000;
const userOf = (n) => `0000000${n % 10}-0000-4000-9000-${n.toString(16).padStart(12, '0')}`;
const scoreOf = (n) => (2 ** 34 + n) * 512;

// As app/domain/ticket.c writes it: signed under what is derived from the key that signs.
function ticket(event, user, score) {
  const file = /^jwt_keys_file = (.*)$/m.exec(fs.readFileSync(env.HOLDFAST_CONF, 'utf8'))[1];
  const secret = fs.readFileSync(file, 'utf8').split('\n')[0].split(' ')[1];
  const mac = (key, ...parts) => {
    const hmac = createHmac('sha256', key);
    for (const part of parts) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(Buffer.byteLength(part)));
      hmac.update(length).update(part);
    }
    return hmac.digest();
  };
  ticket.key ??= mac(secret, 'holdfast queue ticket 1');
  const head = Buffer.alloc(13);
  head[0] = 1;
  head.writeUInt32BE(event, 1);
  head.writeBigUInt64BE(BigInt(score), 5);
  return Buffer.concat([head, Buffer.from(user.replaceAll('-', ''), 'hex'), Buffer.from('G'),
    mac(ticket.key, String(event), String(score), user, 'G').subarray(0, 16)]).toString('base64url');
}

// An event of sections with these names that have one place each, which is sold.
async function soldOut(...names) {
  const event = await crowd.eventWith({
    sections: names.map((name) => ({ name, kind: 'ga', capacity: 1, base_price: 1000 })),
  });
  await crowd.redisBuild(event);
  const [owner] = crowd.buyers(1);
  for (const name of names) {
    const hold = crowd.holdPlaces(owner, event, 1);
    const held = await crowd.insist({ ...hold, body: { ...hold.body, section_id: name } });
    assert.equal(held.status, 201, held.text);
    await crowd.insist(crowd.move(owner, 'confirm', held.body.booking_id));
  }
  return event;
}

// A line of so many people in Redis; returns bytes a person.
async function fill(count) {
  const event = await soldOut('G');
  const [first] = crowd.buyers(1);
  const joined = await crowd.insist({ method: 'POST', where: '/queue/join', token: first.token,
    body: { event_id: String(event), section_id: 'G' } });
  assert.equal(joined.status, 202, joined.text);
  const redis = new Redis();
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.call('INFO', 'memory'))[1]);
  const before = await used();
  const key = `hf:{${event}}:q:G:line`;
  for (let n = 2; n <= count;) {
    const words = [];
    for (let i = 0; i < 5000 && n <= count; i++, n++) words.push(scoreOf(n), userOf(n));
    await redis.call('ZADD', key, ...words);
  }
  const bytes = (await used() - before) / (count - 1);
  await redis.call('HSET', `hf:{${event}}:q:G:state`, 'next', count);
  redis.close();
  return { event, bytes };
}

// Polls of people spread over the line, as lines `ID TOKEN` for the load driver.
function pollsWrite(file, event, count) {
  const some = Array.from({ length: 2000 }, (_, i) => {
    const n = 2 + Math.floor((i * (count - 2)) / 2000);
    return `${ticket(event, userOf(n), scoreOf(n))} -\n`;
  });
  fs.writeFileSync(file, Array.from({ length: POLLS / some.length }, () => some.join('')).join(''));
}

// Lines that stand still; polls of the people in them are in files `polls.long` and `polls.short`.
async function prepare(files) {
  const long = await fill(LONG), short = await fill(SHORT);
  pollsWrite(files('polls.long'), long.event, LONG);
  pollsWrite(files('polls.short'), short.event, SHORT);
  return { bytes: long.bytes };
}

module.exports = { prepare, soldOut };
