// What several parts of the benchmark measure on: made once, when the first of them asks for it.
'use strict';

const assert = require('node:assert/strict');

const crowd = require('../lib/crowd.js');
const { assertAll, here, holdSeat } = require('./drive.js');
const front = require('./front.js');
const stage = require('./stage.js');

const { env } = process;

// An event one of whose seats has somebody.
async function takenMake() {
  const event = await crowd.eventWith({
    sections: [{ name: 'S', kind: 'seated', rows: [{ row: '1', seats: 10 }] }],
  });
  const held = await crowd.send({
    ...crowd.hold(crowd.buyers(1)[0], event, []), body: { event_id: String(event), seat_ids: ['S-1-1'] },
  });
  assert.equal(held.status, 201, held.text);
  return event;
}

const ground = stage.once(async () => {
  const general = stage.eventOfPlaces();
  const answer = await fetch(`${env.HOLDFAST_URL}/api/v1/events/${general}/availability`);
  const seats = new stage.Seats();
  // Nobody measures workers that have only just begun.
  const { event, from } = await seats.take(1000);
  assertAll(await here({ from, most: 1000, seconds: 60 }, holdSeat(event)), 201);
  const file = { text: await answer.text(), headers: answer.headers };
  return {
    general,
    taken: await takenMake(),
    seats,
    empty: await front.empty(file),
    emptyQueue: await front.empty(file, 'empty-queue', Number(stage.setting('workers_queue'))),
  };
});

// Before each round: whatever emptied Redis meanwhile, the measures begin with what it keeps.
async function build(...events) {
  for (const event of events) {
    if (event) await crowd.redisBuild(event);
  }
}

module.exports = { build, ground };
