// Traffic by the paths that a sale seldom takes: confirm by seats, confirm of what is confirmed, cancel in
// part, and a seat that Redis takes for free though it is sold. Each client has seats of its own, so that
// every answer is known beforehand, whatever fails meanwhile.
'use strict';

const assert = require('node:assert/strict');

const crowd = require('../lib/crowd.js');
const { Redis } = require('../lib/redis.js');
const { isPassing } = require('../lib/sale.js');

const SEATS = 5; // of a client: four in turn, one that is sold for good

class Corners {
	static async open(clients = 6) {
		const corners = new Corners();
		corners.event = await crowd.eventWith({ seats: clients * SEATS, hold_seconds: 600 });
		corners.buyers = crowd.buyers(clients);
		[corners.rival] = crowd.buyers(1);
		corners.keys = 0;
		corners.rounds = 0;
		corners.sold = new Set();
		return corners;
	}

	begin() {
		this.over = false;
		this.running = this.buyers.map((buyer, i) => this.#client(buyer, i * SEATS)
			.catch((error) => { this.error ??= error; }));
	}

	// Complains of the first answer that was not as it must be.
	complain() {
		if (this.error) throw this.error;
	}

	async end() {
		this.over = true;
		await Promise.all(this.running);
		this.complain();
		const rows = crowd.sql(`select status, count(*), sum(places) from holdfast.bookings
			where event_id = ${this.event} and status in ('HOLD', 'CONFIRMED') group by 1`);
		assert.deepEqual(rows, [['CONFIRMED', `${this.sold.size}`, `${this.sold.size}`]]);
	}

	// Asks until the answer is definite. The client that has a key sends it again with each.
	async #ask(buyer, where, body, keyed) {
		const key = keyed ? `corner-${this.keys++}` : undefined;
		for (const end = Date.now() + 60000; ;) {
			const answer = await crowd.call('POST', where, { token: buyer.token, body, key })
				.catch((error) => ({ status: 0, text: error.message }));
			if (!isPassing(answer)) return answer;
			assert.notEqual(answer.status, 500, answer.text);
			assert.ok(Date.now() < end, `${where}: nothing but ${answer.status} ${answer.text}`);
			await crowd.sleep(20 + Math.random() * 60);
		}
	}

	async #must(status, ...request) {
		const answer = await this.#ask(...request);
		assert.equal(answer.status, status, `${JSON.stringify(request)}: ${answer.text}`);
		return answer;
	}

	async #client(buyer, first) {
		const event_id = String(this.event);
		const [a, b, c, d, sold] = crowd.range(SEATS, first + 1).map(crowd.seat);
		const { body: own } = await this.#must(201, buyer, '/bookings/hold', { event_id, seat_ids: [sold] }, true);
		await this.#must(200, buyer, `/bookings/${own.booking_id}/confirm`, {}, true);
		this.sold.add(sold);
		for (let keyed = true; !this.over; keyed = !keyed) {
			const ids = [];
			for (const seat of [a, b]) {
				const lock = await this.#must(200, buyer, '/seat-lock', { show_id: event_id, seat_ids: [seat] }, keyed);
				ids.push(lock.body.booking_id);
			}
			const seats = { show_id: event_id, seat_ids: [a, b] };
			for (const again of [keyed, !keyed]) {
				const { body } = await this.#must(200, buyer, '/booking/confirm', seats, again);
				assert.deepEqual([...body.booking_ids].sort(), [...ids].sort());
			}
			for (const id of ids) {
				await this.#must(200, buyer, `/bookings/${id}/confirm`, {}, keyed);
				const { body } = await this.#must(200, buyer, `/bookings/${id}/cancel`, {}, keyed);
				assert.equal(body.status, 'CANCELLED');
			}
			await this.#part(buyer, [c, d]);
			await this.#rivalry(sold);
			this.rounds++;
		}
	}

	// Parts given back twice are two cancels: without a key a client could not ask again.
	async #part(buyer, seat_ids) {
		const { body: held } = await this.#must(201, buyer, '/bookings/hold',
			{ event_id: String(this.event), seat_ids }, true);
		const where = `/bookings/${held.booking_id}`;
		await this.#must(200, buyer, `${where}/confirm`, {}, true);
		const { body: less } = await this.#must(200, buyer, `${where}/cancel`, { items: [{ seat_id: seat_ids[0] }] }, true);
		assert.deepEqual(less.items.map((item) => item.seat_id), [seat_ids[1]]);
		await this.#must(200, buyer, `${where}/cancel`, {}, true);
	}

	// Redis forgets whose a seat is. PostgreSQL does not.
	async #rivalry(seat) {
		const redis = new Redis();
		await redis.call('EVAL', `if redis.call('HEXISTS', KEYS[1] .. ':meta', 'stamp') == 1 then
				redis.call('SETRANGE', KEYS[1] .. ':seats', ARGV[1], 'a')
				redis.call('HDEL', KEYS[1] .. ':owner', ARGV[1])
			end`, 1, `hf:{${this.event}}`, crowd.seatNumber(seat) - 1);
		redis.close();
		const answer = await this.#ask(this.rival, '/bookings/hold',
			{ event_id: String(this.event), seat_ids: [seat] }, Math.random() < 0.5);
		assert.equal(answer.slug, 'seats-unavailable', answer.text);
	}
}

module.exports = { Corners };
