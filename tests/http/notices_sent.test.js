// Notices delivered: to webhooks, checked by the library of Standard Webhooks and by openssl, and as mail, to a
// mail server of npm. Times are moved in the database, not waited for.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, beforeEach, test } = require('node:test');

const { assertStatus, get, post, put } = require('../lib/client.js');
const { scrape } = require('../lib/metrics.js');
const npm = require('../lib/npm.js');
const { deliveries, due, from, notices, outbox, run, webhookOf } = require('../lib/outbox.js');
const { Mailbox, Webhooks } = require('../lib/receivers.js');
const stack = require('../lib/stack.js');
const world = require('../lib/world.js');

let organizer, admin, buyer, mailbox;

const webhook = (receiver, options) => webhookOf(organizer, receiver, options);
const mail = (...args) => run('--set', `smtp_url=${mailbox.url}`, '--set', from, ...args);

before(async () => {
	[organizer, admin] = await Promise.all(['organizer', 'admin'].map((r) => world.staff(r)));
	buyer = await world.buyer();
	mailbox = await new Mailbox().open();
	// What other tests have left is nothing to us.
	await run();
});
after(async () => {
	await mailbox.close();
	stack.sql("delete from deliveries; delete from webhooks");
	stack.verify();
});
beforeEach(async () => {
	stack.sql('delete from deliveries; delete from webhooks');
	await run();
	stack.sql('delete from deliveries; update delivery_lanes set failures = 0, refused = 0');
	due();
	organizer = await world.staff();
	mailbox.mails = [];
	Object.assign(mailbox, { refuse: () => null, hold: null, greeting: null, sender: null });
});

// ---- webhooks ------------------------------------------------------------------------------------

test('signed so that others can check it', async () => {
	const { Webhook } = npm('standardwebhooks');
	const receiver = await new Webhooks().open();
	const hook = await webhook(receiver, { kinds: ['booking.confirmed'] });
	const { event_id: id } = await world.event(organizer);
	const booking = await world.confirmed(buyer, id, 2);
	assert.match(await run(), /webhooks=1 webhooks_later=0 webhooks_dead=0/);
	const [call] = receiver.calls;
	assert.equal(receiver.calls.length, 1);
	assert.equal(`${call.method} ${call.path}`, 'POST /hook');
	const said = new Webhook(hook.secret).verify(call.text, call.headers);
	assert.equal(said.type, 'booking.confirmed');
	const [, logged] = assertStatus(await get(`/admin/events/${id}/log`, { token: organizer.token }), 200).body.items;
	assert.deepEqual(said.data, logged, 'the same as in the log');
	assert.equal(said.data.booking_id, booking.booking_id);
	assert.throws(() => new Webhook(hook.secret).verify(`${call.text} `, call.headers));
	const key = Buffer.from(hook.secret.slice('whsec_'.length), 'base64').toString('hex');
	const signed = `${call.headers['webhook-id']}.${call.headers['webhook-timestamp']}.${call.text}`;
	const openssl = spawnSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key}`, '-binary'], { input: signed });
	assert.equal(call.headers['webhook-signature'], `v1,${openssl.stdout.toString('base64')}`);
	await receiver.close();
});

test('tried again later under the same id, in order for one booking, and others do not wait', async () => {
	const first = await world.event(organizer);
	let broken;
	const receiver = await new Webhooks((call, response) =>
		response.writeHead(call.body.data.booking_id === broken ? 400 : 200).end('x'.repeat(100000))).open();
	await webhook(receiver);
	const b1 = await world.confirmed(buyer, first.event_id, 1);
	broken = b1.booking_id;
	assertStatus(await world.move(buyer, b1, 'cancel'), 200);
	const b2 = await world.confirmed(buyer, first.event_id, 1);
	await run();
	assert.deepEqual(receiver.calls.map((c) => c.body.type), ['event.created', 'booking.confirmed', 'booking.confirmed']);
	assert.deepEqual(deliveries(first.event_id),
		['event.created|done', 'booking.confirmed|waiting', 'booking.cancelled|waiting', 'booking.confirmed|done']);
	assert.match(stack.sql(`select error from deliveries where error is not null`), /answered 400/);
	await run();
	assert.equal(receiver.calls.length, 3, 'not yet');
	due();
	broken = b2.booking_id;
	await run();
	assert.deepEqual(receiver.calls.slice(3).map((c) => c.body.type), ['booking.confirmed', 'booking.cancelled']);
	assert.equal(receiver.calls[3].headers['webhook-id'], receiver.calls[1].headers['webhook-id']);
	assert.deepEqual(receiver.calls[3].body, receiver.calls[1].body);
	await receiver.close();
});

test('a receiver that is down is left alone, costs nobody else anything, and gets all in the end', async () => {
	const [good, bad] = await Promise.all([new Webhooks().open(),
		new Webhooks((call, response) => response.writeHead(500).end()).open()]);
	await webhook(bad);
	await webhook(good);
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 10; i++) await world.confirmed(buyer, id, 1);
	await run();
	assert.equal(good.calls.length, 11);
	assert.ok(bad.calls.length >= 1 && bad.calls.length <= 8, `${bad.calls.length} calls`);
	assert.equal(stack.sql(`select failures, paused_until < now() + interval '7 seconds' from delivery_lanes
		where failures > 0`).trim(), '1|t', 'several that fail at once are one failure');
	due();
	const before = bad.calls.length;
	await run();
	assert.equal(bad.calls.length, before + 1, 'one to see whether it is back');
	bad.answer = (call, response) => response.writeHead(204).end();
	due();
	await run();
	assert.equal(good.calls.length, 11);
	assert.deepEqual(new Set(deliveries(id, 'status')), new Set(['done']));
	await Promise.all([good.close(), bad.close()]);
});

test('a receiver gets several calls at once, up to eight', async () => {
	const waiting = [];
	let most = 0;
	const receiver = await new Webhooks((call, response) => {
		most = Math.max(most, waiting.push(response));
		if (waiting.length < 8) return;
		for (const one of waiting.splice(0)) one.writeHead(204).end();
	}).open();
	await webhook(receiver, { kinds: ['booking.confirmed'] });
	for (const { event_id: id } of [await world.event(organizer), await world.event(organizer)])
		for (let i = 0; i < 8; i++) await world.confirmed(buyer, id, 1);
	await run();
	assert.equal(most, 8);
	assert.equal(receiver.calls.length, 16);
	await receiver.close();
});

test('one that does not answer holds nobody up for long', async () => {
	const [good, slow] = await Promise.all([new Webhooks().open(), new Webhooks(() => {}).open()]);
	await webhook(slow);
	await webhook(good);
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 10; i++) await world.confirmed(buyer, id, 1);
	await mail();
	assert.equal(good.calls.length, 11);
	assert.equal(mailbox.mails.length, 10);
	assert.ok(slow.calls.length <= 8);
	await Promise.all([good.close(), slow.close()]);
});

test('redirects are not followed', async () => {
	const elsewhere = await new Webhooks().open();
	const receiver = await new Webhooks((call, response) =>
		response.writeHead(307, { Location: elsewhere.url }).end()).open();
	await webhook(receiver);
	const { event_id: id } = await world.event(organizer);
	await run();
	assert.equal(receiver.calls.length, 1);
	assert.equal(elsewhere.calls.length, 0);
	assert.deepEqual(deliveries(id), ['event.created|waiting']);
	await Promise.all([receiver.close(), elsewhere.close()]);
});

test('410 ends a webhook', async () => {
	const receiver = await new Webhooks((call, response) => response.writeHead(410).end()).open();
	const hook = await webhook(receiver);
	const { event_id: id } = await world.event(organizer);
	await world.confirmed(buyer, id, 1);
	await run();
	assert.deepEqual(deliveries(id), ['event.created|dead', 'booking.confirmed|dead']);
	const [shown] = assertStatus(await get('/admin/webhooks', { token: organizer.token }), 200).body.items;
	assert.equal(shown.webhook_id, hook.webhook_id);
	assert.equal(shown.status, 'disabled');
	assert.ok(shown.disabled_at);
	const before = receiver.calls.length;
	await world.confirmed(buyer, id, 1);
	assert.equal(notices('resend', 'all-dead').stdout, '0\n');
	await run();
	assert.equal(receiver.calls.length, before);
	await receiver.close();
});

test('an address that turns out to be private is not called', async () => {
	const receiver = await new Webhooks().open();
	await webhook(receiver);
	const { event_id: id } = await world.event(organizer);
	for (const url of [receiver.url, receiver.url.replace('127.0.0.1', 'localhost'), receiver.url.replace('127.0.0.1', '[::ffff:127.0.0.1]')]) {
		stack.sql(`update webhooks set url = '${url}/'`);
		due();
		const done = await outbox('--set', 'webhooks_allow_private=off').end;
		assert.equal(done.status, 0, done.stderr);
		assert.match(deliveries(id, 'error')[0], /not a public one|resolve|connect/i);
	}
	assert.equal(receiver.calls.length, 0);
	due();
	await run();
	assert.equal(receiver.calls.length, 1, 'where that is allowed it is');
	await receiver.close();
});

test('given up after three days, listed, sent again by hand under the same id', async () => {
	const receiver = await new Webhooks((call, response) => response.writeHead(503).end()).open();
	await webhook(receiver);
	const { event_id: id } = await world.event(organizer);
	await run();
	stack.sql("update deliveries set since = now() - interval '73 hours'");
	due();
	assert.match(await run(), /webhooks_dead=1/);
	const listed = notices('list', '--status', 'dead');
	assert.equal(listed.status, 0, listed.stderr);
	assert.match(listed.stdout, new RegExp(`^[0-9a-f-]{36} dead webhook event.created event=${id} .* tries=2 .*answered_503\n$`));
	assert.match(notices('state').stdout, /^webhook waiting=0 oldest_seconds=0 dead=1$/m);
	const metrics = await get('/metrics', { root: true });
	assert.match(metrics.text, /^holdfast_outbox_dead\{channel="webhook"\} 1$/m);
	assert.match(metrics.text, /^holdfast_outbox_waiting\{channel="log"\} \d+$/m);
	receiver.answer = (call, response) => response.writeHead(200).end();
	const one = listed.stdout.slice(0, 36);
	assert.equal(notices('resend', one).stdout, '1\n');
	await run();
	assert.deepEqual(receiver.calls.map((c) => c.headers['webhook-id']), [one, one, one]);
	assert.deepEqual(deliveries(id), ['event.created|done']);
	assert.equal(notices('resend', '00000000-0000-4000-8000-000000000000').status, 1);
	for (const words of [['resend', 'x'], ['resend'], ['list', '--status', 'x'], ['list', '--limit', '0'], ['x'], [], ['list', 'x']])
		assert.equal(notices(...words).status, 2, words.join(' '));
	await receiver.close();
});

test('killed in the middle: repeated with the same id, never lost', async () => {
	let reached;
	const arrived = new Promise((resolve) => { reached = resolve; });
	const receiver = await new Webhooks(() => reached()).open();
	await webhook(receiver);
	const { event_id: id } = await world.event(organizer);
	const job = outbox('--set', 'webhook_timeout_ms=60000');
	await arrived;
	job.child.kill('SIGKILL');
	assert.equal((await job.end).signal, 'SIGKILL');
	assert.deepEqual(deliveries(id), ['event.created|waiting']);
	receiver.answer = (call, response) => response.writeHead(200).end();
	due();
	await run();
	assert.equal(receiver.calls.length, 2);
	assert.equal(receiver.calls[0].headers['webhook-id'], receiver.calls[1].headers['webhook-id']);
	assert.deepEqual(deliveries(id), ['event.created|done']);
	await receiver.close();
});

// ---- mail ----------------------------------------------------------------------------------------

const to = (who) => mailbox.mails.filter((m) => m.envelope.rcptTo[0].address === who.email);

test('a booking is confirmed by mail, as text and HTML, in the time of the event', async () => {
	const { event_id: id } = await world.event(organizer, { title: 'Ärger & <Freude> – 愛', timezone: 'Europe/Berlin',
		event_date: `${world.nextYear}-07-01T18:00:00Z` });
	const booking = await world.confirmed(buyer, id, ['B1', 'VIP-A-3']);
	assert.match(await mail(), / mails=1 mails_later=0 mails_dead=0 /);
	const [sent] = to(buyer);
	assert.equal(mailbox.mails.length, 1);
	assert.equal(sent.envelope.mailFrom.address, 'office@example.test');
	assert.deepEqual(sent.from.value, [{ address: 'office@example.test', name: 'Box office' }]);
	assert.equal(sent.to.text, buyer.email);
	assert.equal(sent.subject, 'Your booking for Ärger & <Freude> – 愛');
	assert.match(sent.messageId, /^<[0-9a-f-]{36}@example\.test>$/);
	assert.equal(sent.headers.get('auto-submitted'), 'auto-generated');
	assert.equal(sent.headers.get('content-type').value, 'multipart/alternative');
	assert.ok(Math.abs(sent.date - Date.now()) < 600000);
	for (const line of ['Ärger & <Freude> – 愛', '- VIP, row B, seat B1', '- VIP, row A, seat 3', 'Total: 16.00 EUR', booking.booking_id])
		assert.ok(sent.text.includes(line), `${line} in ${sent.text}`);
	assert.match(sent.text, new RegExp(`\\w+day 1 July ${world.nextYear}, 20:00 \\(Europe/Berlin, UTC\\+02:00\\)`));
	assert.ok(sent.html.includes('Ärger &amp; &lt;Freude&gt; – 愛') && !sent.html.includes('<Freude>'));
	assert.ok(sent.html.includes('<li>VIP, row B, seat B1</li>'));
	assert.ok(!sent.text.includes('{{') && !sent.html.includes('{{'));
	assert.deepEqual(sent.raw.split('\r\n').filter((line) => line.length > 78 || !/^[\x20-\x7e\t]*$/.test(line)), []);
});

test('a part of it cancelled, then the rest', async () => {
	const { event_id: id } = await world.event(organizer);
	const booking = await world.confirmed(buyer, id, ['B1', 'B2']);
	assertStatus(await world.move(buyer, booking, 'cancel', { items: [{ seat_id: 'B2' }] }), 200);
	assertStatus(await world.move(buyer, booking, 'cancel'), 200);
	await mail();
	const [, part, whole] = to(buyer);
	assert.equal(part.subject, 'A part of your booking for An evening is cancelled');
	assert.match(part.text, /Given up:\n- B2\n\nWhat you still have:\n/);
	assert.equal(whole.subject, 'Cancelled: your booking for An evening');
	assert.match(whole.text, /Given up:\n- B1\n/);
	assert.ok(!whole.text.includes('still have'));
});

test('nothing that a title or a name holds becomes a header', async () => {
	const { event_id: id } = await world.event(organizer, { title: 'A\r\nBcc: all@example.test\r\n\r\nB' }).catch(() => ({}));
	const event = id ?? (await world.event(organizer, { title: '=?UTF-8?Q?A=0D=0ABcc:_all@example.test?=' })).event_id;
	stack.sql(`update users set name = E'X\\r\\nBcc: all@example.test' where user_id = '${buyer.user_id}'`);
	await world.confirmed(buyer, event, 1);
	await mail();
	stack.sql(`update users set name = null where user_id = '${buyer.user_id}'`);
	const [sent] = mailbox.mails;
	assert.equal(mailbox.mails.length, 1);
	assert.deepEqual(sent.envelope.rcptTo.map((r) => r.address), [buyer.email]);
	assert.equal(sent.bcc, undefined);
	assert.ok(!/^bcc/im.test(sent.raw.split('\r\n\r\n')[0]));
});

test('a mailbox that refuses: now, and for good; others do not wait', async () => {
	const [full, gone] = [await world.buyer(), await world.buyer()];
	const { event_id: id } = await world.event(organizer);
	for (const who of [full, gone, buyer]) await world.confirmed(who, id, 1);
	mailbox.refuse = (address) => (address === full.email ? { code: 450, text: 'Mailbox full' }
		: address === gone.email ? { code: 550, text: 'No such user' } : null);
	assert.match(await mail(), / mails=1 mails_later=1 mails_dead=1 /);
	assert.deepEqual(mailbox.mails.map((m) => m.to.text), [buyer.email]);
	assert.match(notices('list', '--status', 'dead').stdout, /error=[^\n]*550/);
	mailbox.refuse = () => null;
	due();
	await mail();
	assert.deepEqual(mailbox.mails.map((m) => m.to.text), [buyer.email, full.email]);
});

test('the mail server is down for an hour, and nothing is lost', async () => {
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 4; i++) await world.confirmed(buyer, id, 1);
	await mailbox.close();
	assert.match(await mail(), / mails=0 mails_later=1 /, 'one is tried');
	assert.match(await mail(), / mails=0 mails_later=0 /, 'and then it is left alone');
	stack.sql("update deliveries set created_at = created_at - interval '1 hour', since = since - interval '1 hour'");
	due();
	assert.match(await mail(), / mails_later=1 /);
	const [hook] = [await new Webhooks().open()];
	await webhook(hook);
	await world.confirmed(buyer, id, 1);
	await mail();
	assert.equal(hook.calls.length, 1, 'webhooks go on');
	await hook.close();
	mailbox = await new Mailbox().open();
	due();
	await mail();
	assert.equal(mailbox.mails.length, 5);
	assert.equal(new Set(mailbox.mails.map((m) => m.messageId)).size, 5);
});

test('a mail server that is slow holds up webhooks only a moment', async () => {
	const hook = await new Webhooks().open();
	await webhook(hook, { kinds: ['booking.confirmed'] });
	const { event_id: id } = await world.event(organizer);
	for (let i = 0; i < 10; i++) await world.confirmed(buyer, id, 1);
	let release;
	mailbox.hold = new Promise((resolve) => { release = resolve; });
	await mail();
	assert.equal(hook.calls.length, 10);
	assert.ok(mailbox.connections < 20);
	release();
	mailbox.hold = null;
	due();
	await mail();
	assert.equal(new Set(to(buyer).map((m) => m.messageId)).size, 10);
	await hook.close();
});

test('a changed date and a cancelled event reach every buyer with a booking, once', async () => {
	const others = [await world.buyer(), await world.buyer(), await world.buyer()];
	const { event_id: id } = await world.event(organizer);
	for (const who of others.slice(0, 2)) await world.confirmed(who, id, 1);
	await world.confirmed(others[0], id, 1);
	await world.held(others[2], id, 1);
	await mail();
	mailbox.mails = [];
	assertStatus(await put(`/admin/events/${id}`, { description: 'New' }, { token: organizer.token }), 200);
	assertStatus(await put(`/admin/events/${id}`, { event_date: `${world.nextYear}-06-01T19:00:00Z` }, { token: organizer.token }), 200);
	await mail();
	assert.deepEqual(mailbox.mails.map((m) => m.to.text).sort(), others.slice(0, 2).map((w) => w.email).sort());
	assert.match(mailbox.mails[0].text, /It was to be: \w+day 1 May/);
	assert.equal(mailbox.mails[0].subject, 'Changed: An evening');
	mailbox.mails = [];
	assertStatus(await put(`/admin/events/${id}`, { status: 'cancelled' }, { token: organizer.token }), 200);
	await mail();
	assert.deepEqual(mailbox.mails.map((m) => m.subject), ['Cancelled: An evening', 'Cancelled: An evening']);
});

test('the organizer and admins hear of what went wrong with money', async () => {
	const { event_id: id } = await world.event(organizer);
	const booking = await world.confirmed(buyer, id, 1);
	await mail();
	mailbox.mails = [];
	stack.sql(`select notice_write(${id}, '${booking.booking_id}', 'booking.unfulfilled', '{"amount": 1250, "currency": "EUR"}');
		select notice_write(${id}, '${booking.booking_id}', 'refund.failed', '{"amount": 1250, "currency": "EUR"}');
		select notice_write(${id}, '${booking.booking_id}', 'payment.disputed', '{"amount": 1250, "currency": "EUR"}');
		select notice_write(${id}, '${booking.booking_id}', 'refund.done', '{"amount": 1250, "currency": "EUR"}')`);
	await mail();
	assert.deepEqual(to(buyer).map((m) => m.subject), ['Your payment for An evening came too late', 'Your refund for An evening']);
	assert.match(to(buyer)[0].text, /You get back 12\.50 EUR/);
	for (const who of [organizer, admin])
		assert.deepEqual(to(who).map((m) => m.subject).sort(), ['A payment is disputed: An evening', 'A refund has failed: An evening',
			'Paid, and no places left: An evening']);
});

test('an address that mail cannot go to is given up at once', async () => {
	const odd = await world.buyer();
	const { event_id: id } = await world.event(organizer);
	await world.confirmed(odd, id, 1);
	for (const address of ['a<b>@example.test', '"a"@example.test', 'a@-example.test', 'ä@example.test',
		'a..b@example.test']) {
		stack.sql(`update users set email = '${address}' where user_id = '${odd.user_id}'`);
		stack.sql("update deliveries set status = 'waiting', ended_at = null");
		due();
		assert.match(await mail(), / mails=0 mails_later=0 mails_dead=1 /, address);
	}
	assert.equal(mailbox.mails.length, 0);
});

test('a name and a password, where the server wants them', async (t) => {
	const strict = new Mailbox({ authOptional: false, onAuth: (auth, session, done) =>
		(auth.username === 'office' && auth.password === 'pass word' ? done(null, { user: 'office' }) : done(new Error('wrong'))) });
	const keep = mailbox;
	mailbox = await strict.open();
	t.after(async () => { await strict.close(); mailbox = keep; });
	const { event_id: id } = await world.event(organizer);
	await world.confirmed(buyer, id, 1);
	assert.match(await mail('--set', 'smtp_user=office', '--set', 'smtp_password=other'), / mails=0 mails_later=1 /);
	due();
	const said = await mail('--set', 'smtp_user=office', '--set', 'smtp_password=pass word');
	assert.match(said, / mails=1 /);
	assert.ok(!said.includes('pass word'));
});

test('templates: one that is wrong is found before, and costs no mail, nor holds up others', async (t) => {
	assert.equal(notices('check').status, 0, notices('check').stderr);
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'mail-'));
	t.after(() => fs.rmSync(dir, { recursive: true }));
	fs.cpSync(path.join(stack.tree, 'conf/mail'), dir, { recursive: true });
	const set = ['--set', `mail_templates=${dir}`];
	const file = path.join(dir, 'booking.confirmed.txt');
	const good = fs.readFileSync(file, 'utf8');
	for (const [bad, why] of [[`${good}{{nobody}}`, /nothing called nobody/], [`${good}{{#items}}`, /no end/], [good.slice(1), /Subject/],
		['', /no text/], ['x'.repeat(200000), /no text/], [Buffer.from([0x53, 0xff]), /no text/], [null, /is not there/]]) {
		if (bad === null) fs.rmSync(file);
		else fs.writeFileSync(file, bad);
		const done = notices('check', ...set);
		assert.equal(done.status, 1);
		assert.match(done.stderr, why);
	}
	const { event_id: id } = await world.event(organizer);
	fs.writeFileSync(file, good);
	const before = await world.confirmed(buyer, id, 1);
	await mail(...set);
	fs.writeFileSync(file, good.slice(1));
	await world.confirmed(buyer, id, 1);
	assertStatus(await world.move(buyer, before, 'cancel'), 200);
	const failed = await outbox('--set', `smtp_url=${mailbox.url}`, '--set', from, ...set).end;
	assert.equal(failed.status, 1, 'the job says that somebody has to look');
	assert.match(failed.stderr, /mistake=.*booking\.confirmed\.txt/);
	const last = () => stack.sql(`select extract(epoch from ok_at), error from job_list() where name = 'outbox'`).split('|');
	const [before_, said] = last();
	assert.equal(said, 'failed');
	assert.equal((await scrape()).value('holdfast_job_last_failed{job="outbox"}'), 1);
	assert.deepEqual(mailbox.mails.map((m) => m.subject), ['Your booking for An evening', 'Cancelled: your booking for An evening'],
		'the others are sent');
	fs.writeFileSync(file, good.replace('Hello', 'Dear'));
	due();
	await mail(...set);
	assert.match(mailbox.mails[2].text, /^Dear/);
	assert.notEqual(last()[0], before_, 'this run has done its work');
	assert.equal(last()[1], '');
});

test('settings that are wrong are told at once', () => {
	const start = (...set) => stack.program('outbox', set.flatMap((pair) => ['--set', pair]));
	for (const set of [['smtp_url=http://x/', 'mail_from=a@example.test'], ['smtp_url=smtp://h', 'mail_from='],
		['smtp_url=smtp://u:p@h', 'mail_from=a@example.test']]) {
		const done = start(...set);
		assert.equal(done.status, 2, done.stderr);
		assert.match(done.stderr, /smtp_url|mail_from/);
	}
	assert.equal(stack.program('outbox', ['--dry-run']).status, 0);
	assert.match(stack.program('outbox', ['--dry-run']).stderr, /mail_waiting=\d+ mail_dead=\d+/);
});

test('a worker wakes the outbox itself, after its answer', async () => {
	const receiver = await new Webhooks().open();
	await webhook(receiver, { kinds: ['booking.confirmed', 'booking.cancelled'] });
	stack.up({ outbox_nudge: 'on', webhooks_allow_private: 'on' });
	try {
		const { event_id: id } = await world.event(organizer);
		const bookings = [];
		for (let i = 0; i < 5; i++) bookings.push(await world.confirmed(buyer, id, 1));
		await stack.until('all confirms have arrived', () => receiver.calls.length === 5, 30);
		assertStatus(await world.move(buyer, bookings[0], 'cancel'), 200);
		await stack.until('the cancel too', () => receiver.calls.length === 6, 30);
		const runs = stack.sql("select rows is not null from jobs where name = 'outbox'");
		assert.equal(runs, 't');
	} finally {
		stack.up({ outbox_nudge: 'off', webhooks_allow_private: 'off' });
	}
	await receiver.close();
});
