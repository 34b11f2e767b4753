// Histories of calls, as holdfast-history reads them (app/load/record.h): real calls, written down.
'use strict';

const assert = require('node:assert/strict');
const { execFile, execFileSync, spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const { call } = require('./crowd.js');

// Set by the host's clock once, and monotonic from then on.
const anchor = BigInt(Date.now()) * 1000n - process.hrtime.bigint() / 1000n;
const now = () => Number(process.hrtime.bigint() / 1000n + anchor);

const microseconds = (text) => Date.parse(text) * 1000;

// What a history calls a ticket, which is a secret.
const mark = (ticket) => createHash('sha256').update(ticket).digest('hex').slice(0, 18);

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
	if (op === 'join') return some([['position', body.position ?? undefined], ['replayed', replayed || undefined]]);
	if (op === 'poll' && status < 400) {
		return some([
			['booking', body.booking_id ?? undefined],
			['status', body.status],
			['expires_at', body.expires_at ? microseconds(body.expires_at) : undefined],
			['position', body.position ?? undefined],
		]);
	}
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

	join(who, section, quantity, more = {}) {
		return this.call(who, 'join', 'POST', '/queue/join', {
			asked: { sections: [{ id: section, n: quantity }] },
			body: { event_id: String(this.event), section_id: section, quantity }, ...more,
		});
	}

	poll(who, ticket) {
		return this.call(who, 'poll', 'GET', `/reservation/status?token=${ticket}`, { asked: { token: mark(ticket) } });
	}

	leave(who, ticket) {
		return this.call(who, 'leave', 'POST', '/queue/leave', { asked: { token: mark(ticket) }, body: { token: ticket } });
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

// The same, with standard output there.
history.to = (fd, ...args) => {
	const { status, stderr } = spawnSync(path.join(process.env.HOLDFAST_BIN, 'holdfast-history'),
		['--config', process.env.HOLDFAST_CONF, ...args], { stdio: ['ignore', fd, 'pipe'], encoding: 'utf8' });
	fs.closeSync(fd);
	return { status, said: stderr };
};

// Kinds of faults that need people in line, and all others.
const inLines = ['kept-for-nobody', 'late-poll', 'lost-leave', 'other-position', 'overtaken', 'served-twice', 'too-far-back', 'unjoined', 'waits-again'];
async function faults() {
	const { status, out } = await history('--list');
	assert.equal(status, 0);
	const kinds = out.trim().split('\n').map((line) => line.split(' ')[0]);
	for (const kind of inLines) assert.ok(kinds.includes(kind), kind);
	return { lines: inLines, others: kinds.filter((kind) => !inLines.includes(kind)) };
}

// A copy of the history with a fault. Resolves to what is said of it.
async function plant(kind, from, to) {
	const copy = await history('plant', kind, from);
	assert.equal(copy.status, 0, `${kind}: ${copy.said}`);
	fs.writeFileSync(to, copy.out);
	return copy.said;
}

// A fault is found where it was planted.
async function assertFound(kind, from, to) {
	const [, rule, lines] = /rule (\d), lines? ([\d,]+)\n$/.exec(await plant(kind, from, to));
	const judged = await history('check', to);
	assert.equal(judged.status, 1, `${kind}: ${judged.out}${judged.said}`);
	const finding = judged.out.split('\n').find((line) => {
		const named = /^rule (\d), lines? ([\d,]+): /.exec(line);
		return named?.[1] === rule && lines.split(',').every((one) => named[2].split(',').includes(one));
	});
	assert.ok(finding, `${kind}: rule ${rule}, lines ${lines}, and not in\n${judged.out}`);
}

// Changes the database as the owner of the cluster, past all guards.
function tamper(text) {
	const url = process.env.DATABASE_URL.replace('//holdfast_owner@', '//postgres@');
	execFileSync('psql', [url, '-XAtq', '-v', 'ON_ERROR_STOP=1'], {
		input: `set search_path = holdfast, public; set session_replication_role = replica; ${text}`,
	});
}

module.exports = { History, assertFound, faults, history, plant, tamper };
