// Stripe's API as far as payments and refunds go, on this host: strict about what it is sent, with the
// provider's idempotency, its statuses, its notices, and faults on demand. Started by hand it tells each
// notice at once:
//
//   node tests/lib/stripe.js PORT WEBHOOK_URL WEBHOOK_SECRET
'use strict';

const { randomBytes } = require('node:crypto');
const http = require('node:http');

const { freePort } = require('./front.js');
const npm = require('./npm.js');

const Stripe = npm('stripe');
const real = new Stripe('sk_test_unused');

const apiKey = 'sk_test_holdfast';
const currencies = new Set(['eur', 'usd', 'gbp', 'chf', 'jpy', 'isk']);
const cards = new Set(['pm_card_visa', 'pm_card_chargeDeclined']);
const id = (prefix) => `${prefix}_${randomBytes(12).toString('hex')}`;
const now = () => Math.floor(Date.now() / 1000);

class Refusal extends Error {
	constructor(status, type, message, extra = {}) {
		super(message);
		this.status = status;
		this.body = { error: { type, message, ...extra } };
	}
}

const invalid = (message, param) => new Refusal(400, 'invalid_request_error', message, { param });

// a[b][c]=1&d=2 as {a: {b: {c: '1'}}, d: '2'}.
function decode(text) {
	const out = {};
	for (const [name, value] of new URLSearchParams(text)) {
		const steps = name.split(/[[\]]+/).filter(Boolean);
		let at = out;
		for (const step of steps.slice(0, -1)) at = at[step] ??= {};
		if (steps.at(-1) in at) throw invalid(`${name} is given twice`, name);
		at[steps.at(-1)] = value;
	}
	return out;
}

function only(params, ...names) {
	for (const name of Object.keys(params))
		if (!names.includes(name)) throw invalid(`Received unknown parameter: ${name}`, name);
}

function integer(params, name, min) {
	if (!/^[1-9]\d{0,11}$/.test(params[name] ?? '')) throw invalid(`Invalid integer: ${name}`, name);
	if (Number(params[name]) < min) throw new Refusal(400, 'invalid_request_error',
		'Amount must be at least 50 cents', { code: 'amount_too_small', param: name });
	return Number(params[name]);
}

class StripeServer {
	constructor() {
		this.intents = new Map();
		this.refunds = new Map();
		this.keys = new Map();
		this.events = []; // those that happened, the first first; nothing is sent by itself
		this.calls = []; // 'POST /v1/payment_intents'
		this.times = []; // of each, in ms
		this.faults = [];
		this.sockets = new Set();
	}

	// On a port of its own, or on this one.
	async start(port) {
		const where = port ?? await freePort(); // which nobody takes while it is stopped
		this.server = http.createServer((request, answer) => this.take(request, answer));
		this.server.on('connection', (socket) => {
			this.sockets.add(socket);
			socket.on('close', () => this.sockets.delete(socket));
		});
		await new Promise((resolve, reject) => {
			this.server.on('error', reject);
			this.server.listen(where, '127.0.0.1', resolve);
		});
		this.port = where;
		this.url = `http://127.0.0.1:${this.port}`;
		return this;
	}

	// Nobody listens any more; start(port) begins again with all that is known.
	async stop() {
		for (const socket of this.sockets) socket.destroy();
		await new Promise((resolve) => { this.server.close(resolve); });
	}

	// Stripe's own client, talking to this server.
	client() {
		return new Stripe(apiKey, {
			host: '127.0.0.1', port: this.port, protocol: 'http', maxNetworkRetries: 0, telemetry: false,
		});
	}

	/*
	 * What the next calls (`METHOD path` fits the pattern) meet, so many times:
	 *   slow       the answer comes after ms
	 *   error      500, and nothing is done
	 *   kept       500, and the provider will say so again under the same key
	 *   busy       429
	 *   refuse     400
	 *   answer     this status and text, of somebody in between
	 *   cut        all is done, and the connection is cut before the answer
	 *   together   the answer comes once so many such calls are under way
	 */
	fault(pattern, kind, { times = 1, ms = 0, status = 0, text = '' } = {}) {
		this.faults.push({ pattern, kind, times, ms, status, text });
	}

	calm() {
		this.faults = [];
	}

	async take(request, answer) {
		const chunks = [];
		for await (const chunk of request) chunks.push(chunk);
		const call = `${request.method} ${request.url}`;
		this.calls.push(call);
		this.times.push(Date.now());
		const fault = this.faults.find((f) => f.times > 0 && f.pattern.test(call));
		if (fault) fault.times--;
		const reply = (status, body, headers = {}) => {
			const text = JSON.stringify(body);
			answer.writeHead(status, { 'Content-Type': 'application/json',
				'Content-Length': Buffer.byteLength(text), 'Request-Id': id('req'), ...headers });
			answer.end(text);
		};
		if (fault?.kind === 'answer') {
			answer.writeHead(fault.status, { 'Content-Type': 'text/html' });
			answer.end(fault.text);
			return;
		}
		if (fault?.kind === 'together') await this.together(fault);
		const text = Buffer.concat(chunks).toString();
		const key = request.headers['idempotency-key'];
		try {
			if (fault?.kind === 'error') throw new Refusal(500, 'api_error', 'Something went wrong.');
			if (fault?.kind === 'busy') throw new Refusal(429, 'invalid_request_error', 'Too many requests.');
			if (fault?.kind === 'refuse') throw invalid('This is not possible.');
			const said = this.once(request, text, key, fault);
			if (fault?.kind === 'cut') request.socket.destroy();
			else if (fault?.kind === 'slow') setTimeout(() => reply(...said), fault.ms);
			else reply(...said);
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			reply(error.status, error.body);
		}
	}

	together(fault) {
		return new Promise((resolve) => {
			(fault.waiting ??= []).push(resolve);
			if (fault.times === 0) for (const go of fault.waiting) go();
		});
	}

	// The provider's idempotency: what was answered once under a key is answered again.
	once(request, text, key, fault) {
		if (request.headers.authorization !== `Bearer ${apiKey}`)
			throw new Refusal(401, 'invalid_request_error', 'Invalid API Key provided: sk_***');
		if (!request.headers['stripe-version']) throw invalid('A version is wanted here.');
		if (request.method === 'POST' && text &&
			request.headers['content-type'] !== 'application/x-www-form-urlencoded')
			throw invalid('The body must be a form.');
		const mark = `${request.method} ${request.url} ${text}`;
		const known = request.method === 'POST' && this.keys.get(key);
		if (known && known.mark !== mark)
			throw new Refusal(400, 'idempotency_error', 'Keys can only be used with the same parameters.');
		if (known) return [known.status, known.body, { 'Idempotent-Replayed': 'true' }];
		let status = 200;
		let body;
		if (fault?.kind === 'kept') {
			status = 500;
			body = { error: { type: 'api_error', message: 'Something went wrong.' } };
		} else {
			body = structuredClone(this.route(request.method, new URL(request.url, this.url), decode(text)));
		}
		if (request.method === 'POST' && key) this.keys.set(key, { mark, status, body });
		return [status, body];
	}

	route(method, { pathname, search, searchParams }, params) {
		if (search && !(method === 'GET' && pathname === '/v1/refunds')) throw invalid('Nothing is asked for here.');
		const [, thing, which, verb] = /^\/v1\/(\w+)(?:\/(\w+))?(?:\/(\w+))?$/.exec(pathname) ?? [];
		if (thing === 'payment_intents') {
			if (method === 'POST' && !which) return this.create(params);
			const intent = this.intents.get(which);
			if (!intent) throw new Refusal(404, 'invalid_request_error',
				`No such payment_intent: '${which}'`, { code: 'resource_missing' });
			if (method === 'GET' && !verb) return intent;
			if (method === 'POST' && verb === 'cancel') return this.cancel(intent, params);
			if (method === 'POST' && verb === 'confirm') return this.confirm(intent, params);
		} else if (thing === 'refunds') {
			if (method === 'POST' && !which) return this.refund(params);
			if (method === 'GET' && this.refunds.has(which)) return this.refunds.get(which);
			if (method === 'GET' && !which) return { object: 'list', has_more: false, url: pathname,
				data: this.refundsOf(searchParams.get('payment_intent')) };
		}
		throw new Refusal(404, 'invalid_request_error', `Unrecognized request URL (${method}: ${pathname}).`);
	}

	create(params) {
		only(params, 'amount', 'currency', 'automatic_payment_methods', 'metadata');
		if (!currencies.has(params.currency)) throw invalid(`Invalid currency: ${params.currency}`, 'currency');
		if (params.automatic_payment_methods?.enabled !== 'true')
			throw invalid('Ways to pay are wanted.', 'automatic_payment_methods');
		const amount = integer(params, 'amount', 50);
		const name = id('pi');
		const intent = {
			id: name, object: 'payment_intent', amount, amount_capturable: 0, amount_received: 0,
			automatic_payment_methods: { allow_redirects: 'always', enabled: true },
			canceled_at: null, cancellation_reason: null, capture_method: 'automatic',
			client_secret: `${name}_secret_${randomBytes(12).toString('hex')}`,
			confirmation_method: 'automatic', created: now(), currency: params.currency, description: null,
			last_payment_error: null, latest_charge: null, livemode: false, metadata: params.metadata ?? {},
			next_action: null, payment_method: null, payment_method_types: ['card'],
			status: 'requires_payment_method',
		};
		this.intents.set(name, intent);
		this.happen('payment_intent.created', intent);
		return intent;
	}

	cancel(intent, params) {
		only(params, 'cancellation_reason');
		if (!/^requires_|^processing$/.test(intent.status)) throw new Refusal(400, 'invalid_request_error',
			`You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`,
			{ code: 'payment_intent_unexpected_state' });
		intent.status = 'canceled';
		intent.canceled_at = now();
		this.happen('payment_intent.canceled', intent);
		return intent;
	}

	confirm(intent, params) {
		only(params, 'payment_method', 'return_url');
		if (!/^requires_/.test(intent.status)) throw new Refusal(400, 'invalid_request_error',
			'This PaymentIntent could not be confirmed.', { code: 'payment_intent_unexpected_state' });
		if (!cards.has(params.payment_method)) throw invalid('No such payment method', 'payment_method');
		if (params.payment_method === 'pm_card_chargeDeclined') {
			intent.latest_charge = id('ch');
			intent.last_payment_error = { type: 'card_error', code: 'card_declined', charge: intent.latest_charge,
				decline_code: 'generic_decline', message: 'Your card was declined.',
				payment_method: { id: id('pm'), object: 'payment_method', type: 'card' } };
			intent.status = 'requires_payment_method';
			this.happen('payment_intent.payment_failed', intent);
			throw new Refusal(402, 'card_error', 'Your card was declined.',
				{ code: 'card_declined', decline_code: 'generic_decline', payment_intent: intent });
		}
		Object.assign(intent, { status: 'succeeded', amount_received: intent.amount, last_payment_error: null,
			latest_charge: id('ch'), payment_method: id('pm') });
		this.happen('payment_intent.succeeded', intent);
		return intent;
	}

	refund(params) {
		only(params, 'payment_intent', 'amount', 'metadata', 'reason');
		const intent = this.intents.get(params.payment_intent);
		if (!intent) throw new Refusal(404, 'invalid_request_error', 'No such payment_intent',
			{ code: 'resource_missing' });
		const amount = integer(params, 'amount', 1);
		const gone = [...this.refunds.values()].filter((r) => r.payment_intent === intent.id &&
			!/^(failed|canceled)$/.test(r.status)).reduce((sum, r) => sum + r.amount, 0);
		if (amount > intent.amount_received - gone) throw new Refusal(400, 'invalid_request_error',
			'Refund amount is greater than unrefunded amount on charge.', { code: 'charge_already_refunded' });
		const refund = { id: id('re'), object: 'refund', amount, balance_transaction: null,
			charge: intent.latest_charge, created: now(), currency: intent.currency,
			metadata: params.metadata ?? {}, payment_intent: intent.id, reason: params.reason ?? null,
			status: this.refundsPend ? 'pending' : 'succeeded' };
		this.refunds.set(refund.id, refund);
		this.happen('refund.created', refund);
		return refund;
	}

	// A refund that was pending ends, well or not.
	settle(refund, status) {
		refund.status = status;
		if (status === 'failed') refund.failure_reason = 'expired_or_canceled_card';
		this.happen(status === 'failed' ? 'refund.failed' : 'refund.updated', refund);
	}

	// The buyer's bank takes a payment back.
	dispute(payment) {
		const { amount_received: amount, currency } = this.intents.get(payment);
		const dispute = { id: id('du'), object: 'dispute', amount, currency, payment_intent: payment,
			reason: 'fraudulent', status: 'needs_response' };
		this.happen('charge.dispute.created', dispute);
		return dispute;
	}

	happen(type, object) {
		this.events.push({ id: id('evt'), object: 'event', api_version: '2024-06-20', created: now(), type,
			data: { object: structuredClone(object) }, livemode: false, pending_webhooks: 1,
			request: { id: null, idempotency_key: null } });
	}

	// The buyer's side: a card, as the browser would send it.
	pay(payment, card = 'pm_card_visa') {
		const intent = this.intents.get(payment);
		try {
			return this.confirm(intent, { payment_method: card });
		} catch (error) {
			if (!(error instanceof Refusal) || error.status !== 402) throw error;
			return intent;
		}
	}

	// The last notice about an object.
	notice(name, type) {
		return this.events.findLast((event) => event.data.object.id === name && (!type || event.type === type));
	}

	// All of refunds of a payment.
	refundsOf(payment) {
		return [...this.refunds.values()].filter((refund) => refund.payment_intent === payment);
	}
}

// The header that Stripe sends with a payload, made by Stripe's own library.
const sign = (payload, secret, timestamp) => real.webhooks.generateTestHeaderString(
	{ payload, secret, ...(timestamp ? { timestamp } : {}) });

module.exports = { StripeServer, apiKey, sign };

// For those who try a purchase on their own machine.
async function main([port, url, secret]) {
	const stripe = await new StripeServer().start(Number(port));
	console.log(`${stripe.url} takes the key ${apiKey}`);
	for (let next = 0; ; await new Promise((resolve) => { setTimeout(resolve, 100); })) {
		for (; next < stripe.events.length; next++) {
			const payload = JSON.stringify(stripe.events[next]);
			const answer = await fetch(url, { method: 'POST', body: payload,
				headers: { 'Content-Type': 'application/json', 'Stripe-Signature': sign(payload, secret) } })
				.then(async (said) => `${said.status} ${await said.text()}`, (error) => error.message);
			console.log(`${stripe.events[next].type}: ${answer}`);
		}
	}
}
if (require.main === module) main(process.argv.slice(2));
