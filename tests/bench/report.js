// The benchmark's report: what was measured as it was, the tables, and the pictures.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { sums, targets } = require('./figures.js');
const picture = require('./picture.js');

const whole = (n) => Math.round(n).toLocaleString('en-US');
const share = (n) => n.toFixed(2);
const ms = (n) => (n < 10 ? n.toFixed(1) : whole(n));

const row = (...cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [
  row(...head), row('---', ...head.slice(1).map(() => '---:')), ...rows.map((cells) => row(...cells)), '',
];
const spread = ({ median, least, most }, show) => [median, least, most].map(show);
const range = ({ median, least, most }, show) => `${show(median)} (${show(least)}–${show(most)})`;

const fileOf = (dir) => path.join(dir, 'report.json');
const load = (dir) => (fs.existsSync(fileOf(dir)) ? JSON.parse(fs.readFileSync(fileOf(dir), 'utf8')) : {});

// Keeps what was measured in one part, beside what others have.
function save(dir, name, part) {
  fs.writeFileSync(fileOf(dir), `${JSON.stringify({ ...load(dir), [name]: part }, null, 1)}\n`);
}

// When, where and how a part was measured.
const times = (n, what) => `${whole(n)} ${what}${n === 1 ? '' : 's'}`;
const aboutText = ({ about }) => `${about.date}, commit ${about.commit}`
  + `${about.rounds ? `, ${times(about.rounds, 'round')}` : ''}`
  + `${about.seconds ? `, measures of ${about.seconds} s` : ''}${about.small ? ', smallest sizes (not for the record)' : ''}`;

function machineText(parts) {
  const { about } = Object.values(parts)[0];
  return `${about.machine}, all on one machine: nginx, ${about.workers} workers, Redis, PostgreSQL, and a load `
    + `driver with ${about.connections} connections.`;
}

const targetText = (one) => (one.target ? `${one.atMost ? '≤' : '≥'} ${share(one.target)}` : '');
const metText = ({ met }) => (met === undefined ? '' : met ? 'ok' : '**missed**');
const judgedRow = (one) => [one.name, targetText(one), ...(one.single ? ['', '', share(one.most)] : spread(one, share)),
  metText(one)];
const judgedHead = ['ratio of one round', 'target', 'median', 'least', 'most', ''];

function targetTable(all) {
  const list = targets(all);
  const missed = list.filter((one) => !one.met);
  return [
    ...table(['what', ...judgedHead.slice(1)], list.map(judgedRow)),
    missed.length ? `Not reached in this run: ${missed.map((one) => `${one.name} (${share(one.median)})`).join('; ')}.`
      : 'Every target was reached in this run.',
    '',
  ];
}

const sections = {
  rates: ({ rates: { rates, ratios } }) => [
    ...table(['a second', 'median', 'least', 'most'], rates.map((r) => [r.name, ...spread(r, whole)])),
    ...table(judgedHead, ratios.map(judgedRow)),
  ],

  latency: ({ latency: { rows, ratios } }) => [
    'Requests come at their time, whatever becomes of others; milliseconds from that time, medians of the rounds with '
      + 'least and most; p99.9 of all rounds together, where those had 3,000 requests.', '',
    ...table(['at so much of the most', 'load', 'a second', 'p50', 'p99', 'p99.9', 'longest'], rows.map((r) => [r.name,
      `${r.load} %`, whole(r.rate.median), range(r.p50, ms), range(r.p99, ms), r.p999 ? ms(r.p999) : '–',
      range(r.max, ms)])),
    ...table(judgedHead, ratios.map(judgedRow)),
  ],

  growth: ({ growth }) => growth.flatMap((curve) => [
    ...table([`${curve.call}s by ${curve.name}`, 'a second', 'least', 'most', 'beside the first', 'least', 'most',
      ...(curve.p99 ? ['p99, ms'] : [])],
    curve.points.map((x, i) => [whole(x), ...spread(curve.rates[i], whole), ...spread(curve.relative[i], share),
      ...(curve.p99 ? [ms(curve.p99[i].median)] : [])])),
    `Lowest later point: ${range(curve.fall, share)}, at ${whole(curve.fall.to)} beside ${whole(curve.fall.from)} `
      + `(wanted 0.90; ${metText(curve.fall)}).${curve.failed.map((n, i) => (n
        ? ` **${whole(n)} requests failed at ${whole(curve.points[i])}.**` : '')).join('')}`, '',
  ]),

  cost: ({ cost }) => [
    `Each of ${whole(cost.count)}, asked for by all connections at once.`, '',
    ...table(['what', 'bytes of log', 'flushes of it', 'whole pages in it', 'bytes of Redis'], cost.moves.map((r) => [
      r.name, range(r.wal, whole), range(r.syncs, share), range(r.images, share), range(r.redis, whole)])),
    `A seat of an event takes ${range(cost.seat, whole)} bytes of Redis.`, '',
    `Measured once: the largest worker has ${ms(cost.memory.before.resident_kb / 1024)} MB resident, of which `
      + `${ms(cost.memory.before.share_kb / 1024)} MB are its own or its share, and `
      + `${ms(cost.memory.after.resident_kb / 1024)} MB and ${ms(cost.memory.after.share_kb / 1024)} MB after `
      + `${whole(cost.memory.requests)} requests more to all of them.`, '',
  ],

  beside: ({ beside: { janitor, live } }) => [
    `While the janitor ended ${whole(janitor.due)} due bookings of an event (${range(janitor.rate, whole)} a second, no `
      + `transaction longer than ${whole(janitor.longest_ms)} ms), holds of the same seats and the same section had a p99 of `
      + `${range(janitor.beside_p99_ms, ms)} ms; without it ${range(janitor.alone_p99_ms, ms)} ms, by turns in `
      + `${times(janitor.rounds, 'round')}.`, '',
    `While ${whole(live.count)} streams of an event were open, its holds ran at ${range(live.ratio, share)} of their rate `
      + `without, and notices came with a p99 of ${range(live.p99, share)} s, by turns in `
      + `${times(live.rounds, 'round')}. The streams took ${range(live.live_mb, whole)} MB in the nginx that streams and `
      + `${range(live.nginx_mb, whole)} MB in that of the API.`, '',
  ],

  settings: ({ settings }) => [
    'Calls a second with the value that is shipped, the first of each, and with others: medians, and the ratio to the '
      + 'shipped one with least and most.', '',
    ...table(['setting', 'value', 'holds', 'ratio', 'confirms', 'ratio', 'losing holds', 'ratio'],
      settings.flatMap(({ name, rows }) => rows.map(({ value, calls }, i) => [i ? '' : name, value,
        ...calls.flatMap(({ rate, ratio }) => [whole(rate.median), i ? range(ratio, share) : ''])]))),
  ],
};

const titles = {
  rates: 'How many a second', latency: 'How long an answer takes', growth: 'When something grows',
  cost: 'What it costs', beside: 'Beside others', settings: 'What the settings were chosen by',
};

const longestText = (all) => all.longest.map((one) => `${one.name}: ${one.median.toFixed(2)} (${one.of.what}, `
  + `${one.of.connections} connections).`);

// The whole report, in Markdown whose headings begin at this level.
function text(parts, level = '#') {
  const all = sums(parts);
  return [
    machineText(parts), '',
    ...targetTable(all),
    ...longestText(all).flatMap((line) => [line[0].toUpperCase() + line.slice(1), '']),
    ...Object.keys(titles).filter((name) => parts[name]).flatMap((name) => [
      `${level} ${titles[name]}`, '', `${aboutText(parts[name])}.`, '', ...sections[name](all),
    ]),
  ].join('\n');
}

// What everybody should see first: the targets.
function short(parts) {
  const dates = [...new Set(Object.values(parts).map((part) => part.about.date))].sort();
  const rounds = Math.min(...Object.values(parts).map((part) => part.about.rounds ?? Infinity));
  return [`${dates.join(', ')}, ${machineText(parts)} At least ${times(rounds, 'round')}; medians, with least and most.`, '',
    ...targetTable(sums(parts))].join('\n');
}

// {name of the file: picture}
const pictures = (parts) => picture.all(sums(parts), Object.values(parts)[0].about);

// Writes everything into the directory of the benchmark; returns the text.
function write(dir) {
  const parts = load(dir);
  const report = text(parts);
  fs.writeFileSync(path.join(dir, 'report.md'), report);
  for (const [name, svg] of Object.entries(pictures(parts))) fs.writeFileSync(path.join(dir, name), svg);
  return report;
}

module.exports = { load, pictures, save, short, text, write };
