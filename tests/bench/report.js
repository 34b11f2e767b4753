// The benchmark's report: a table, the same as data, and a picture.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const rates = [
  ['empty', 'empty FastCGI worker behind nginx'],
  ['map', 'live map of 50,000 seats, not out of nginx\'s cache'],
  ['map_since', 'the same, what changed since a version'],
  ['map_small', 'live map of 1,000 seats, likewise'],
  ['availability', 'availability of that event, likewise'],
  ['cached', 'availability out of nginx\'s cache'],
  ['fixed', 'the same answer as a file of nginx'],
  ['take', 'script of a hold alone'],
  ['hold_statement', 'statement of a hold alone'],
  ['hold', 'hold of distinct numbered seats'],
  ['losing', 'hold of a taken seat (409)'],
  ['general', 'hold in one general-admission section'],
  ['general_cancels', 'the same with 20 % cancels'],
  ['queue_join', 'join of a line'],
  ['queue_status', 'poll in a line of 1,000'],
  ['queue_status_long', 'poll in a line of 1,000,000'],
  ['put', 'script of a confirm alone'],
  ['confirm_statement', 'statement of a confirm alone'],
  ['confirm', 'confirm'],
  ['plain_end', 'due bookings ended by one plain statement'],
  ['janitor', 'due bookings ended by the janitor, Redis too'],
];

// What the parts allow one after the other.
const serial = (r, ...parts) => 1 / parts.reduce((sum, part) => sum + 1 / r[part], 0);

const ratios = [
  ['availability out of the cache / as a file', 0.7, (r) => r.cached / r.fixed],
  ['hold / serial limit of its parts', 0.6,
    (r) => r.hold / serial(r, 'empty', 'take', 'hold_statement')],
  ['losing hold / empty worker', 0.5, (r) => r.losing / r.empty],
  ['live map of 50,000 seats / empty worker', 0.5, (r) => r.map / r.empty],
  ['changes of a live map / empty worker', 0.5, (r) => r.map_since / r.empty],
  ['live map of 1,000 seats / empty worker', 0.5, (r) => r.map_small / r.empty],
  ['join of a line / empty worker', 0.5, (r) => r.queue_join / r.empty],
  ['poll in a line / empty worker', 0.5, (r) => r.queue_status / r.empty],
  ['poll in a line of 1,000,000 / of 1,000', 0.9, (r) => r.queue_status_long / r.queue_status],
  ['200 bytes of Redis / a person in line', 1, (r) => 200 / r.queue_bytes],
  ['one general section / distinct seats', 0.8, (r) => r.general / r.hold],
  ['the same with 20 % cancels', 0.8, (r) => r.general_cancels / r.hold],
  ['confirm / serial limit of its parts', 0,
    (r) => r.confirm / serial(r, 'empty', 'put', 'confirm_statement')],
  ['janitor / one plain statement', 0.25, (r) => r.janitor / r.plain_end],
];

function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: (sorted[Math.floor((sorted.length - 1) / 2)]
      + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2,
    least: sorted[0],
    most: sorted.at(-1),
  };
}

function sums(rounds) {
  return {
    rates: rates.map(([key, name]) => ({ name, ...summary(rounds.map((r) => r[key])) })),
    ratios: ratios.map(([name, target, of]) => ({ name, target, ...summary(rounds.map(of)) })),
  };
}

const whole = (n) => Math.round(n).toLocaleString('en-US');
const share = (n) => n.toFixed(2);

function table(about, { rates: speed, ratios: shares }, count) {
  const { memory, janitor, live } = about;
  return [
    `${about.date}, ${about.machine}, all on one machine: nginx, ${about.workers} workers, Redis, `
      + `PostgreSQL, and a load driver with ${about.connections} connections; ${count} rounds of `
      + `${about.seconds} s each. Medians, with least and most.`,
    '',
    '| a second | median | least | most |',
    '| --- | ---: | ---: | ---: |',
    ...speed.map((r) => `| ${r.name} | ${[r.median, r.least, r.most].map(whole).join(' | ')} |`),
    '',
    '| ratio of one round | target | median | least | most |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...shares.map((r) => `| ${r.name} | ${r.target ? share(r.target) : ''} | ${share(r.median)} `
      + `| ${share(r.least)} | ${share(r.most)} |`),
    '',
    `A worker has ${(memory.after_kb / 1024).toFixed(1)} MB resident at the end`
      + `${memory.full ? ', a million requests later' : ''}, `
      + `${(memory.before_kb / 1024).toFixed(1)} MB at the start.`,
    '',
    `While the janitor ended ${whole(janitor.due)} due bookings of an event (${whole(janitor.rate)} a second, no `
      + `transaction longer than ${janitor.longest_ms} ms), ${whole(janitor.holds)} holds of the same seats and the same `
      + `section had a p99 of ${janitor.beside_p99_ms.toFixed(0)} ms; without it ${janitor.alone_p99_ms.toFixed(0)} ms.`,
    '',
    `While ${whole(live.count)} streams of an event were open, its holds ran at ${share(live.ratio)} of their rate without `
      + `(wanted 0.75), and notices came with a p99 of ${live.p99_ms} ms (wanted 2,000). The streams took `
      + `${whole(live.live_kb / 1024)} MB in the nginx that streams and ${whole(live.nginx_kb / 1024)} MB in that of the API.`,
    '',
  ].join('\n');
}

// Bars with a line from least to most; a mark at each target.
function picture(about, { rates: speed, ratios: shares }) {
  const left = 300, width = 560, step = 26;
  const lines = [];
  const text = (x, y, s, more = '') => lines.push(`<text x="${x}" y="${y}" ${more}>${
    s.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`);
  let y = 40;
  const bars = (title, list, most, show, color) => {
    text(12, y, title, 'font-weight="bold"');
    for (const one of list) {
      const at = (n) => left + (width * n) / most;
      y += step;
      text(left - 10, y + 4, one.name, 'text-anchor="end"');
      lines.push(`<rect x="${left}" y="${y - 8}" width="${at(one.median) - left}" height="16" `
        + `fill="${color}"/>`,
      `<path d="M${at(one.least)} ${y}H${at(one.most)}" stroke="#333"/>`);
      if (one.target) {
        lines.push(`<path d="M${at(one.target)} ${y - 11}v22" stroke="#b00" stroke-width="2"/>`);
      }
      text(at(Math.max(one.most, one.median, one.target ?? 0)) + 8, y + 4, show(one.median));
    }
    y += step * 1.6;
  };
  const top = (list) => Math.max(...list.map((one) => one.most)) * 1.1;
  bars('a second', speed, top(speed), whole, '#6a9fd4');
  bars('ratios of one round, and their targets', shares, top(shares), share, '#7fb77e');
  text(12, y, `${about.date}, ${about.machine}`, 'fill="#555"');
  const height = y + 20, full = left + width + 90;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${full}" height="${height}" `
    + `viewBox="0 0 ${full} ${height}" font-family="sans-serif" font-size="13">\n`
    + `<rect width="${full}" height="${height}" fill="#fff"/>\n${lines.join('\n')}\n</svg>\n`;
}

function write(dir, about, rounds) {
  const all = sums(rounds);
  const text = table(about, all, rounds.length);
  fs.writeFileSync(path.join(dir, 'report.md'), text);
  fs.writeFileSync(path.join(dir, 'report.json'),
    `${JSON.stringify({ about, ...all, rounds }, null, 1)}\n`);
  fs.writeFileSync(path.join(dir, 'report.svg'), picture(about, all));
  console.log(text);
}

module.exports = { write };
