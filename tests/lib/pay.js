// Money in tests: the stack with a provider that stands in for Stripe, buyers who pay, notices, and jobs.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');

const { assertStatus, call, get, post } = require('./client.js');
const stack = require('./stack.js');
const { apiKey, sign, StripeServer } = require('./stripe.js');
const { event, held, settled } = require('./world.js');

const secret = 'whsec_holdfast';

// The pools that ask who takes money.
const takers = ['payment', 'webhooks', 'admin'];

// The stack takes money from now on; payments that are open are asked about whenever the sweep runs.
async function open(changes) {
	const stripe = await new StripeServer().start();
	await stack.change({ payment_provider: 'stripe', stripe_api_base: `${stripe.url}/v1/`, stripe_api_key: apiKey,
		stripe_webhook_secret: secret, payment_timeout_ms: 2000, ...changes }, ...takers);
	return stripe;
}

async function close(stripe) {
	await stripe.stop();
	await stack.change({ payment_provider: 'none' }, ...takers);
}

// An event that is paid for.
const soldEvent = (organizer, changes) => event(organizer, { payment: 'stripe', ...changes });

const checkout = (who, booking, options) =>
	post(`/bookings/${booking.booking_id ?? booking}/checkout`, undefined, { token: who.token, ...options });

// A checkout that must succeed: what the buyer's browser gets.
const offered = async (who, booking) => assertStatus(await checkout(who, booking), 200).body;

// A hold of an event that is paid for.
async function begun(organizer, who, places = ['B1', 'B2']) {
	const { event_id: id } = await soldEvent(organizer);
	return { id, booking: await held(who, id, places) };
}

// What somebody in between, or a provider that is out of its mind, might say with 200.
const senseless = ['', 'null', '[]', '"pi_1"', '{}', '{"id": "pi_1"', '{"id": "pi_1"}'];

// A notice as Stripe sends it. header: what stands in place of its signature.
function notify(notice, { header, by = secret, at, ...options } = {}) {
	const payload = typeof notice === 'string' ? notice : JSON.stringify(notice);
	return call('POST', '/webhooks/stripe', { body: payload, type: 'application/json; charset=utf-8',
		...options, headers: { 'Stripe-Signature': header ?? sign(payload, by, at), ...options.headers } });
}

// A notice that must be taken: what it did.
const told = async (notice, options) => assertStatus(await notify(notice, options), 200).body.outcome;

// A booking that is paid and confirmed.
async function bought(stripe, organizer, who, places) {
	const { id, booking } = await begun(organizer, who, places);
	const { payment_id: payment } = await offered(who, booking);
	stripe.pay(payment);
	assert.equal(await told(stripe.notice(payment)), 'confirmed');
	return { id, booking, payment };
}

const show = async (who, booking) =>
	assertStatus(await get(`/bookings/${booking.booking_id}`, { token: who.token }), 200).body;

const shows = (who, booking, want) => settled(async () => {
	const found = await show(who, booking);
	assert.deepEqual(Object.fromEntries(Object.keys(want).map((name) => [name, found[name]])), want);
});

// A program that calls the provider, which is in this process and must be able to answer meanwhile.
function start(name, args = []) {
	const child = spawn(`${stack.env.HOLDFAST_BIN}/holdfast-${name}`, ['--config', stack.env.HOLDFAST_CONF, ...args],
		{ env: { ...stack.env, DATABASE_URL: undefined }, stdio: ['ignore', 'pipe', 'pipe'] });
	const said = { stdout: '', stderr: '' };
	for (const way of ['stdout', 'stderr']) child[way].on('data', (bytes) => { said[way] += bytes; });
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (status, signal) => resolve({ status, signal, ...said }));
	});
}

// A job whose run must succeed; the summary.
async function job(name, ...args) {
	const done = await start(name, args);
	assert.equal(done.status, 0, done.stdout + done.stderr);
	return done.stderr;
}

const allDue = () => stack.sql(
	"update payments set asked_at = now() - interval '1 hour' where status in ('opening', 'open')");

// The sweep, of everything that is not settled, however lately it was asked about.
function sweep() {
	allDue();
	return job('payment-sweep');
}

const refundsDue = () => stack.sql("update refunds set next_at = now() where status in ('requested', 'sent')");

// Refunds that are owed are sent, or asked about.
function refund() {
	refundsDue();
	return job('outbox');
}

module.exports = {
	allDue, begun, bought, checkout, close, job, notify, offered, open, refund, refundsDue, secret, senseless, show, shows, sign,
	soldEvent, start, sweep, told,
};
