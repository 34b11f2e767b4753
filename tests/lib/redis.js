// A small client for Redis over its unix socket: commands as arrays of words, answers as plain values.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const scripts = path.resolve(__dirname, '..', '..', process.env.BUILD ?? 'build', 'gen', 'lua');

// Reads one value of RESP2 at `at`; null where it is not whole yet.
function parse(buffer, at) {
  const end = buffer.indexOf('\r\n', at);
  if (end < 0) return null;
  const kind = String.fromCharCode(buffer[at]);
  const line = buffer.toString('utf8', at + 1, end);
  let next = end + 2;
  if (kind === '+') return { value: line, next };
  if (kind === '-') return { value: new Error(line), next };
  if (kind === ':') return { value: Number(line), next };
  if (kind === '$') {
    const length = Number(line);
    if (length < 0) return { value: null, next };
    if (buffer.length < next + length + 2) return null;
    return { value: buffer.toString('utf8', next, next + length), next: next + length + 2 };
  }
  const list = [];
  for (let i = 0; i < Number(line); i++) {
    const one = parse(buffer, next);
    if (!one) return null;
    list.push(one.value);
    next = one.next;
  }
  return { value: list, next };
}

class Redis {
  constructor(socketPath = process.env.REDIS_SOCKET) {
    this.waiting = [];
    this.buffer = Buffer.alloc(0);
    this.socket = net.connect(socketPath);
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.socket.on('error', (error) => this.#fail(error));
    this.socket.on('close', () => this.#fail(new Error('Redis has closed the connection')));
  }

  #take(chunk) {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    for (let one = parse(this.buffer, 0); one; one = parse(this.buffer, 0)) {
      this.buffer = this.buffer.subarray(one.next);
      const { resolve, reject } = this.waiting.shift();
      if (one.value instanceof Error) reject(one.value);
      else resolve(one.value);
      if (this.buffer.length === 0) break;
    }
  }

  #fail(error) {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }

  call(...words) {
    const parts = words.map((word) => {
      const text = String(word);
      return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
    });
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.socket.write(`*${words.length}\r\n${parts.join('')}`);
    });
  }

  script(name, keys, args) {
    return this.call('EVAL', scriptText(name), keys.length, ...keys, ...args);
  }

  close() {
    this.socket.end();
  }
}

// What the product runs, as app/gen has made it.
const scriptText = (name) => fs.readFileSync(path.join(scripts, `${name}.lua`), 'utf8');

module.exports = { Redis, scriptText };
