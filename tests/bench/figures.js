// What was measured, summed up: medians with their spread, ratios of one round, and the targets.
'use strict';

const rates = [
  ['empty', 'empty worker behind nginx, asked for a hold'],
  ['empty_hold', 'the same, by turns with the holds that win'],
  ['empty_move', 'the same, asked for a confirm'],
  ['empty_read', 'the same, asked for the availability'],
  ['empty_join', 'the same, asked for a place in a line'],
  ['empty_poll', 'the same, asked how a place stands'],
  ['empty_join_few', 'empty workers, as many as the pool queue has, asked for a place in a line'],
  ['empty_poll_few', 'the same, asked how a place stands'],
  ['losing', 'hold of a taken seat (409)'],
  ['take', 'script of a hold alone'],
  ['hold_statement', 'statement of a hold alone'],
  ['hold', 'hold of distinct numbered seats'],
  ['hold_key', 'the same, each under a key of its own'],
  ['general', 'hold in one general-admission section'],
  ['general_cancels', 'the same with 20 % cancels'],
  ['put', 'script of a confirm alone'],
  ['confirm_statement', 'statement of a confirm alone'],
  ['confirm', 'confirm'],
  ['confirm_key', 'the same, each under a key of its own'],
  ['drop', 'script of a cancel alone'],
  ['cancel_statement', 'statements of a cancel alone'],
  ['cancel', 'cancel'],
  ['purchase', 'whole purchase: availability, hold, confirm'],
  ['map', 'live map of 50,000 seats, not out of the cache'],
  ['map_since', 'the same, what changed since a version'],
  ['map_small', 'live map of 1,000 seats, likewise'],
  ['availability', 'availability of that event, likewise'],
  ['cached', 'availability out of nginx\'s cache'],
  ['fixed', 'the same answer as a file of nginx'],
  ['queue_join', 'join of a line'],
  ['queue_again', 'the same by somebody who stands in it'],
  ['queue_status', 'poll in a line of 1,000'],
  ['queue_status_long', 'poll in a line of 1,000,000'],
  ['hash', 'passwords hashed, nothing else'],
  ['login', 'login'],
  ['plain_end', 'due bookings ended by a plain statement'],
  ['janitor', 'due bookings ended by the janitor'],
];

// What the parts allow one after the other.
const serial = (r, ...parts) => 1 / parts.reduce((sum, part) => sum + 1 / r[part], 0);

// Each rate beside its ceiling.
const ratios = [
  ['hold / serial limit of its parts', 0.85, (r) => r.hold / serial(r, 'empty_hold', 'take', 'hold_statement')],
  ['losing hold / empty worker', 0.7, (r) => r.losing / r.empty],
  ['confirm / serial limit of its parts', 0.8, (r) => r.confirm / serial(r, 'empty_move', 'put', 'confirm_statement')],
  ['one general section / distinct seats', 0.95, (r) => r.general / r.hold],
  ['the same with 20 % cancels', 0.8, (r) => r.general_cancels / r.hold],
  ['hold under a key / without one', 0, (r) => r.hold_key / r.hold],
  ['confirm under a key / without one', 0, (r) => r.confirm_key / r.confirm],
  ['cancel / serial limit of its parts', 0, (r) => r.cancel / serial(r, 'empty_move', 'drop', 'cancel_statement')],
  ['whole purchase / its calls one after the other', 0,
    (r) => r.purchase / serial(r, 'availability', 'hold', 'confirm')],
  ['availability out of the cache / as a file', 0.7, (r) => r.cached / r.fixed],
  ['availability / empty worker', 0, (r) => r.availability / r.empty_read],
  ['live map of 50,000 seats / empty worker', 0.5, (r) => r.map / r.empty_read],
  ['changes of a live map / empty worker', 0.5, (r) => r.map_since / r.empty_read],
  ['live map of 1,000 seats / empty worker', 0.5, (r) => r.map_small / r.empty_read],
  ['join of a line / empty worker', 0.5, (r) => r.queue_join / r.empty_join],
  ['join of a line / as many empty workers as the queue has', 0, (r) => r.queue_join / r.empty_join_few],
  ['join by somebody who stands in it / empty worker', 0, (r) => r.queue_again / r.empty_join],
  ['poll in a line / empty worker', 0.5, (r) => r.queue_status / r.empty_poll],
  ['poll in a line / as many empty workers as the queue has', 0, (r) => r.queue_status / r.empty_poll_few],
  ['poll in a line of 1,000,000 / of 1,000', 0.9, (r) => r.queue_status_long / r.queue_status],
  ['200 bytes of Redis / a person in line', 1, (r) => 200 / r.queue_bytes],
  ['login / hashes alone', 0, (r) => r.login / r.hash],
  ['janitor, Redis too / one plain statement', 0.25, (r) => r.janitor / r.plain_end],
];

const calls = {
  empty: 'empty worker', losing: 'losing hold', hold: 'hold', general: 'general admission', confirm: 'confirm',
  cancel: 'cancel', purchase: 'whole purchase', availability: 'availability', cached: 'availability out of the cache',
  login: 'login',
};
const bounded = ['losing', 'hold', 'general', 'confirm'];
const ENOUGH = 3000; // requests of all rounds, to tell of the slowest of a thousand

function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2,
    least: sorted[0],
    most: sorted.at(-1),
  };
}

// A figure with its target, and whether its median has reached it.
const judged = (name, { atLeast, atMost }, values) => {
  const found = summary(values);
  const target = atLeast ?? atMost;
  return { name, target, atMost: atMost !== undefined, ...found,
    met: target ? (atMost === undefined ? found.median >= atLeast : found.median <= atMost) : undefined };
};

const sumRates = (rounds) => ({
  rates: rates.map(([key, name]) => ({ name, ...summary(rounds.map((r) => r[key])) })),
  ratios: ratios.map(([name, target, of]) => judged(name, { atLeast: target }, rounds.map(of))),
});

// Of all runs together, in milliseconds: one of them has too few requests of most calls. Each has pairs of
// microseconds and how many requests took so long.
function slowest(runs) {
  const cells = runs.flatMap((run) => run.histogram).sort(([a], [b]) => a - b);
  const count = cells.reduce((sum, [, requests]) => sum + requests, 0);
  let seen = 0;
  return count < ENOUGH ? null : cells.find(([, requests]) => (seen += requests) >= 0.999 * count)[0] / 1000;
}

// For each call and load the percentiles, and how far the slowest of a hundred is from the middle.
function sumLatency(rounds) {
  const rows = [], known = Object.entries(calls).filter(([key]) => rounds.every((r) => r[key]));
  for (const [key, name] of known) {
    for (const load of [50, 80]) {
      const runs = rounds.map((r) => r[key][load]);
      const of = (field) => summary(runs.map((run) => run[field] / 1000));
      rows.push({ name, load, rate: summary(runs.map((run) => run.rate)), p50: of('p50_us'), p99: of('p99_us'),
        p999: slowest(runs), max: of('max_us') });
    }
  }
  return {
    rows,
    ratios: known.map(([key, name]) => judged(`p99 at 50 % load / p50: ${name}`,
      bounded.includes(key) ? { atMost: 5 } : {}, rounds.map((r) => r[key][50].p99_us / r[key][50].p50_us))),
  };
}

const series = { hold: 'hold', confirm: 'confirm' };

// One curve of one call. fall: the most that a later point is below an earlier one, by the ratios of one round.
function sumCurve({ name, points, values }, call) {
  const of = (point, round) => values[point][round][call];
  const against = (point, other) => values[point].map((_, round) => of(point, round) / of(other, round));
  let fall = { values: [1], from: 0, to: 0 };
  for (const to of points.keys()) {
    for (let from = 0; from < to; from++) {
      const found = against(to, from);
      if (summary(found).median < summary(fall.values).median || fall.to === 0) fall = { values: found, from, to };
    }
  }
  const failed = points.map((_, i) => values[i].reduce((sum, one) => sum + (one.failed ?? 0), 0));
  const judgement = judged(`${series[call]}s by ${name}, lowest later point`, { atLeast: 0.9 }, fall.values);
  return {
    name, call: series[call], points, failed,
    rates: points.map((_, i) => summary(values[i].map((one) => one[call]))),
    relative: points.map((_, i) => summary(against(i, 0))),
    p99: values[0][0].p99_us && call === 'hold'
      ? points.map((_, i) => summary(values[i].map((one) => one.p99_us / 1000))) : null,
    fall: { ...judgement, met: judgement.met && failed.every((n) => n === 0), from: points[fall.from], to: points[fall.to] },
  };
}

const sumGrowth = (curves) => curves.flatMap((curve) => Object.keys(series)
  .filter((call) => curve.values[0][0][call] !== undefined).map((call) => sumCurve(curve, call)));

function sumCost({ rounds, ...others }) {
  const of = (what, field) => summary(rounds.map((r) => r[what][field]));
  const moves = ['hold', 'confirm', 'cancel'].map((name) => ({ name, wal: of(name, 'wal'), syncs: of(name, 'syncs'),
    images: of(name, 'images'), redis: of(name, 'redis') }));
  return { ...others, moves, seat: of('seat', 'redis') };
}

function sumBeside({ janitor, live: { count, rounds } }) {
  const of = (field, each = 1) => rounds.map((r) => r[field] / each);
  const ended = (field) => summary(janitor.map((r) => r[field]));
  return {
    janitor: { due: janitor[0].due, rounds: janitor.length, rate: ended('rate'), beside_p99_ms: ended('beside_p99_ms'),
      alone_p99_ms: ended('alone_p99_ms'), longest_ms: ended('longest_ms').most },
    live: { count, rounds: rounds.length,
      ratio: judged('holds while 10,000 watch / without', { atLeast: 0.75 }, of('ratio')),
      p99: judged('p99 of what they are told, in seconds', { atMost: 2 }, of('p99_ms', 1000)),
      live_mb: summary(of('live_kb', 1024)), nginx_mb: summary(of('nginx_kb', 1024)) },
  };
}

// Each value of a setting, and the ratios to the one that is shipped, which is the first.
const sumSettings = (settings) => settings.map(({ name, rows }) => ({
  name,
  rows: rows.map(({ value, rounds }) => ({
    value,
    calls: ['hold', 'confirm', 'losing'].map((call) => ({
      rate: summary(rounds.map((one) => one[call])),
      ratio: summary(rounds.map((one, i) => one[call] / rows[0].rounds[i][call])),
    })),
  })),
}));

// The longest request of all that was measured, in seconds.
function sumLongest(parts) {
  const worst = (kind) => Object.values(parts).map((part) => part.longest[kind])
    .reduce((a, b) => (b.us > a.us ? b : a), { us: 0 });
  return [['few', 'longest request, in seconds'], ['many', 'the same where more than 256 ask at once']]
    .map(([kind, name]) => ({ ...judged(name, { atMost: 1 }, [worst(kind).us / 1e6]), single: true, of: worst(kind) }))
    .filter((one) => one.of.us > 0);
}

// All of a report's parts: {rates, latency, growth, cost, beside, settings}, those that there are.
function sums(parts) {
  const all = {};
  const found = (name, of) => { if (parts[name]) all[name] = of(parts[name].result); };
  found('rates', sumRates);
  found('latency', sumLatency);
  found('growth', sumGrowth);
  found('cost', sumCost);
  found('beside', sumBeside);
  found('settings', sumSettings);
  all.longest = sumLongest(parts);
  return all;
}

// Everything that has a target.
const targets = (all) => [
  ...(all.rates?.ratios ?? []), ...(all.latency?.ratios ?? []), ...(all.growth ?? []).map((curve) => curve.fall),
  ...(all.beside ? [all.beside.live.ratio, all.beside.live.p99] : []), ...all.longest,
].filter((one) => one.target);

module.exports = { sums, targets };
