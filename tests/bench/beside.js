// What those who buy notice of what else goes on: the janitor at work, ten thousand who watch.
'use strict';

const { here, holdPlace, holdSeat } = require('./drive.js');
const { build, ground } = require('./ground.js');
const janitor = require('./janitor.js');
const live = require('./live.js');
const stage = require('./stage.js');

const { small, seconds } = stage;

async function measure(progress) {
  const { general } = await ground();
  const event = stage.eventOfAll();
  // Holds of numbered seats from a place on and in general admission, half and half.
  const ended = await janitor.meanwhile((from) => here({ from, seconds: 3 * seconds }, holdSeat(event), holdPlace(event)),
    event, stage.userIds, small ? 2000 : 100000);
  progress.step();
  await build(general);
  const watched = await live.beside(() => here({ seconds: 2 * seconds }, holdPlace(general)), general,
    small ? { count: 100, rounds: 1 } : {});
  progress.step();
  return { janitor: ended, live: watched };
}

module.exports = { measure, ownRounds: true, each: () => null, seconds: (rounds, each) => 40 + 20 * each, steps: () => 2 };
