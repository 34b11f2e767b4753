// Races in which a part is killed in the middle: workers, or their sessions in PostgreSQL. Whoever
// asks again under the same key gets the right answer, and nothing is sold twice or lost.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const {
  bookingsOf, booksCheck, buyers, counts, eventWith, hold, holdPlaces, insist, move, range,
  redisBuild, redisFlush, send, sendAll, sleep, sql, verify, workers,
} = require('../lib/crowd.js');

// Something dies every few milliseconds for as long as `race` runs. Returns what that gives. The race is
// told how to wait for a death, so that a quick machine is not done before there was any.
async function during(race, kill) {
  let over = false, killed = 0;
  const killing = (async () => {
    while (!over) {
      await sleep(5 + Math.random() * 25);
      killed += await kill();
    }
  })();
  const deaths = async (n) => {
    while (killed < n) await sleep(5);
  };
  try {
    return await race(deaths);
  } finally {
    over = true;
    await killing;
    assert.ok(killed >= 2, `only ${killed} were killed`);
  }
}

// Ends one of these processes, unless it has just ended by itself.
function killOne(pids, signal) {
  const pid = pids[Math.floor(Math.random() * pids.length)];
  if (!pid) return 0;
  try {
    process.kill(pid, signal);
    return 1;
  } catch (error) {
    assert.equal(error.code, 'ESRCH');
    return 0;
  }
}

const killWorker = () => killOne(workers('booking'), 'SIGKILL');

// As pg_terminate_backend() does: the session ends at once, whatever it was at.
const killSession = () => killOne(sql(`select pid from pg_stat_activity
  where datname = current_database() and usename = 'holdfast_booking'`).map(([pid]) => Number(pid)),
'SIGTERM');

const deaths = [
  ['workers are killed', killWorker],
  ['workers are killed and Redis is flushed', async () => {
    await redisFlush();
    return killWorker();
  }],
  ['sessions of PostgreSQL are ended', killSession],
];

// Until the pool has all its workers again.
async function poolWhole(count) {
  while (workers('booking').length < count) await sleep(20);
  for (let good = 0; good < 20;) {
    const { status } = await send({ method: 'GET', where: '/readyz' });
    good = status === 200 ? good + 1 : 0;
  }
}

// Whoever asks again under the same key hears the same.
const sameAgain = (asked) => Promise.all(asked.map(async ([request, first]) => {
  assert.equal((await insist(request)).text, first.text);
}));

// Two hundred seats, each wanted by two, under keys; the winners confirm, some cancel.
async function wholeWay(event, crowd, deaths) {
  return Promise.all(crowd.map(async (buyer, i) => {
    const request = hold(buyer, event, [1 + (i % 100)], `hold-${i}`);
    const held = await insist(request);
    const mine = [held];
    if (held.status === 201) {
      const { booking_id: id } = held.body;
      if (i % 2 === 0) await deaths(1);
      mine.push(await insist(move(buyer, 'confirm', id, `confirm-${i}`)));
      if (i % 8 === 0) await deaths(2);
      if (i % 4 === 0) mine.push(await insist(move(buyer, 'cancel', id, `cancel-${i}`)));
    }
    return mine;
  }));
}

for (const [name, kill] of deaths) {
  test(`${name}: each seat goes to one of two, who confirms it`, async () => {
    const event = await eventWith({ seats: 100 });
    const size = workers('booking').length;
    await redisBuild(event);
    const crowd = buyers(200);
    const answers = await during((deaths) => wholeWay(event, crowd, deaths), kill);
    await poolWhole(size);

    for (const seat of range(100, 0)) {
      const pair = [answers[seat], answers[seat + 100]];
      const won = pair.filter(([held]) => held.status === 201);
      const cancelled = pair.some((mine) => mine.length === 3);
      assert.ok(won.length === 1 || (won.length === 2 && cancelled),
        `seat ${seat + 1}: ${pair.map(([held]) => `${held.status} ${held.text}`)}`);
      for (const [held, confirmed, gone] of pair) {
        if (held.status !== 201) assert.equal(held.slug, 'seats-unavailable', held.text);
        else assert.equal(confirmed.status, 200, confirmed.text);
        if (gone) assert.equal(gone.status, 200, gone.text);
      }
    }
    bookingsOf(answers.flatMap((mine) => mine.slice(-1)));
    // One key, one effect: no buyer has two bookings.
    assert.deepEqual(sql(`select user_id from holdfast.bookings where event_id = ${event}
      group by user_id having count(*) > 1`), []);
    await sameAgain(answers.flatMap(([held, confirmed], i) => (held.status === 201 ? [
      [hold(crowd[i], event, [1 + (i % 100)], `hold-${i}`), held],
      [move(crowd[i], 'confirm', held.body.booking_id, `confirm-${i}`), confirmed],
    ] : [])));
    booksCheck();
    await verify([event]);
  });

  test(`${name}: a section of 50 sells 50 places`, async () => {
    const event = await eventWith({ places: 50 });
    const size = workers('booking').length;
    await redisBuild(event);
    const crowd = buyers(300);
    const answers = await during((deaths) => Promise.all(crowd.map(async (buyer, i) => {
      await deaths(i % 3);
      return insist(holdPlaces(buyer, event, 1, `hold-${i}`));
    })), kill);
    await poolWhole(size);

    for (const a of answers) if (a.status !== 201) assert.equal(a.slug, 'sold-out', a.text);
    bookingsOf(answers);
    const won = counts(answers)[201];
    const [[places]] = sql(`select taken from holdfast.ga_counts where event_id = ${event}`);
    // A take in Redis whose worker was killed before PostgreSQL heard of it stands until reconcile.
    assert.equal(Number(places), won);
    await sameAgain(answers.flatMap((first, i) => (first.status === 201
      ? [[holdPlaces(crowd[i], event, 1, `hold-${i}`), first]] : [])));
    booksCheck();
    await verify([event]);
    const rest = await sendAll(buyers(20).map((buyer) => holdPlaces(buyer, event, 1)));
    assert.equal(won + (counts(rest)[201] ?? 0), 50);
  });
}
