// The people and events of a test: each made anew, so that tests do not meet in what they change.
'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');

const { assertStatus, get, post } = require('./client.js');
const stack = require('./stack.js');

const password = 'correct horse';

const freshEmail = () => `u${randomBytes(8).toString('hex')}@example.test`;

async function logIn(email, options) {
	const answer = assertStatus(await post('/auth/login', { email, password }, options), 200);
	return answer.body.access_token;
}

// A buyer who has registered: {email, user_id, token}.
async function buyer(options) {
	const email = freshEmail();
	const made = assertStatus(await post('/auth/register', { email, password }, options), 201);
	return { email, user_id: made.body.user_id, token: await logIn(email, options) };
}

// Somebody of the staff, whom the operator has added.
async function staff(role = 'organizer', options) {
	const email = freshEmail();
	const done = stack.program('user', ['add', '--email', email, '--role', role], `${password}\n`);
	assert.equal(done.status, 0, done.stderr);
	return { email, user_id: done.stdout.slice(0, 36), token: await logIn(email, options) };
}

const nextYear = new Date().getUTCFullYear() + 1;

// What an event may be made of: a floor of general admission and two rows of numbered seats.
const eventBody = (changes) => ({
	title: 'An evening',
	event_date: `${nextYear}-05-01T19:00:00Z`,
	sections: [
		{ name: 'Floor', capacity: 10, base_price: 500 },
		{ name: 'VIP', kind: 'seated', base_price: 700,
			rows: [{ row: 'A', seats: 10, price: 900 }, { row: 'B', seats: ['B1', 'B2', 'B3', 'B4'] }] },
	],
	...changes,
});

async function event(organizer, changes, options) {
	const answer = await post('/admin/events', eventBody(changes),
		{ token: organizer.token, ...options });
	return assertStatus(answer, 201).body;
}

const hold = (who, body, options) => post('/bookings/hold', body, { token: who.token, ...options });

// Holds that must succeed.
async function held(who, eventId, places, options) {
	const what = Array.isArray(places) ? { seat_ids: places }
		: { section_id: 'Floor', seats_requested: places };
	return assertStatus(await hold(who, { event_id: eventId, ...what }, options), 201).body;
}

const move = (who, booking, verb, body, options) =>
	post(`/bookings/${booking.booking_id ?? booking}/${verb}`, body, { token: who.token, ...options });

async function confirmed(who, eventId, places) {
	const booking = await held(who, eventId, places);
	return assertStatus(await move(who, booking, 'confirm'), 200).body;
}

// What an event has left, {section: [available, held, sold]} of some of its sections, and that it adds
// up. Live numbers may be a moment old, so they are asked for until they are as expected.
const assertPlaces = (eventId, want) => settled(async () => {
	const answer = assertStatus(await get(`/events/${eventId}/availability`), 200);
	const found = {};
	for (const s of answer.body.sections) {
		assert.equal(s.available + s.held + s.sold, s.capacity, answer.text);
		if (s.section_id in want) found[s.section_id] = [s.available, s.held, s.sold];
	}
	assert.deepEqual(found, want);
});

// The live status of every seat, in layout order.
const assertSeats = (eventId, want) => settled(async () =>
	assert.equal(assertStatus(await get(`/events/${eventId}/seatmap/status`), 200).body.status, want));

// Until the assertions hold. What is read after 5 seconds, which is how stale a read may be, must be so: then
// they throw.
async function settled(check) {
	for (const end = Date.now() + 5000; ;) {
		const began = Date.now();
		try {
			return await check();
		} catch (error) {
			if (began > end || error.code !== 'ERR_ASSERTION') throw error;
			await stack.pause(20);
		}
	}
}

module.exports = {
	assertPlaces, assertSeats, buyer, confirmed, event, eventBody, freshEmail, held, hold, logIn, move,
	nextYear, password, settled, staff,
};
