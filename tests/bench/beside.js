// What those who buy notice of what else goes on: the janitor at work, ten thousand who watch.
'use strict';

const { here, holdPlace, holdSeat } = require('./drive.js');
const { build, ground } = require('./ground.js');
const janitor = require('./janitor.js');
const live = require('./live.js');
const stage = require('./stage.js');

const { rounds, small, seconds } = stage;

async function measure(progress) {
  const { general } = await ground();
  const ended = [];
  for (let i = 0; i < rounds; i++) {
    const event = stage.eventOfAll();
    // Holds of numbered seats from a place on and in general admission, half and half.
    ended.push(await janitor.meanwhile((from) => here({ from, seconds: 2 * seconds }, holdSeat(event), holdPlace(event)),
      event, stage.userIds, small ? 2000 : 20000));
  }
  progress.step();
  await build(general);
  const watched = await live.beside(() => here({ seconds: 2 * seconds }, holdPlace(general)), general,
    { count: small ? 100 : 10000, rounds });
  progress.step();
  return { janitor: ended, live: watched };
}

module.exports = { measure, each: () => null, seconds: (turns, each) => turns * (10 + 8 * each), steps: () => 2 };
