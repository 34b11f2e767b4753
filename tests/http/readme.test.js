/*
 * The README is true: its five minutes with curl, run as they stand there against the demo.
 */
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { execFileSync } = require('node:child_process');

const { HOLDFAST_URL, HOLDFAST_BIN, HOLDFAST_CONF } = process.env;

/* The shell blocks under the heading, with the address of this stack and a newline after each answer. */
function walk() {
  const text = fs.readFileSync(path.join(__dirname, '../../README.md'), 'utf8');
  const part = text.split(/^## /m).find((p) => p.startsWith('Five minutes with curl'));
  const blocks = [...part.matchAll(/^```sh\n(.*?)^```$/gms)].map((m) => m[1]);
  assert.ok(blocks.length >= 4, 'the README has its blocks');
  return blocks
    .join('')
    .replace(/^URL=http:\/\/127\.0\.0\.1:8080/m, `URL=${HOLDFAST_URL}`)
    .replace(/curl -s/g, "curl -s -w '\\n'");
}

test('the five minutes of the README', () => {
  execFileSync(path.join(HOLDFAST_BIN, 'holdfast-demo'), ['--config', HOLDFAST_CONF], {
    input: 'a demo password\n',
    env: { PATH: process.env.PATH },
  });
  const out = execFileSync('bash', ['-euo', 'pipefail', '-c', walk()], { encoding: 'utf8' });
  const answers = out.trim().split('\n').map((line) => JSON.parse(line));
  const [ann, events, seats, play, gig, bob, refused, confirmed, , history, cancelled, free, after] =
    answers;

  assert.equal(answers.length, 13);
  assert.equal(ann.role, 'user');
  assert.ok(events.items.length >= 4);
  assert.equal(seats.items.length, 3);
  assert.equal(play.sections.find((s) => s.section_id === 'STALLS').held, 2);
  assert.equal(gig.sections.find((s) => s.section_id === 'FLOOR').held, 3);
  assert.equal(bob.email, 'bob@example.test');
  assert.equal(refused.type, '/problems/seats-unavailable');
  assert.deepEqual(refused.seat_ids, ['STALLS-C-8']);
  assert.equal(confirmed.status, 'CONFIRMED');
  assert.equal(history.items.length, 2);
  assert.equal(cancelled.status, 'CANCELLED');
  assert.equal(free.items.length, 1);
  const stalls = after.sections.find((s) => s.section_id === 'STALLS');
  assert.equal(stalls.available, stalls.capacity);
});
