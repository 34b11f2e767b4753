// Connections to PostgreSQL that break when the database has done its part and its answer is lost, or
// before it has heard of the request: one request, one effect, and no wrong answer.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { after, before, beforeEach, test } = require('node:test');

const { assertStatus, freshKey, get, post } = require('../lib/client.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

const conf = fs.readFileSync(process.env.HOLDFAST_CONF, 'utf8');
const url = /^database_url = (.*)$/m.exec(conf)[1];
const real = /[?&]host=([^&]*)/.exec(url)[1];
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-unknown-'));

// A server between the program and PostgreSQL. The first connection that sends `cut.statement` is
// broken: before the request is passed on (when: 'request'), or in place of its answer ('answer').
let cut = null;
let cuts = 0;
const proxy = net.createServer((client) => {
	const server = net.connect(path.join(real, '.s.PGSQL.5432'));
	const end = () => {
		client.destroy();
		server.destroy();
	};
	let mine = false;
	client.on('data', (bytes) => {
		// Preparing the statements names them too: there each comes with its text.
		if (cut && bytes.includes(`${cut.statement}\0`) && !bytes.includes('select')) {
			mine = true;
			cuts++;
			if (cut.when === 'request') end();
			cut = null;
		}
		server.write(bytes);
	});
	// The transaction commits before what comes last, which is not waited for but in time.
	server.on('data', (bytes) => (mine ? setTimeout(end, 100) : client.write(bytes)));
	for (const side of [client, server]) side.on('close', end).on('error', end);
});

// One request to its pool as a CGI program behind the proxy: {status, head, text, body}.
function ask(who, where, body, key) {
	const bytes = Buffer.from(JSON.stringify(body));
	const pool = where.startsWith('/admin/') ? 'admin' : 'booking';
	const child = spawn(path.join(process.env.HOLDFAST_BIN, `holdfast-${pool}`),
		['--config', process.env.HOLDFAST_CONF, '--set', `database_url=${url.replace(real, dir)}`], {
			env: {
				...process.env, GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: 'POST',
				REQUEST_URI: `/api/v1${where}`, QUERY_STRING: '', CONTENT_TYPE: 'application/json',
				CONTENT_LENGTH: String(bytes.length), HTTP_AUTHORIZATION: `Bearer ${who.token}`,
				REMOTE_ADDR: '127.0.0.1', ...(key ? { HTTP_IDEMPOTENCY_KEY: key } : {}),
			},
		});
	let text = '';
	child.stdout.on('data', (chunk) => { text += chunk; });
	child.stdin.end(bytes);
	return new Promise((resolve) => child.on('close', () => {
		const [head, content] = text.split('\r\n\r\n');
		resolve({ status: Number(/^Status: (\d+)/.exec(head)[1]), head, text,
			body: JSON.parse(content) });
	}));
}

async function asked(when, statement, who, where, body, key) {
	cut = { when, statement };
	const before = cuts;
	const answer = await ask(who, where, body, key);
	assert.equal(cuts, before + 1, `${statement} was never sent`);
	return answer;
}

let buyer, organizer, event;

before(async () => {
	fs.chmodSync(dir, 0o755);
	await new Promise((resolve) => proxy.listen(path.join(dir, '.s.PGSQL.5432'), resolve));
	[organizer, buyer] = await Promise.all([world.staff(), world.buyer()]);
});
beforeEach(async () => {
	event = await world.event(organizer, { hold_seconds: 60 });
	// So that the filter has the event.
	await world.held(await world.buyer(), event.event_id, ['B4']);
	await stack.kept(event.event_id);
});
after(() => {
	proxy.close();
	fs.rmSync(dir, { recursive: true });
});

const key = (name) => `hf:{${event.event_id}}:${name}`;
const count = (field) => Number(stack.redis('hget', key('count'), field) || 0);
const seat = (id) => {
	const at = stack.redis('hget', key('ids'), id);
	return stack.redis('getrange', key('seats'), at, at);
};
const booking = async (id) => assertStatus(
	await get(`/bookings/${id}`, { token: buyer.token }), 200).body;

async function confirmed(body) {
	const made = assertStatus(await world.hold(buyer, { event_id: event.event_id, ...body }), 201).body;
	return assertStatus(
		await post(`/bookings/${made.booking_id}/confirm`, {}, { token: buyer.token }), 200).body;
}

for (const when of ['request', 'answer']) {
	for (const keyed of [false, true]) {
		const name = `the ${when} is lost, ${keyed ? 'with' : 'without'} a key`;
		const some = () => (keyed ? freshKey() : undefined);

		test(`cancel of one place of three: ${name}`, async () => {
			const made = await confirmed({ section_id: 'Floor', seats_requested: 3 });
			const answer = await asked(when, 'booking/cancel', buyer,
				`/bookings/${made.booking_id}/cancel`,
				{ items: [{ section_id: 'Floor', quantity: 1 }] }, some());
			assert.equal(answer.status, 200, answer.text);
			assert.equal(answer.body.items[0].quantity, 2);
			assert.equal((await booking(made.booking_id)).items[0].quantity, 2);
			assert.equal(count('b:Floor'), 2);
			if (!keyed) assert.doesNotMatch(answer.head, /Replayed/);
		});

		test(`cancel of one seat of two: ${name}`, async () => {
			const made = await confirmed({ seat_ids: ['B1', 'B2'] });
			const answer = await asked(when, 'booking/cancel', buyer,
				`/bookings/${made.booking_id}/cancel`, { items: [{ seat_id: 'B1' }] }, some());
			assert.equal(answer.status, 200, answer.text);
			assert.deepEqual(answer.body.items.map((i) => i.seat_id), ['B2']);
			assert.deepEqual([seat('B1'), seat('B2')], ['a', 'b']);
		});

		test(`hold, confirm, cancel: ${name}`, async () => {
			let answer = await asked(when, 'booking/hold', buyer, '/bookings/hold',
				{ event_id: event.event_id, seat_ids: ['B3'] }, some());
			assert.equal(answer.status, 201, answer.text);
			assert.equal(seat('B3'), 'h');
			const { booking_id: id } = answer.body;
			answer = await asked(when, 'booking/confirm', buyer, `/bookings/${id}/confirm`, {}, some());
			assert.equal(answer.body.status, 'CONFIRMED', answer.text);
			assert.equal(seat('B3'), 'b');
			answer = await asked(when, 'booking/cancel', buyer, `/bookings/${id}/cancel`, {}, some());
			assert.equal(answer.body.status, 'CANCELLED', answer.text);
			assert.equal(seat('B3'), 'a');
		});

		test(`seat-lock, booking/confirm, and release of another: ${name}`, async () => {
			let answer = await asked(when, 'booking/hold', buyer, '/seat-lock',
				{ show_id: event.event_id, seat_ids: ['B1', 'B2'] }, some());
			assert.equal(answer.status, 200, answer.text);
			answer = await asked(when, 'booking/confirm_seats', buyer, '/booking/confirm',
				{ show_id: event.event_id, seat_ids: ['B1', 'B2'] }, some());
			assert.equal(answer.body.success, true, answer.text);
			assert.deepEqual([seat('B1'), seat('B2')], ['b', 'b']);
			const other = await world.held(buyer, event.event_id, ['B3']);
			answer = await asked(when, 'booking/release', buyer,
				`/bookings/${other.booking_id}/release`, {}, some());
			assert.equal(answer.body.status, 'RELEASED', answer.text);
			assert.equal(seat('B3'), 'a');
		});

		test(`the word of staff that it was paid elsewhere: ${name}`, async () => {
			stack.sql(`update events set payment = 'stripe' where event_id = ${event.event_id}`);
			const made = await world.held(buyer, event.event_id, ['B1', 'B2']);
			const answer = await asked(when, 'booking/paid', organizer,
				`/admin/bookings/${made.booking_id}/paid`, { reference: 'till 3' }, some());
			assert.equal(answer.status, 200, answer.text);
			assert.equal(answer.body.status, 'CONFIRMED');
			assert.equal(answer.body.payment.captured, made.total);
			assert.deepEqual([seat('B1'), seat('B2')], ['b', 'b']);
		});

		// Without a key nobody could tell whether it was made: then it is not tried again.
		for (const [what, statement, where, table, body] of [
			['an event', 'event/create', '/admin/events', 'events', (title) => world.eventBody({ title })],
			['a venue', 'venue/create', '/admin/venues', 'venues', (name) => ({ name })]]) {
			test(`${what} is made once at most: ${name}`, async () => {
				const called = `Once ${freshKey()}`, one = some();
				const answer = await asked(when, statement, organizer, where, body(called), one);
				const column = table === 'events' ? 'title' : 'name';
				const made = () => Number(stack.sql(`select count(*) from ${table} where ${column} = '${called}'`));
				if (keyed) {
					assert.equal(answer.status, 201, answer.text);
					const again = await ask(organizer, where, body(called), one);
					assert.deepEqual([again.status, again.body], [201, answer.body]);
					assert.match(again.head, /Idempotent-Replayed: true/i);
				} else {
					assert.deepEqual([answer.status, answer.body.type], [503, '/problems/unknown-outcome'], answer.text);
				}
				assert.equal(made(), keyed || when === 'answer' ? 1 : 0);
			});
		}
	}
}
