// Waiting rooms in tests: people with accounts, and what they ask.
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');

const { assertProblem, assertStatus, get, post } = require('./client.js');
const stack = require('./stack.js');
const { tokenFor } = require('./token.js');
const { event, staff } = require('./world.js');

let made;

// One organizer for all.
const organizer = () => (made ??= staff());

// Accounts with tokens; to register and log in would only cost time.
function people(count) {
	const made = Array.from({ length: count }, () => {
		const user_id = randomUUID();
		return { user_id, token: tokenFor(user_id, 'user') };
	});
	stack.sql(`insert into users (user_id, email, password_hash)
		values ${made.map((who) => `('${who.user_id}', '${who.user_id}@example.test', '\$y\$' || repeat('x', 30))`).join()}`);
	return made;
}
const person = () => people(1)[0];

// An event that is entered through its waiting room, which is open and lets everybody in at once.
const room = async (waiting_room, changes) => event(await organizer(), {
	queue: 'on', waiting_room: { admit_per_minute: 60000, inside_max: 1000, ...waiting_room }, ...changes,
});

const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
const join = (who, e, options) => post('/queue/join', { event_id: e.event_id }, { token: who.token, ...options });
const joined = async (who, e) => assertStatus(await join(who, e), 202).body;
const status = async (token) => assertStatus(await get(`/reservation/status?token=${token}`), 200).body;
const leave = (who, token, options) => post('/queue/leave', { token }, { token: who.token, ...options });

const wish = (e, seats = 1) => ({ event_id: e.event_id, section_id: 'Floor', seats_requested: seats });
const hold = (who, e, pass, options = {}) => post('/bookings/hold', wish(e, options.seats),
	{ token: who.token, headers: pass === undefined ? {} : { 'X-Queue-Pass': pass }, ...options });
const confirm = (who, booking) => post(`/bookings/${booking.booking_id}/confirm`, undefined, { token: who.token });

// The pass of somebody who comes in at once.
async function passOf(who, e) {
	const place = await joined(who, e);
	assert.equal(place.status, 'admitted', JSON.stringify(place));
	return place.pass;
}

function assertRefused(answer, pass) {
	assert.equal(assertProblem(answer, 403, 'queue-required').pass, pass, answer.text);
}

const key = (e, name) => `hf:{${e.event_id}}:q::${name}`;

// Until there is an answer: a worker may have died with the one before.
async function insist(ask) {
	for (;;) {
		const answer = await ask().catch(() => ({ status: 0 }));
		if (![0, 502, 503].includes(answer.status)) return answer;
		await stack.pause(50);
	}
}

// Comes, waits for the turn, and buys, whatever fails meanwhile; the place as a number. leaves: gives the
// pass back instead.
async function visit(who, e, leaves = false) {
	const place = assertStatus(await insist(() => join(who, e)), 202).body;
	let is = place;
	do {
		if (is.status === 'waiting') await stack.pause(300 + Math.random() * 400);
		is = assertStatus(await insist(() => get(`/reservation/status?token=${place.token}`)), 200).body;
	} while (is.status === 'waiting');
	assert.equal(is.status, 'admitted', JSON.stringify(is));
	const number = Buffer.from(place.token, 'base64url').readBigUInt64BE(5);
	if (leaves) {
		assertStatus(await insist(() => leave(who, place.token)), 204);
		return number;
	}
	const booking = assertStatus(await insist(() => hold(who, e, is.pass, { key: `h${who.user_id}` })), 201).body;
	await stack.pause(Math.random() * 300);
	assertStatus(await insist(() => confirm(who, booking)), 200);
	return number;
}

module.exports = {
	assertRefused, confirm, hold, inSeconds, join, joined, key, leave, organizer, passOf, people, person, room, status, visit,
};
