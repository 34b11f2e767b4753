// People in line: joins, polls and what must come of them, one by one.
'use strict';

const assert = require('node:assert/strict');

const { assertStatus, get, post } = require('./client.js');
const stack = require('./stack.js');
const { buyer, event, held, move } = require('./world.js');

const join = (who, eventId, section, quantity, options) => post('/queue/join',
	{ event_id: String(eventId), section_id: section, ...(quantity && { quantity }) }, { token: who.token, ...options });
const status = (token, options) => get(`/reservation/status?token=${token}`, options);
const leave = (who, token, options) => post('/queue/leave', { token }, { token: who.token, ...options });
const confirm = (who, token, options) => post('/reservation/confirm', { token }, { token: who.token, ...options });

// Joins that must succeed.
async function joined(who, eventId, section, quantity, options) {
	return assertStatus(await join(who, eventId, section, quantity, options), 202).body;
}

const standing = async (token) => assertStatus(await status(token), 200).body;

// Polls until the ticket stands so.
const until = (token, want, seconds = 60) => stack.until(`a ticket that is ${want}`, async () => {
	const is = await standing(token);
	return is.status === want && is;
}, seconds);

const positions = (tokens) => Promise.all(tokens.map(async (token) => (await standing(token)).position));

// An event whose floor has so many places, all of them held by somebody who may give them back.
async function soldFloor(organizer, capacity, more) {
	const { event_id: id } = await event(organizer, { sections: [{ name: 'Floor', capacity, base_price: 500 }], ...more });
	const owner = await buyer();
	const holds = [];
	for (let left = capacity; left > 0; left -= 10) holds.push(await held(owner, id, Math.min(left, 10)));
	return { id, owner, holds, release: (n) => move(owner, holds[n], 'release') };
}

// Such an event with people each of whom the next release gives ten places, in turn.
async function heads(organizer, count) {
	const sold = await soldFloor(organizer, 10 * count);
	const people = await Promise.all(Array.from({ length: count }, () => buyer()));
	const tokens = [];
	for (const who of people) tokens.push((await joined(who, sold.id, 'Floor', 10)).token);
	return { ...sold, tokens };
}

// The place of a line in Redis, and one of its numbers.
const key = (eventId, section, part) => `hf:{${eventId}}:q:${section}:${part}`;
const length = (eventId, section) => Number(stack.redis('zcard', key(eventId, section, 'line')));

// Every account is in one state: what PostgreSQL and Redis say together.
function inOneState(eventId, section) {
	const line = stack.redis('zrange', key(eventId, section, 'line'), 0, -1).split('\n').filter(Boolean);
	const serving = stack.redis('hkeys', key(eventId, section, 'serving')).split('\n').filter(Boolean);
	const both = line.filter((user) => serving.includes(user));
	assert.deepEqual(both, [], 'waits and is being served');
	return { line, serving };
}

module.exports = { confirm, heads, inOneState, join, joined, key, leave, length, positions, soldFloor, standing, status, until };
