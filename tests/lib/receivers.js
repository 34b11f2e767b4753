// Those to whom notices are sent: a server that takes webhooks, and one that takes mail (npm smtp-server), both
// of which can be told to misbehave.
'use strict';

const http = require('node:http');
const { once } = require('node:events');

const npm = require('./npm.js');

/*
 * What it was sent is in `calls`: {path, headers, text, body, at}. answer(call, response): instead of a plain 204.
 */
class Webhooks {
	calls = [];

	constructor(answer = (call, response) => response.writeHead(204).end()) {
		this.answer = answer;
		this.server = http.createServer(async (request, response) => {
			const chunks = [];
			for await (const chunk of request) chunks.push(chunk);
			const text = Buffer.concat(chunks).toString();
			const call = { method: request.method, path: request.url, headers: request.headers, text, body: JSON.parse(text), at: Date.now() };
			this.calls.push(call);
			this.answer(call, response);
		});
	}

	async open() {
		await once(this.server.listen(0, '127.0.0.1'), 'listening');
		this.url = `http://127.0.0.1:${this.server.address().port}`;
		return this;
	}

	close() {
		this.server.closeAllConnections();
		return new Promise((resolve) => { this.server.close(resolve); });
	}
}

const refusal = (code, text = 'We do not want you') => code && Object.assign(new Error(text), { responseCode: code });

/*
 * Mail that has arrived is in `mails`, parsed, each with its envelope and its text as it came. refuse(address):
 * an SMTP answer {code, text} for this recipient; greeting, sender: a code for all; hold: promise that the end of a mail waits for.
 */
class Mailbox {
	mails = [];
	connections = 0;
	refuse = () => null;
	hold = null;
	greeting = null;
	sender = null;

	constructor(options = {}) {
		const { SMTPServer } = npm('smtp-server');
		const { simpleParser } = npm('mailparser');
		this.server = new SMTPServer({
			disabledCommands: ['STARTTLS'], authOptional: true, allowInsecureAuth: true, logger: false, ...options,
			onConnect: (session, done) => { this.connections++; done(refusal(this.greeting)); },
			onMailFrom: (address, session, done) => done(refusal(this.sender)),
			onRcptTo: (address, session, done) => {
				const refused = this.refuse(address.address);
				done(refused && refusal(refused.code, refused.text));
			},
			onData: async (stream, session, done) => {
				const chunks = [];
				for await (const chunk of stream) chunks.push(chunk);
				const raw = Buffer.concat(chunks).toString();
				await this.hold;
				this.mails.push({ raw, envelope: session.envelope, ...await simpleParser(raw) });
				done();
			},
		});
		this.server.on('error', () => {});
	}

	async open() {
		await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
		this.port = this.server.server.address().port;
		this.url = `smtp://127.0.0.1:${this.port}`;
		return this;
	}

	close() {
		return new Promise((resolve) => { this.server.close(resolve); });
	}
}

module.exports = { Mailbox, Webhooks };
