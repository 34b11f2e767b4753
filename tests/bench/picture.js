// The pictures of the report, as SVG: bars with their spread, percentiles at a load, curves.
'use strict';

const whole = (n) => Math.round(n).toLocaleString('en-US');
const share = (n) => n.toFixed(2);
const ms = (n) => (n < 10 ? n.toFixed(1) : whole(n));
const colors = ['#3b78b8', '#e08a2c', '#5a9e58', '#b0494d'];
const GREY = '#777', RED = '#b00020', MISSED = '#d98b6f';

// Lines of a picture, top to bottom.
class Drawing {
  constructor(width) {
    this.width = width;
    this.lines = [];
    this.y = 0;
  }

  add(line) {
    this.lines.push(line);
  }

  text(x, y, s, more = '') {
    this.add(`<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${more && ` ${more}`}>${
      s.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`);
  }

  line(x1, y1, x2, y2, color = '#333', more = '') {
    this.add(`<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="${color}"${
      more && ` ${more}`}/>`);
  }

  rect(x, y, width, height, color) {
    this.add(`<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height}" fill="${color}"/>`);
  }

  title(s) {
    this.text(12, this.y, s, 'font-weight="bold"');
  }

  svg(about) {
    this.y += 30;
    this.text(12, this.y, `${about.date}, ${about.machine}`, `fill="${GREY}"`);
    const height = this.y + 16;
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${height}" `
      + `viewBox="0 0 ${this.width} ${height}" font-family="sans-serif" font-size="13">\n`
      + `<rect width="${this.width}" height="${height}" fill="#fff"/>\n${this.lines.join('\n')}\n</svg>\n`;
  }
}

// Bars with a line from least to most, and a mark at each target.
function bars(d, title, list, show, color) {
  const left = 350, width = 490, step = 24;
  const most = Math.max(...list.map((one) => Math.max(one.most, one.target ?? 0))) * 1.05;
  const at = (n) => left + (width * n) / most;
  d.y += 28;
  d.title(title);
  for (const one of list) {
    d.y += step;
    d.text(left - 10, d.y + 4, one.name, 'text-anchor="end"');
    d.rect(left, d.y - 8, at(one.median) - left, 16, one.met === false ? MISSED : color);
    d.line(at(one.least), d.y, at(one.most), d.y);
    if (one.target) d.line(at(one.target), d.y - 11, at(one.target), d.y + 11, RED, 'stroke-width="2"');
    d.text(at(Math.max(one.most, one.target ?? 0)) + 8, d.y + 4, show(one.median), one.met === false ? `fill="${RED}"` : '');
  }
}

function ratesDrawn({ rates, ratios }) {
  const d = new Drawing(930);
  bars(d, 'a second', rates, whole, colors[0]);
  d.y += 14;
  bars(d, 'ratios of one round, with their targets', ratios, share, colors[2]);
  return d;
}

// Ticks of a logarithmic scale.
const decades = (least, most) => {
  const out = [];
  for (let at = 10 ** Math.floor(Math.log10(least)); at <= most * 1.0001; at *= 10) {
    if (at >= least * 0.9999) out.push(at);
  }
  return out;
};

// Percentiles of each call at each load, in milliseconds on a logarithmic scale.
function latencyDrawn({ rows }) {
  const d = new Drawing(930), left = 230, width = 560, step = 30;
  const names = ['p50', 'p99', 'p999', 'max'], shown = ['p50', 'p99', 'p99.9', 'longest'];
  const least = Math.min(...rows.map((r) => r.p50.least)) / 1.5, most = Math.max(...rows.map((r) => r.max.most)) * 1.3;
  const at = (n) => left + (width * Math.log(Math.max(n, least) / least)) / Math.log(most / least);
  d.y = 28;
  d.title('milliseconds from when a request was due, at so much of the most that was possible');
  d.y += 24;
  shown.forEach((name, i) => {
    d.rect(left + i * 110, d.y - 9, 10, 10, colors[i]);
    d.text(left + i * 110 + 16, d.y, name);
  });
  const top = d.y + 10;
  for (const row of rows) {
    d.y += step;
    d.text(left - 12, d.y + 4, `${row.name}, ${row.load} %`, 'text-anchor="end"');
    d.line(left, d.y, left + width, d.y, '#eee');
    names.forEach((name, i) => {
      if (!row[name]) return;
      d.line(at(row[name].least), d.y, at(row[name].most), d.y, colors[i], 'stroke-width="3" stroke-opacity="0.5"');
      d.add(`<circle cx="${at(row[name].median).toFixed(1)}" cy="${d.y}" r="5" fill="${colors[i]}"/>`);
    });
    d.text(left + width + 14, d.y + 4, `p99 ${ms(row.p99.median)}`);
  }
  d.y += 20;
  for (const tick of decades(least, most)) {
    d.line(at(tick), top, at(tick), d.y, '#ccc', 'stroke-dasharray="2 3"');
    d.text(at(tick), d.y + 14, String(Number(tick.toPrecision(1))), 'text-anchor="middle"');
  }
  d.y += 16;
  return d;
}

// The next number above that is easy to read, in four parts too.
function roundUp(n) {
  const unit = 10 ** Math.floor(Math.log10(n));
  return [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].map((part) => part * unit).find((one) => one >= n);
}

// One panel a curve, two beside each other: rates by what grows, from zero on, with their spread.
function growthDrawn(curves) {
  const d = new Drawing(930), wide = 340, high = 170, left = 70, apart = 275;
  const panels = [...new Set(curves.map((curve) => curve.name))].map((name) => curves.filter((one) => one.name === name));
  panels.forEach((panel, n) => {
    const x0 = left + (n % 2) * 450, y0 = 50 + Math.floor(n / 2) * apart + high;
    const { points } = panel[0];
    const most = roundUp(Math.max(...panel.flatMap((curve) => curve.rates.map((r) => r.most))));
    // Points stand as far apart as their number says, whatever they are: zero has no logarithm.
    const x = (i) => x0 + (points.length > 1 ? (wide * i) / (points.length - 1) : 0), y = (rate) => y0 - (high * rate) / most;
    d.text(x0, y0 - high - 14, `a second, by ${panel[0].name}`, 'font-weight="bold"');
    d.line(x0, y0, x0 + wide, y0);
    for (const part of [0.25, 0.5, 0.75, 1]) {
      d.line(x0, y(most * part), x0 + wide, y(most * part), '#eee');
      d.text(x0 - 8, y(most * part) + 4, whole(most * part), `text-anchor="end" fill="${GREY}"`);
    }
    points.forEach((point, i) => d.text(x(i), y0 + 18, whole(point), 'text-anchor="middle"'));
    panel.forEach((curve, k) => {
      const color = colors[k];
      d.add(`<polyline points="${curve.rates.map((r, i) => `${x(i).toFixed(1)},${y(r.median).toFixed(1)}`).join(' ')}" `
        + `fill="none" stroke="${color}" stroke-width="2"/>`);
      curve.rates.forEach((r, i) => {
        d.line(x(i), y(r.least), x(i), y(r.most), color);
        d.add(`<circle cx="${x(i).toFixed(1)}" cy="${y(r.median).toFixed(1)}" r="4" fill="${color}"/>`);
      });
      const { fall } = curve;
      d.text(x0, y0 + 36 + k * 16, `${curve.call}: lowest later point ${share(fall.median)} of an earlier one`,
        `fill="${fall.met ? color : RED}"`);
    });
    d.y = Math.max(d.y, y0 + 60);
  });
  return d;
}

// {name of the file: picture}, of what there is.
function all({ rates, latency, growth }, about) {
  const out = {};
  if (rates) out['bench-rates.svg'] = ratesDrawn(rates).svg(about);
  if (latency) out['bench-latency.svg'] = latencyDrawn(latency).svg(about);
  if (growth) out['bench-growth.svg'] = growthDrawn(growth).svg(about);
  return out;
}

module.exports = { Drawing, all, colors };
