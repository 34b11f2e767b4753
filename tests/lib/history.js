// Histories of calls, as holdfast-history reads them (app/load/record.h): real calls, written down.
'use strict';

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { call } = require('./crowd.js');

// Set by the host's clock once, and monotonic from then on.
const anchor = BigInt(Date.now()) * 1000n - process.hrtime.bigint() / 1000n;
const now = () => Number(process.hrtime.bigint() / 1000n + anchor);

const microseconds = (text) => Date.parse(text) * 1000;

const seatsOf = (items) => items.filter((one) => one.seat_id).map((one) => one.seat_id);
const sectionsOf = (items) => items.filter((one) => !one.seat_id)
	.map((one) => ({ id: one.section_id, n: one.quantity }));

// The members of an object that there are, in their order.
const some = (pairs) => Object.fromEntries(pairs.filter(([, value]) => value !== undefined
	&& !(Array.isArray(value) && value.length === 0)));

function gotOf(op, { status, body, replayed }) {
	if (!body) return {};
	if (op === 'map') return { version: body.version, free: body.status.split('a').length - 1 };
	if (op === 'register' || op === 'login') return {};
	if (status >= 400) return some([['lost', body.seat_ids], ['available', body.available]]);
	return some([
		['booking', body.booking_id],
		['status', body.status],
		['seats', seatsOf(body.items)],
		['sections', sectionsOf(body.items)],
		['expires_at', body.status === 'HOLD' ? microseconds(body.expires_at) : undefined],
		['replayed', replayed || undefined],
	]);
}

class History {
	constructor(event, holdSeconds) {
		this.event = event;
		this.head = {
			history: 1, scenario: 'test', url: process.env.HOLDFAST_URL, event: String(event), began: now(),
			hold_ms: holdSeconds * 1000, seed: 1, version: '0.1.0',
		};
		this.calls = [];
		this.users = [];
	}

	// One call, and the line about it. who: { id, token }, or nobody yet.
	async call(who, op, method, where, { asked = {}, key, body, send = call } = {}) {
		const sent = now();
		const answer = await send(method, where, { token: who?.token, key, body })
			.catch(() => ({ status: 0, slug: '', body: null }));
		const user = op === 'register' ? answer.body?.user_id : who?.id;
		if (user && !this.users.includes(user)) this.users.push(user);
		this.calls.push({
			n: this.calls.length + 1, b: Math.max(0, this.users.indexOf(user)), user: user ?? null, op, due: sent, sent,
			done: now(), key: key ?? null, asked, status: answer.status, problem: answer.slug || null,
			got: gotOf(op, answer),
		});
		return answer;
	}

	hold(who, { seats = [], places = 0, ...more }) {
		const items = [...seats.map((id) => ({ seat_id: id })),
			...(places ? [{ section_id: 'G', quantity: places }] : [])];
		return this.call(who, 'hold', 'POST', '/bookings/hold', {
			asked: some([['seats', seats], ['sections', places ? [{ id: 'G', n: places }] : []]]),
			body: { event_id: String(this.event), items }, ...more,
		});
	}

	move(who, op, booking, more = {}) {
		return this.call(who, op, 'POST', `/bookings/${booking}/${op}`, { asked: { booking }, body: {}, ...more });
	}

	get(who, booking) {
		return this.call(who, 'get', 'GET', `/bookings/${booking}`, { asked: { booking } });
	}

	map(who) {
		return this.call(who, 'map', 'GET', `/events/${this.event}/seatmap/status`);
	}

	write(file) {
		fs.writeFileSync(file, [this.head, ...this.calls, { end: now(), calls: this.calls.length }]
			.map((line) => `${JSON.stringify(line)}\n`).join(''));
	}
}

// Settles with the exit status and what was printed.
function history(...args) {
	return new Promise((resolve) => {
		execFile(path.join(process.env.HOLDFAST_BIN, 'holdfast-history'),
			['--config', process.env.HOLDFAST_CONF, ...args], { maxBuffer: 1 << 28 },
			(error, out, said) => resolve({ status: error ? error.code : 0, out, said }));
	});
}

module.exports = { History, history };
