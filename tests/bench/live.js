// What those who watch cost those who book: holds alone, and while so many streams are told of each
// change of the same event.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const crowd = require('../lib/crowd.js');

const env = process.env;

const residentKb = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const residentOf = (name) => crowd.workers(name).reduce((sum, pid) => sum + residentKb(pid), 0);

// The streams, open; close() says what has come.
async function streams(event, count) {
  const child = spawn(path.join(env.BUILD, 'bench/watch'), ['--port', new URL(env.HOLDFAST_URL).port,
    '--path', `/api/v1/events/${event}/stream`, '--streams', count].map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? 'null');
  assert.equal((await next())?.opened, count);
  return {
    close() {
      child.stdin.end();
      return next();
    },
  };
}

// load(): holds of places of the event, for some seconds. Turn by turn, so that what else the machine does
// falls on both alike.
async function beside(load, event, { count, rounds }) {
  const all = [];
  const kb = { live: residentOf('live'), nginx: residentOf('nginx') };
  for (let i = 0; i < rounds; i++) {
    const alone = await load();
    const watching = await streams(event, count);
    const busy = await load();
    const told = await (async () => {
      await crowd.sleep(1500); // the last change
      return watching.close();
    })();
    for (const one of [alone, busy]) assert.deepEqual(Object.keys(one.statuses), ['201'], JSON.stringify(one));
    assert.equal(told.ended, 0);
    assert.ok(told.notices >= count * Math.floor(busy.seconds), JSON.stringify(told));
    all.push({
      alone: alone.rate, beside: busy.rate, ratio: busy.rate / alone.rate, p99_ms: told.p99_ms, worst_ms: told.worst_ms,
      live_kb: residentOf('live') - kb.live, nginx_kb: residentOf('nginx') - kb.nginx,
    });
  }
  return { count, rounds: all };
}

module.exports = { beside };
