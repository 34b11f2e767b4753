// What the answers of a sale must be: compared with each other, and with what is in PostgreSQL.
'use strict';

const assert = require('node:assert/strict');

const crowd = require('./crowd.js');

const isGood = (answer) => answer.status >= 200 && answer.status < 300;
const told = (answer) => `${answer.request.op} ${answer.request.key ?? 'without key'} at ` +
	`${new Date(answer.began).toISOString()}: ${answer.status} ${answer.text}`;

// PostgreSQL may have lost what it had answered asynchronously in the last 0.6 s (three times wal_writer_delay)
// before it died, and a little more where the machine was too busy to have it write in time.
const LOSS_MS = 1000;
const mayBeLost = (sale, answer) =>
	sale.crashes.some(({ from, to }) => answer.began <= to && answer.ended >= from - LOSS_MS);

// What a client may be told at all, beside "ask again".
const definite = {
	hold: ['seats-unavailable', 'sold-out'],
	confirm: ['hold-expired', 'wrong-state', 'not-found'],
	release: ['hold-expired', 'wrong-state', 'not-found'],
	cancel: ['wrong-state', 'not-found'],
};
const statusOf = { confirm: 'CONFIRMED', release: 'RELEASED', cancel: 'CANCELLED' };

function bookingsRead(event) {
	return new Map(crowd.sql(`select booking_id, user_id, status, total, array_to_string(positions, ','),
			array_to_string(quantities, ','), coalesce(key, ''), to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			to_char(first_expires_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			coalesce((extract(epoch from confirmed_at) * 1000)::bigint::text, ''),
			confirmed_at >= first_expires_at
		from holdfast.bookings where event_id = ${event}`)
		.map(([id, user, status, total, positions, quantities, key, created, expires, confirmed, late]) => [id, {
			id, user, status, total: Number(total), quantities, key, created, expires, late: late === 't',
			seats: positions ? positions.split(',').map((p) => crowd.seat(Number(p) + 1)) : [],
			confirmed: confirmed ? Number(confirmed) : null,
		}]));
}

// Everything that was said about one booking.
function storiesOf(sale) {
	const stories = new Map();
	const storyOf = (id) => {
		if (!stories.has(id)) stories.set(id, { id, holds: [], confirm: [], release: [], cancel: [] });
		return stories.get(id);
	};
	for (const request of sale.requests) {
		if (request.op !== 'hold') storyOf(request.booking)[request.op].push(request);
		else for (const answer of request.tries.filter(isGood)) storyOf(answer.body.booking_id).holds.push(answer);
	}
	return stories;
}

// Whether the hold, as it was answered up to then, may have gone in a crash: a later request under its
// key takes the places anew. A confirm that was answered makes it durable.
const holdMayBeLost = (sale, story, at = Infinity) =>
	story.holds.every((hold) => hold.began > at || mayBeLost(sale, hold)) && !story.confirm.some((request) => request.first);

// ---- each answer by itself ----------------------------------------------------------------------

function definiteCheck(sale, stories) {
	for (const answer of sale.answers) {
		const { request, status, slug } = answer;
		if (answer.status === 0 || isGood(answer) || status >= 500) continue;
		if (['busy', 'idempotency-in-flight'].includes(slug)) continue;
		assert.ok(definite[request.op].includes(slug), told(answer));
		// Only what a crash has taken away is not there.
		if (slug === 'not-found') {
			assert.ok(holdMayBeLost(sale, stories.get(request.booking), answer.ended), told(answer));
		}
	}
}

// One key, one answer: the first, for ever.
function replaysCheck(sale) {
	for (const request of sale.requests.filter((one) => one.key && one.first)) {
		const lasting = request.op === 'hold' || request.op === 'release' ?
			request.tries.filter((one) => !mayBeLost(sale, one)) : request.tries;
		const [first, ...rest] = lasting.filter((one) => isGood(one) && one.status === request.first.status);
		for (const answer of rest) {
			assert.equal(answer.text, first.text, `${told(first)}\n${told(answer)}`);
		}
		// What is taken anew after a crash, in place of what was lost, is no replay.
		if (!request.replay || !lasting.includes(request.first)) continue;
		const last = lasting[lasting.length - 1];
		assert.ok(isGood(last), `sent again: ${told(last)}\nfirst: ${told(first)}`);
		assert.ok(last.replayed, `not a replay: ${told(last)}`);
	}
}

// ---- the answers and the database ---------------------------------------------------------------

function holdCheck(sale, story, row) {
	for (const hold of story.holds) {
		const { body } = hold;
		if (!row) {
			assert.ok(holdMayBeLost(sale, story), `answered and not in the database: ${told(hold)}`);
			continue;
		}
		const again = mayBeLost(sale, hold); // and then taken anew under the same key
		assert.equal(row.user, hold.request.buyer.id, told(hold));
		assert.equal(row.total, body.total, told(hold));
		assert.deepEqual(body.items.filter((item) => item.seat_id).map((item) => item.seat_id), row.seats, told(hold));
		if (again || hold.status !== 201) continue;
		assert.equal(body.created_at, row.created, told(hold));
		assert.equal(body.expires_at, row.expires, told(hold));
	}
}

// Each move that was answered is in the database, and each that is there was asked for and never denied.
function movesCheck(sale, story, row) {
	const asked = (op) => story[op].length > 0;
	const answered = (op) => story[op].flatMap((request) => request.tries).filter(isGood);
	const denied = (op) => story[op].map((request) => request.definite).find((one) => one && !isGood(one));

	for (const op of ['confirm', 'release', 'cancel']) {
		for (const answer of answered(op)) {
			const undone = op === 'release' && mayBeLost(sale, answer);
			assert.ok(row || undone, `answered and not in the database: ${told(answer)}`);
			assert.equal(answer.body.status, statusOf[op], told(answer));
			if (op === 'confirm') {
				assert.ok(row.confirmed, told(answer));
				if (row.status !== 'CONFIRMED') assert.ok(asked('cancel'), `${row.status}, and ${told(answer)}`);
			} else if (!undone) {
				assert.equal(row.status, statusOf[op], told(answer));
			}
		}
	}
	if (!row) return;
	assert.ok(!row.late, `${row.id} was confirmed after its deadline`);
	const happened = { confirm: row.confirmed !== null, release: row.status === 'RELEASED', cancel: row.status === 'CANCELLED' };
	for (const op of ['confirm', 'release', 'cancel']) {
		if (!happened[op]) continue;
		assert.ok(asked(op), `${row.id} is ${row.status} and nobody asked for ${op}`);
		assert.ok(!denied(op), denied(op) && `${op} has happened, and ${told(denied(op))}`);
	}
}

// What nobody was told of: the effect of a request that got no definite answer, and of no other. A
// request without a key that was sent twice may have taken places twice.
function strangersCheck(sale, stories, rows) {
	const lost = sale.requests.filter((request) => request.op === 'hold')
		.flatMap((request) => request.tries.filter((one) => one.status === 0 || one.status >= 500));
	const wishes = new Map();
	for (const { request } of lost) {
		const name = `${request.buyer.id} ${request.body.seat_ids ?? ''} ${request.body.seats_requested ?? ''}`;
		wishes.set(name, (wishes.get(name) ?? 0) + 1);
	}
	const keyed = new Map(sale.requests.filter((request) => request.op === 'hold').map((request) => [request.key, request]));
	for (const row of rows.values()) {
		if (stories.get(row.id)?.holds.length) continue;
		if (row.key) {
			// Sent twice at once: one may be refused, and the other, whose answer was lost, take the places then.
			const { definite: refused, tries } = keyed.get(row.key);
			assert.ok(refused && tries.some((one) => (one.status === 0 || one.status >= 500) &&
				one.began < refused.ended && one.ended > refused.began),
			`a keyed booking that no replay tells of: ${row.id} at ${row.created}\n${tries.map((one) => `${told(one)} until ` +
				new Date(one.ended).toISOString()).join('\n')}`);
			continue;
		}
		const name = `${row.user} ${row.seats} ${row.quantities}`;
		assert.ok(wishes.get(name) > 0, `nobody can have asked for ${row.id}: ${name} at ${row.created}`);
		wishes.set(name, wishes.get(name) - 1);
	}
}

// ---- no place twice, by the answers alone -------------------------------------------------------

/*
 * From when to when a booking certainly had its places: from its first answer, to the first request
 * that might give them back, or its deadline, or a crash that may have undone it.
 */
function ownership(sale, story) {
	const hold = story.holds[0];
	if (!hold) return null;
	const confirmed = story.confirm.some((request) => request.first);
	const ends = [...story.cancel, ...(confirmed ? [] : story.release)]
		.flatMap((request) => request.tries.map((one) => one.began));
	if (!confirmed) {
		ends.push(Date.parse(hold.body.expires_at));
		if (mayBeLost(sale, hold)) ends.push(hold.ended);
	}
	const from = Math.min(...story.holds.map((one) => one.ended));
	return { id: story.id, items: hold.body.items, from, to: Math.min(...ends, Infinity) };
}

function doublesCheck(sale, stories) {
	const bySeat = new Map(), steps = [];
	for (const story of stories.values()) {
		const own = ownership(sale, story);
		if (!own || own.to <= own.from) continue;
		for (const item of own.items) {
			if (!item.seat_id) steps.push([own.from, item.quantity], [own.to, -item.quantity]);
			else if (bySeat.has(item.seat_id)) bySeat.get(item.seat_id).push(own);
			else bySeat.set(item.seat_id, [own]);
		}
	}
	for (const [seat, owners] of bySeat) {
		owners.sort((a, b) => a.from - b.from);
		for (let i = 1; i < owners.length; i++) {
			const [a, b] = [owners[i - 1], owners[i]];
			assert.ok(a.to <= b.from, `${seat} was ${a.id}'s from ${a.from} to ${a.to}, and ${b.id}'s from ${b.from}`);
			if (a.to > b.to) owners[i] = a;
		}
	}
	let taken = 0;
	steps.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
	for (const [at, quantity] of steps) {
		taken += quantity;
		assert.ok(taken <= sale.places, `${taken} of ${sale.places} places were somebody's at ${at}`);
	}
}

function audit(sale) {
	const stories = storiesOf(sale);
	const rows = bookingsRead(sale.event);

	doublesCheck(sale, stories);
	definiteCheck(sale, stories);
	replaysCheck(sale);
	for (const story of stories.values()) {
		holdCheck(sale, story, rows.get(story.id));
		movesCheck(sale, story, rows.get(story.id));
	}
	strangersCheck(sale, stories, rows);
}

module.exports = { audit };
