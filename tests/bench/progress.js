// How far the benchmark is: a line on standard error after each round, rewritten on a terminal.
'use strict';

const minutes = (seconds) => (seconds < 90 ? `${Math.ceil(seconds / 5) * 5} s` : `${Math.round(seconds / 60)} min`);

class Progress {
  // parts: [{name, steps, seconds}], the seconds that each will take at a guess.
  constructor(parts) {
    this.parts = new Map(parts.map((part) => [part.name, { ...part, done: 0 }]));
    this.began = Date.now();
    this.say('begins');
  }

  // By the guess, and by how wrong it was so far.
  left() {
    let done = 0, all = 0;
    for (const part of this.parts.values()) {
      done += (part.seconds * part.done) / part.steps;
      all += part.seconds;
    }
    const pace = done > 0 ? (Date.now() - this.began) / 1000 / done : 1;
    return (all - done) * pace;
  }

  say(what) {
    const line = `bench: ${what} (${minutes((Date.now() - this.began) / 1000)} so far, about ${minutes(this.left())} left)`;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  }

  part(name) {
    this.now = this.parts.get(name);
    this.say(`${name} begins`);
  }

  step(label) {
    this.now.done++;
    this.say(`${this.now.name}${label ? `, ${label}` : ''}: ${this.now.done} of ${this.now.steps} rounds`);
  }

  end() {
    if (process.stderr.isTTY) process.stderr.write('\n');
  }
}

module.exports = Progress;
