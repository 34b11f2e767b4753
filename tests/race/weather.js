// Runs the races of a file in each weather: Redis up, flushed in the middle, down. Each race gets a
// fresh event and ends with the books checked; once Redis is back, with holdfast-verify. One that
// never lets Redis be flushed has not been run in that weather. Where everybody locks in one order, there
// are no deadlocks in all of them together.
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const crowd = require('../lib/crowd.js');

// races: [name, what the event has, async (event, disturb) => answers]
function inEachWeather(races) {
  const deadlocks = crowd.deadlocks();

  after(() => assert.equal(crowd.deadlocks(), deadlocks, 'everybody locks in one order'));
  for (const weather of crowd.weathers) {
    describe(weather.name, () => {
      const events = [];

      if (weather.down) {
        before(crowd.redisStop);
        after(async () => {
          await crowd.redisStart();
          await crowd.verify(events);
        });
      }
      for (const [name, what, race] of races) {
        test(name, async () => {
          const event = await crowd.eventWith(what);
          let disturbed = 0;
          const disturb = weather.disturb && (() => {
            disturbed++;
            return weather.disturb();
          });

          events.push(event);
          if (!weather.down) await crowd.redisBuild(event);
          await race(event, disturb);
          assert.equal(disturbed > 0, Boolean(disturb), 'Redis was flushed');
          crowd.booksCheck();
          if (!weather.down) await crowd.verify([event]);
        });
      }
    });
  }
}

module.exports = { inEachWeather };
