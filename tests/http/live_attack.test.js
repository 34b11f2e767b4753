// Requests that make the module that streams abort its worker, as packaged: none of them gets to it. Each
// goes to the API's nginx and, as if that had let it through, straight to the one that streams.
'use strict';

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { exchange } = require('../lib/raw.js');
const stack = require('../lib/stack.js');
const { live, toldLast, watch } = require('../lib/stream.js');
const { buyer, event, held, staff } = require('../lib/world.js');

const target = new URL(process.env.HOLDFAST_URL);
const api = { host: target.hostname, port: Number(target.port) };
const readers = { path: live.sockets[0] };
const publishers = { path: live.sockets[1] };

const ids = ['1:', '1:1:', '-1:0', ':', '99999999999999999999:0', '1:[0]', '1:0,[1],,2:', 'a:b'];
const dates = ['Thu, 01 Jan 1970 00:00:01 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', '1'];

// What a hostile client may add to its request, beside what an honest one sends.
const headers = [
	...ids.flatMap((id) => [`Last-Event-ID: ${id}`, `If-None-Match: ${id}`, `If-None-Match: "${id}"`]),
	...dates.map((date) => `If-Modified-Since: ${date}`),
	...ids.map((id) => `If-Modified-Since: ${dates[0]}\r\nIf-None-Match: ${id}`),
	...ids.map((id) => `Last-Event-ID: ${id}\r\nIf-None-Match: ${id}\r\nIf-Modified-Since: ${dates[1]}`),
	`Last-Event-ID: ${'1:'.repeat(400)}`,
	'Last-Event-ID: 1:\x00', 'Last-Event-ID:', 'Range: bytes=1-', 'X-Accel-Redirect: /events/1',
	'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
	'Accept: text/event-stream, multipart/mixed, application/x-http-stream', 'Origin: https://shop.example.test',
	'Transfer-Encoding: chunked', 'Content-Length: 5', 'Expect: 100-continue',
];
const queries = [...ids.map((id) => `?last_event_id=${id}`), '?', '?last_event_id=%00', '?if_none_match=1:', '?a=b&last_event_id=1:',
	`?${'x'.repeat(3000)}`];
const tails = ['%00', '/', '//', '/..%2f1', '?', '%3flast_event_id=1:', ';1', '%0d%0aLast-Event-ID:1:'];
const numbers = ['0', '-1', '01', '1e3', '4294967296', '9'.repeat(200), '%31', '1%00', '*', '{}', '1,2', '%ff'];
const methods = ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'SUBSCRIBE', 'get'];

let quiet, loud, mains, lives, olga, ann;

// What may not change: the workers of both. (The process that looks through the cache ends by itself.)
const processes = () => ['nginx', 'live'].map((name) => stack.workers(name).filter((pid) =>
	/^nginx: worker process/.test(fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8'))));

before(async () => {
	[olga, ann] = await Promise.all([staff(), buyer()]);
	[quiet, loud] = [(await event(olga)).event_id, (await event(olga)).event_id];
	const stream = await watch(loud);
	await held(ann, loud, 1);
	await toldLast(stream, loud, 10); // there is a message in the channel
	stream.close();
	[mains, lives] = processes();
	assert.equal(lives.length, 1);
	assert.ok(mains.length > 0);
});

// Both still serve, by the same processes.
after(async () => {
	const stream = await watch(loud);
	await held(ann, loud, 1);
	await toldLast(stream, loud, 10);
	stream.close();
	assert.deepEqual(processes(), [mains, lives]);
});

const request = (where, more = '', { method = 'GET', accept = 'text/event-stream' } = {}) =>
	`${method} ${where} HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n${more ? `${more}\r\n` : ''}\r\n`;

// Each on a connection of its own, many at a time, for as long as something comes. Answers their statuses.
async function fire(where, texts) {
	const left = [...texts], statuses = [];
	await Promise.all(Array.from({ length: 24 }, async () => {
		while (left.length > 0) {
			const bytes = await exchange(where, left.shift(), { quietMs: 200 });
			statuses.push(...[...bytes.toString('latin1').matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => Number(m[1])));
		}
	}));
	return statuses;
}

// Everything, at a path of this form.
const attack = (path) => [quiet, loud].flatMap((id) => [
	...headers.map((more) => request(path(id), more)),
	...queries.map((query) => request(path(id) + query)),
	...tails.map((tail) => request(path(id) + tail)),
	...methods.map((method) => request(path(id), '', { method })),
	...headers.map((more) => request(path(id), more, { accept: '*/*' })),
	// Several on one connection, the later ones hostile.
	request(path(id)) + request(path(id), 'Last-Event-ID: 1:'),
	request('/nowhere') + request(path(id), 'If-None-Match: 1:') + request(`${path(id)}?last_event_id=1:`),
]).concat(numbers.map((id) => request(path(id))));

test('through the nginx of the API', async () => {
	const statuses = await fire(api, attack((id) => `/api/v1/events/${id}/stream`));
	assert.ok(statuses.includes(200) && statuses.includes(404) && statuses.includes(405), `${new Set(statuses)}`);
	assert.deepEqual(statuses.filter((status) => status >= 500 && status !== 501), []);
	assert.deepEqual(processes(), [mains, lives]);
});

test('straight to the one that streams', async () => {
	const statuses = await fire(readers, attack((id) => `/events/${id}`));
	assert.ok(statuses.includes(200) && statuses.includes(400) && statuses.includes(405), `${new Set(statuses)}`);
	assert.deepEqual(statuses.filter((status) => status >= 500 && status !== 501), []);
	assert.deepEqual(processes(), [mains, lives]);
});

test('to where notices are posted: nobody reads there, and nothing but notices is taken', async () => {
	const post = (id, more, body) => `POST /events/${id} HTTP/1.1\r\nHost: x\r\n${more}\r\n${body}`;
	const statuses = await fire(publishers, [
		...attack((id) => `/events/${id}`).filter((text) => !text.startsWith('POST')),
		...numbers.map((id) => post(id, 'Content-Length: 2\r\n', '{}')),
		...headers.map((more) => post(quiet, `${more}\r\nContent-Length: 2\r\n`, '{}')),
		post(quiet, 'Content-Length: 5000\r\n', 'x'.repeat(5000)),
		post(quiet, 'Content-Length: 0\r\n', ''),
		post(quiet, 'Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\n\r\n'),
		post(quiet, `Content-Length: 2\r\nX-EventSource-Event: ${'e'.repeat(900)}\r\n`, '{}'),
	]);
	assert.ok(statuses.includes(405) && statuses.includes(413) && statuses.includes(202), `${new Set(statuses)}`);
	assert.ok(!statuses.includes(200));
	assert.deepEqual(processes(), [mains, lives]);
});

// Comes, and goes after so long, in the middle of whatever comes.
const visit = (text, ms) => new Promise((resolve) => {
	const socket = net.connect(api, () => {
		socket.write(text);
		socket.resume();
		setTimeout(() => socket.resetAndDestroy(), ms);
	});
	socket.on('error', () => {});
	socket.on('close', resolve);
});

test('many who come and go at once, in the middle of notices', async () => {
	const where = `/api/v1/events/${loud}/stream`;
	let going = true;
	const teller = (async () => {
		while (going)
			await exchange(publishers, `POST /events/${loud} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
	})();
	try {
		for (let round = 0; round < 5; round++) {
			await Promise.all(Array.from({ length: 100 }, (_, i) =>
				visit(request(where, headers[i % headers.length]), 20 + i)));
		}
	} finally {
		going = false;
		await teller;
	}
	assert.deepEqual(processes(), [mains, lives]);
});

// What the fence is for: without it the same requests end the worker. Later versions of the module may not.
test('without the fence the packaged module aborts', async (t) => {
	const version = spawnSync('dpkg-query', ['-W', '-f', '${Version}', 'libnginx-mod-nchan'], { encoding: 'utf8' });
	if (!/^1:1\.3\.6/.test(version.stdout ?? '')) return t.skip('another version');
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-open-'));
	fs.writeFileSync(`${dir}/nginx.conf`, `load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
		${process.getuid() ? '' : 'user root;'} daemon off; worker_processes 1; pid ${dir}/pid; error_log ${dir}/log alert;
		events { worker_connections 512; } http { access_log off; nchan_shared_memory_size 4m;
		${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ')}
		server { listen unix:${dir}/open.sock;
		location ~ ^/events/(\\d+)$ { nchan_subscriber eventsource; nchan_channel_id $1; }
		location ~ ^/post/(\\d+)$ { nchan_publisher http; nchan_channel_id $1; } } }`);
	const nginx = spawn('nginx', ['-e', `${dir}/log`, '-p', dir, '-c', `${dir}/nginx.conf`],
		{ stdio: 'ignore', detached: true, env: { PATH: `${process.env.PATH}:/usr/sbin` } });
	const gone = once(nginx, 'exit');
	t.after(async () => {
		// Not asked to end: a worker that aborts may leave a lock behind, for which the next one waits for ever.
		process.kill(-nginx.pid, 'SIGKILL');
		await gone;
		fs.rmSync(dir, { recursive: true });
	});
	await stack.until('it listens', () => fs.existsSync(`${dir}/open.sock`));
	const open = { path: `${dir}/open.sock` };
	await exchange(open, `POST /post/${loud} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
	await fire(open, attack((id) => `/events/${id}`));
	await stack.until('a worker has aborted', () =>
		/worker process \d+ exited on signal 6/.test(fs.readFileSync(`${dir}/log`, 'utf8')), 10);
});
