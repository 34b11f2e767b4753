// A sale under load: clients hold, confirm, release and cancel, seats and general admission, with and
// without keys, and ask again as clients should. Every answer is kept with its times; at the end they
// are compared with each other and with the database. What fails meanwhile is up to the test.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');

const crowd = require('./crowd.js');
const health = require('./health.js');
const { audit } = require('./sale_audit.js');
const stack = require('./stack.js');

const target = new URL(process.env.HOLDFAST_URL);

// The same numbers for the same seed.
function randomOf(seed) {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let x = Math.imul(state ^ (state >>> 15), state | 1);
		x = (x + Math.imul(x ^ (x >>> 7), x | 61)) ^ x;
		return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
	};
}

const defaults = {
	seats: 600, places: 800, clients: 24, holdSeconds: 6,
	think: 25, // milliseconds between two requests of a client, on average
	patience: 30000, // how long a client goes on to ask for one answer
	timeout: 20000, // of one request: longer than anything takes on a busy machine
	seed: Math.floor(Math.random() * 1e9),
};

class Sale {
	// A new event with its buyers, on a stack that serves. `audit` judges what `requests` and `answers` hold.
	static async open(options = {}) {
		await health.serving();
		const sale = new Sale();
		Object.assign(sale, defaults, options, { requests: [], answers: [], crashes: [], looks: [], reads: [] });
		const { seats, places, holdSeconds } = sale;
		sale.event = await crowd.eventWith({ seats, places, hold_seconds: holdSeconds });
		sale.buyers = crowd.buyers(sale.clients + 1);
		sale.agent = new http.Agent({ keepAlive: true, maxSockets: 512, scheduling: 'lifo' });
		return sale;
	}

	begin() {
		assert.ok(!this.running, 'the sale has begun');
		this.over = false;
		this.began = Date.now();
		const [watcher, ...buyers] = this.buyers;
		this.running = [this.#watch(watcher), this.#look(),
			...buyers.map((buyer, i) => this.#buy(buyer, randomOf(this.seed + i)))];
	}

	// Clients finish what they are at.
	async end() {
		this.over = true;
		await Promise.all(this.running);
		this.running = null;
		this.ended = Date.now();
	}

	// Until so many more answers have come.
	async progress(count = 150, seconds = 60) {
		const from = this.answers.length, end = Date.now() + seconds * 1000;
		while (this.answers.length < from + count) {
			assert.ok(Date.now() < end, `only ${this.answers.length - from} answers in ${seconds} s: ` +
				JSON.stringify(this.tally(end - seconds * 1000).counts));
			await crowd.sleep(5);
		}
	}

	// PostgreSQL has died between then and now: what it answered asynchronously meanwhile, and in the
	// second before, may be lost.
	crashed(since = Date.now()) {
		this.crashes.push({ from: since, to: Date.now() });
	}

	/*
	 * After a part has come back at `since`: once requests have succeeded for a while, {took}, the
	 * milliseconds until the last one that failed, or else until the first hold.
	 */
	async recovered(since, { seconds = 60, quiet = 400, good = 40 } = {}) {
		for (const end = Date.now() + seconds * 1000; ; await crowd.sleep(10)) {
			const bad = Math.max(since, ...[...this.#after(this.answers, since), ...this.#after(this.reads, since)]
				.filter((one) => one.status === 0 || one.status >= 500).map((one) => one.ended),
			...this.#after(this.looks, since).filter((one) => one.state !== 'ok').map((one) => one.ended));
			const fine = this.#after(this.answers, bad + 1);
			const held = fine.find((one) => one.status === 201);
			if (held && fine.length >= good && Date.now() - bad >= quiet && this.#after(this.looks, bad + 1).length > 3)
				return { took: bad > since ? bad - since : held.ended - since };
			assert.ok(Date.now() < end, `not well within ${seconds} s: ${JSON.stringify(this.tally(since))} ` +
				`readyz: ${JSON.stringify(this.readiness(since))}`);
		}
	}

	// Those of a list that ended then or later; the list is in the order of their ends.
	#after(list, since) {
		let first = list.length;
		while (first > 0 && list[first - 1].ended >= since) first--;
		return list.slice(first);
	}

	// How often each kind of answer ended between two moments, and the longest.
	tally(from = 0, to = Infinity) {
		const counts = {};
		let worst = 0;
		for (const answer of this.answers) {
			if (answer.ended < from || answer.began > to) continue;
			const name = answer.error ?? `${answer.status}${answer.slug ? ` ${answer.slug}` : ''}`;
			counts[name] = (counts[name] ?? 0) + 1;
			worst = Math.max(worst, answer.ended - answer.began);
		}
		return { counts, worst };
	}

	// The longest that readyz, or a look at the event, took since then.
	slowest(from) {
		return Math.max(0, ...[...this.looks, ...this.reads].filter((one) => one.began >= from).map((one) => one.ended - one.began));
	}

	// What readyz said between two moments: {ok: 12, degraded: 3, …}.
	readiness(from = 0, to = Infinity) {
		const counts = {};
		for (const look of this.looks) {
			if (look.began >= from && look.ended <= to) counts[look.state] = (counts[look.state] ?? 0) + 1;
		}
		return counts;
	}

	/*
	 * At the end, with all parts up: every request without an answer gets one, keyed requests are sent
	 * again, and all answers are compared with each other and with PostgreSQL.
	 */
	async check({ replays = 300 } = {}) {
		assert.ok(!this.running, 'the sale is still on');
		const keyed = this.requests.filter((request) => request.key);
		await this.#each(keyed.filter((request) => !request.definite), (request) => this.#insist(request));
		const answered = keyed.filter((request) => request.first);
		// Those that met a failure, the last, and some of the others.
		const some = answered.filter((request, i) => request.tries.some((one) => one.status === 0 || one.status >= 500) ||
			answered.length - i <= replays / 2 || i % Math.ceil(answered.length / replays) === 0);
		await this.#each(some, async (request) => {
			request.replay = true;
			await this.#insist(request);
		});
		this.replays = some.length;
		audit(this);
		crowd.booksCheck();
	}

	// ---- one request ------------------------------------------------------------------------------

	// Sends a request once and keeps the answer. status 0: there was none, error says why.
	#send(request) {
		const answer = { request, began: Date.now(), ended: 0, status: 0, slug: '', text: '', body: null };
		const text = JSON.stringify(request.body);
		const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text),
			Authorization: `Bearer ${request.buyer.token}` };
		if (request.key) headers['Idempotency-Key'] = request.key;
		return this.#exchange(answer, { method: 'POST', headers, path: `/api/v1${request.where}` }, text)
			.then(() => {
				this.#keep(answer);
				return answer;
			});
	}

	#exchange(answer, options, text = '') {
		return new Promise((resolve) => {
			const fail = (error) => {
				answer.error ??= error.code ?? error.message;
				resolve();
			};
			const sent = http.request({ agent: this.agent, host: target.hostname, port: target.port,
				timeout: this.timeout, ...options }, (got) => {
				const parts = [];
				got.on('data', (part) => parts.push(part));
				got.on('error', fail);
				got.on('aborted', () => fail(new Error('cut off')));
				got.on('end', () => {
					answer.text = Buffer.concat(parts).toString();
					answer.body = /json/.test(got.headers['content-type']) ? JSON.parse(answer.text) : null;
					answer.slug = got.statusCode >= 400 ? `${answer.body?.type}`.split('/').pop() : '';
					answer.replayed = got.headers['idempotent-replayed'] === 'true';
					answer.retryAfter = Number(got.headers['retry-after'] ?? 0);
					answer.status = got.statusCode;
					resolve();
				});
			});
			sent.on('timeout', () => sent.destroy(new Error('no answer at all')));
			sent.on('error', fail);
			sent.end(text);
		}).then(() => { answer.ended = Date.now(); });
	}

	#keep(answer) {
		const { request } = answer;
		request.tries.push(answer);
		this.answers.push(answer);
		if (isPassing(answer)) return;
		request.definite ??= answer;
		// The 200 that shows the caller's own hold changes nothing, and is not kept under a key.
		if (answer.status < 300 && !(request.op === 'hold' && answer.status === 200)) request.first ??= answer;
	}

	// Asks until the answer is definite, under the same key if there is one, as late as it is told to.
	async #insist(request) {
		for (const end = Date.now() + this.patience; Date.now() < end;) {
			const answer = await this.#send(request);
			if (!isPassing(answer)) return answer;
			const pause = answer.retryAfter ? answer.retryAfter * 1000 : 50;
			await crowd.sleep(pause * (1 + Math.random() / 4));
		}
		return null;
	}

	#request(buyer, op, where, body, key, booking) {
		const request = { buyer, op, where, body, key, booking, tries: [] };
		this.requests.push(request);
		return request;
	}

	async #each(list, task) {
		const rest = [...list];
		await Promise.all(Array.from({ length: 16 }, async () => {
			while (rest.length > 0) await task(rest.shift());
		}));
	}

	// ---- clients ----------------------------------------------------------------------------------

	// One request of a client: some have a key, and some of these are sent twice at once.
	async #ask(buyer, random, op, where, body, booking) {
		const key = random() < 0.6 ? `${op}-${buyer.id}-${this.requests.length}` : undefined;
		const request = this.#request(buyer, op, where, body, key, booking);
		if (key && random() < 0.1) this.twins.push(this.#send(request));
		return this.#insist(request);
	}

	#wish(random) {
		const event_id = String(this.event);
		if (random() < 0.4) return { event_id, section_id: 'G', seats_requested: 1 + Math.floor(random() * 4) };
		const among = random() < 0.5 ? Math.min(60, this.seats) : this.seats;
		const first = 1 + Math.floor(random() * (among - 2));
		return { event_id, seat_ids: crowd.range(1 + Math.floor(random() * 3), first).map(crowd.seat) };
	}

	async #buy(buyer, random) {
		this.twins ??= [];
		this.sold ??= 0;
		while (!this.over) {
			const held = await this.#ask(buyer, random, 'hold', '/bookings/hold', this.#wish(random));
			if (held && held.status < 300) await this.#decide(buyer, random, held.body);
			await crowd.sleep(2 * this.think * random());
		}
		await Promise.all(this.twins.splice(0));
	}

	// What becomes of a hold. Half of the house is sold for good at most, so that the sale goes on.
	async #decide(buyer, random, { booking_id: id, items }) {
		const move = (op) => this.#ask(buyer, random, op, `/bookings/${id}/${op}`, {}, id);
		const fate = random();
		await crowd.sleep(this.think * random());
		if (fate < 0.25) return move('release');
		if (fate < 0.4) return null; // it ends by itself
		const confirmed = await move('confirm');
		if (confirmed?.status !== 200) return confirmed;
		const places = items.reduce((sum, item) => sum + item.quantity, 0);
		if (random() < 0.4 && this.sold + places < (this.seats + this.places) / 2) {
			this.sold += places;
			return confirmed;
		}
		await crowd.sleep(this.think * random());
		return move('cancel');
	}

	// One place held and released over and over, without a key and without a pause for Retry-After, so
	// that the moment of a recovery is seen.
	async #watch(buyer) {
		const body = { event_id: String(this.event), section_id: 'G', seats_requested: 1 };
		while (!this.over) {
			const held = await this.#send(this.#request(buyer, 'hold', '/bookings/hold', body));
			if (held.status === 201) {
				const id = held.body.booking_id;
				await this.#send(this.#request(buyer, 'release', `/bookings/${id}/release`, {}, undefined, id));
			}
			await crowd.sleep(10);
		}
	}

	// What readyz says, and whether the event can be read.
	async #look() {
		while (!this.over) {
			const look = { began: Date.now(), status: 0 };
			await this.#exchange(look, { method: 'GET', path: '/readyz' });
			look.state = look.error ? 'none' : look.body?.status ?? 'none';
			if (!['ok', 'degraded', 'unavailable'].includes(look.state)) look.state = 'none';
			look.code = look.status;
			this.looks.push(look);
			const read = { began: Date.now(), status: 0 };
			await this.#exchange(read, { method: 'GET', path: `/api/v1/events/${this.event}/availability` });
			read.code = read.status;
			this.reads.push(read);
			await crowd.sleep(25);
		}
	}
}

// No answer, or one that says: ask again.
const isPassing = (answer) => answer.status === 0 || answer.status >= 500 ||
	['busy', 'idempotency-in-flight'].includes(answer.slug);

/*
 * When all parts are up again: Redis is reconciled with PostgreSQL until both are the same, and every
 * invariant holds. Entries of requests that were cut off are left alone by reconcile until nobody can be
 * at work on them any more.
 */
async function settle(sales) {
	const events = sales.map((sale) => sale.event);
	const differs = (event) => {
		const { stdout } = stack.program('reconcile', ['--event', event, '--dry-run', '--verbose']);
		assert.match(stdout, /_wrong=/);
		return /_wrong=[1-9]|rebuilt=yes/.test(stdout) && stdout;
	};
	await crowd.verify(events);
	for (const event of events) {
		for (let tries = 1, found; (found = differs(event)); tries++) {
			assert.ok(tries < 15, found);
			await crowd.sleep(1000);
			await crowd.redisBuild(event);
		}
	}
}

module.exports = { Sale, isPassing, randomOf, settle };
