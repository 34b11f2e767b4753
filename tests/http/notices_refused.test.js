// Receivers of notices that are slow, and a mail server that refuses everything: what others wait, and what is lost.
'use strict';

const assert = require('node:assert/strict');
const { after, before, beforeEach, test } = require('node:test');

const { due, from, notices, run, webhookOf } = require('../lib/outbox.js');
const { Mailbox, Webhooks } = require('../lib/receivers.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

let organizer, buyer, mailbox;

const mail = (...args) => run('--set', `smtp_url=${mailbox.url}`, '--set', from, ...args);
const forget = () => stack.sql(`delete from deliveries; delete from webhooks;
	update delivery_lanes set failures = 0, refused = 0, paused_until = '-infinity'`);

before(async () => {
	[organizer, buyer, mailbox] = await Promise.all([world.staff(), world.buyer(), new Mailbox().open()]);
	await run();
});
beforeEach(() => {
	forget();
	mailbox.mails = [];
	mailbox.refuse = () => null;
});
after(async () => {
	await mailbox.close();
	forget();
	stack.verify();
});

test('one that is slow takes little from others', async () => {
	const [good, slow] = await Promise.all([new Webhooks().open(),
		new Webhooks((call, response) => setTimeout(() => response.writeHead(200).end(), 1100)).open()]);
	await webhookOf(organizer, slow);
	await webhookOf(organizer, good);
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 9; i++) await world.confirmed(buyer, id, 1);
	await run();
	assert.equal(good.calls.length, 10);
	assert.ok(slow.calls.length >= 1, `${slow.calls.length} calls`);
	const lastOfGood = good.calls.at(-1).at;
	assert.ok(slow.calls.filter((call) => call.at < lastOfGood).length <= 8, 'all at once at its turn, none while others wait');
	assert.equal(slow.calls.length, 10, 'and the rest when nobody does');
	await Promise.all([good.close(), slow.close()]);
});

test('mails do not wait for a receiver that takes long, succeeds, and has much to get', async () => {
	const mails = 30;
	const seen = []; // at each call: how many mails had arrived
	const slow = await new Webhooks((call, response) => {
		seen.push(mailbox.mails.length);
		setTimeout(() => response.writeHead(204).end(), mailbox.mails.length < mails ? 1100 : 0);
	}).open();
	await webhookOf(organizer, slow, { kinds: ['booking.confirmed'] });
	for (const { event_id: id } of [await world.event(organizer), await world.event(organizer), await world.event(organizer)])
		for (let i = 0; i < mails / 3; i++) await world.confirmed(buyer, id, 1);
	await mail();
	assert.equal(mailbox.mails.length, mails);
	assert.equal(slow.calls.length, mails, 'it gets all as well');
	assert.deepEqual(seen.slice(8).filter((n) => n < mails), [], 'eight at once, and the others when all mails are gone');
	assert.equal(stack.sql(`select count(*) from deliveries where status <> 'done'`).trim(), '0');
	await slow.close();
});

test('no event waits for another one’s receiver until it is published', async () => {
	const left = [];
	const receiver = await new Webhooks((call, response) => {
		left.push(Number(stack.sql('select count(distinct event_id) from notices_new')));
		response.writeHead(204).end();
	}).open();
	await webhookOf(organizer, receiver);
	for (let i = 0; i < 6; i++) await world.event(organizer);
	await run();
	assert.equal(receiver.calls.length, 6);
	assert.ok(left[0] <= 4, `${left[0]} of 6 wait when the first receiver is called`);
	await receiver.close();
});

test('a limit is kept over all that is sent', async () => {
	const receiver = await new Webhooks((call, response) => response.writeHead(400).end()).open();
	await webhookOf(organizer, receiver, { kinds: ['booking.confirmed'] });
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 6; i++) await world.confirmed(buyer, id, 1);
	assert.match(await mail('--limit', '3'), / rows=3 .* published=3 mails=0 /);
	mailbox.refuse = () => ({ code: 450, text: 'Later' });
	await mail();
	mailbox.refuse = () => null;
	receiver.answer = (call, response) => response.writeHead(204).end();
	due();
	assert.match(await mail('--limit', '2'), / rows=2 .* mails=2 .* webhooks=0 /);
	assert.match(await mail('--limit', '7'), / rows=7 .* mails=4 .* webhooks=3 /);
	assert.match(await mail(), / mails=0 .* webhooks=3 /);
	await receiver.close();
});

test('one that serves one call at a time is called one by one, and has not failed', async () => {
	let serving = Promise.resolve(), waiting = 0, most = 0;
	const serial = await new Webhooks((call, response) => {
		most = Math.max(most, ++waiting);
		serving = serving.then(() => new Promise((resolve) => { setTimeout(resolve, 400); }))
			.then(() => { waiting--; response.writeHead(204).end(); });
	}).open();
	const hook = await webhookOf(organizer, serial);
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 7; i++) await world.confirmed(buyer, id, 1);
	const lane = () => stack.sql(`select failures, slow, single_until > now() + interval '9 minutes'
		from delivery_lanes where lane = '${hook.webhook_id}'`).trim();
	await run();
	assert.equal(most, 8);
	assert.equal(lane(), '0|f|t');
	await serving;
	most = 0;
	due();
	await run();
	assert.equal(most, 1);
	assert.equal(stack.sql(`select count(*) from deliveries where status <> 'done'`).trim(), '0');
	await serial.close();
});

test('a mail server that refuses all of us loses no mail', async () => {
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 5; i++) await world.confirmed(buyer, id, 1);
	const answers = {
		'the greeting': { greeting: 554 }, 'the sender': { sender: 550 }, 'relaying': { recipient: { code: 550, text: '5.7.1 Relaying denied' } },
		'logins alone': { recipient: { code: 530, text: '5.7.0 Authentication required' } },
	};
	for (const [what, refusing] of Object.entries(answers)) {
		due();
		Object.assign(mailbox, { greeting: null, sender: null, refuse: () => refusing.recipient ?? null }, refusing);
		assert.match(await mail(), / mails=0 mails_later=1 mails_dead=0 /, what);
	}
	mailbox.greeting = mailbox.sender = null;
	mailbox.refuse = () => ({ code: 550, text: 'relay denied' });
	for (let i = 0; i < 5; i++) {
		due();
		await mail();
	}
	assert.equal(stack.sql("select count(*) from deliveries where channel = 'mail' and status = 'dead'"), '3', 'and hardly any if it does not say why');
	assert.equal(notices('resend', 'all-dead').stdout, '3\n');
	mailbox.refuse = (address) => (address === buyer.email ? null : { code: 550, text: '5.1.1 No such user' });
	due();
	await mail();
	assert.equal(mailbox.mails.length, 5);
	for (let i = 0; i < 5; i++) await world.confirmed(await world.buyer(), id, 1);
	assert.match(await mail(), / mails=0 mails_later=0 mails_dead=5 /, 'nobody is there');
});
