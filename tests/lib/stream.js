// Whoever watches an event: the stream of changes as it comes, to the byte.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const path = require('node:path');

const stack = require('./stack.js');

const target = new URL(process.env.HOLDFAST_URL);

// Server-sent events out of a text, by the rules of the HTML standard, as far as they are used here.
function* events(text) {
	for (const block of text.split('\n\n').slice(0, -1)) {
		const event = { name: 'message', data: [] };
		for (const line of block.split('\n')) {
			const [, field, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
			if (field === 'event') event.name = value;
			if (field === 'data') event.data.push(value);
			assert.ok(['', 'event', 'data', 'id'].includes(field), `a line of a stream: ${line}`);
		}
		if (event.data.length > 0) yield { name: event.name, data: event.data.join('\n') };
	}
}

class Stream {
	constructor(eventId, { headers = {}, query = '', localAddress } = {}) {
		this.notices = []; // {at, event_id, version, as_of}
		this.text = '';
		this.ended = false;
		this.opened = new Promise((resolve, reject) => {
			this.request = http.get({ host: target.hostname, port: target.port, headers, localAddress, agent: false,
				path: `/api/v1/events/${eventId}/stream${query}` }, (answer) => {
				this.status = answer.statusCode;
				this.headers = answer.headers;
				answer.setEncoding('utf8');
				answer.on('data', (text) => this.#take(text));
				answer.on('error', () => {});
				answer.on('close', () => { this.ended = true; });
				resolve(this);
			});
			this.request.on('error', (error) => {
				this.ended = true;
				reject(error);
			});
		});
		this.opened.catch(() => {});
	}

	#take(text) {
		this.text += text;
		if (!/^text\/event-stream/.test(this.headers['content-type'])) return;
		const all = [...events(this.text)];
		for (const event of all.slice(this.notices.length)) {
			assert.equal(event.name, 'changed');
			const notice = JSON.parse(event.data);
			assert.deepEqual(Object.keys(notice), ['event_id', 'version', 'as_of']);
			assert.match(notice.as_of, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
			this.notices.push({ at: performance.now(), ...notice });
		}
	}

	// Until there are so many notices.
	count(n, seconds) {
		return stack.until(`${n} notices`, () => this.notices.length >= n, seconds);
	}

	close() {
		this.request.destroy();
	}
}

// A stream that is open; close it.
async function watch(eventId, options) {
	const stream = await new Stream(eventId, options).opened;
	assert.equal(stream.status, 200, stream.text);
	// The module's first words: from here on nothing is missed.
	await stack.until('the stream has begun', () => stream.text.length > 0);
	return stream;
}

// The version of what Redis keeps of an event now; null: it keeps nothing.
const version = (eventId) => Number(stack.redis('hget', `hf:{${eventId}}:meta`, 'version')) || null;

// The nginx that streams.
const live = {
	sockets: ['live.sock', 'live-publish.sock'].map((name) => path.join(process.env.HOLDFAST_RUN, name)),
	workers: () => stack.workers('live'),
};

// The last change has been told to the stream, in time.
const toldLast = (stream, eventId, seconds = 2) => stack.until('the last change is told',
	() => stream.notices.length > 0 && stream.notices.at(-1).version === version(eventId), seconds);

module.exports = { Stream, events, live, toldLast, version, watch };
