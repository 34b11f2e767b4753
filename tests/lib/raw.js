// Bytes as they are: to nginx, for what no well-behaved client sends, and to a pool's socket.
'use strict';

const net = require('node:net');

// Writes the pieces and reads until the other side closes, or nothing more comes. The pieces may be
// fewer than announced: then end says that nobody will send the rest.
function exchange(where, pieces, { end = false, quietMs = 3000 } = {}) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(where);
		const chunks = [];
		const done = () => {
			socket.destroy();
			resolve(Buffer.concat(chunks));
		};
		socket.setTimeout(quietMs, done);
		socket.on('data', (chunk) => chunks.push(chunk));
		socket.on('end', done);
		socket.on('error', (error) =>
			(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? done() : reject(error)));
		for (const piece of [].concat(pieces)) socket.write(piece);
		if (end) socket.end();
	});
}

// One request to nginx as it is written; {status, headers, text, body} of the first answer. It should
// ask for `Connection: close`, where it can.
async function http(text, options) {
	const url = new URL(process.env.HOLDFAST_URL);
	const bytes = await exchange({ host: url.hostname, port: Number(url.port) }, text, options);
	const whole = bytes.toString('latin1');
	const split = whole.indexOf('\r\n\r\n');
	const [line, ...fields] = whole.slice(0, split).split('\r\n');
	const headers = {};
	for (const field of fields) {
		const colon = field.indexOf(':');
		headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
	}
	const rest = whole.slice(split + 4);
	const answer = { status: Number(line.split(' ')[1]), headers, text: rest, bytes: whole };
	if (/json/.test(headers['content-type'] ?? ''))
		answer.body = JSON.parse(rest.slice(0, Number(headers['content-length'] ?? rest.length)));
	return answer;
}

// ---- FastCGI ------------------------------------------------------------------------------------

const BEGIN = 1, ABORT = 2, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6;

function record(type, content, { id = 1, version = 1, padding = 0, length } = {}) {
	const bytes = Buffer.from(content);
	const announced = length ?? bytes.length;
	return Buffer.concat([Buffer.from([version, type, id >> 8, id & 255, announced >> 8,
		announced & 255, padding, 0]), bytes, Buffer.alloc(padding)]);
}

function size(n) {
	if (n < 128) return Buffer.from([n]);
	const out = Buffer.alloc(4);
	out.writeUInt32BE((n | 0x80000000) >>> 0);
	return out;
}

const pair = (name, value) => Buffer.concat([size(Buffer.byteLength(name)),
	size(Buffer.byteLength(value)), Buffer.from(name), Buffer.from(value)]);

const params = (values) => Buffer.concat(Object.entries(values).map(([k, v]) => pair(k, v)));

const begin = (flags = 0, role = 1) => record(BEGIN, [role >> 8, role & 255, flags, 0, 0, 0, 0, 0]);

// An honest request as nginx makes it.
const request = (values, body = '') => Buffer.concat([begin(), record(PARAMS, params(values)),
	record(PARAMS, ''), ...(body ? [record(STDIN, body)] : []), record(STDIN, '')]);

// What a pool's worker wrote to its standard output, and whether it ended the request.
function answer(bytes) {
	let text = '', ended = false;
	for (let at = 0; at + 8 <= bytes.length;) {
		const length = bytes.readUInt16BE(at + 4);
		if (bytes[at + 1] === STDOUT) text += bytes.toString('utf8', at + 8, at + 8 + length);
		if (bytes[at + 1] === END) ended = true;
		at += 8 + length + bytes[at + 6];
	}
	return { text, ended, status: Number(/^Status: (\d+)/.exec(text)?.[1]) };
}

module.exports = {
	ABORT, BEGIN, PARAMS, STDIN, answer, begin, exchange, http, pair, params, record, request,
};
