// The limit by address, in force: nginx says 429 early, and never to those who only watch.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { spawn, spawnSync } = require('node:child_process');
const test = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');

const url = process.env.HOLDFAST_URL;
const tree = path.join(__dirname, '../..');

const burst = (where, count) => Promise.all(Array.from({ length: count }, async () => {
	const answer = await fetch(url + where);
	return { status: answer.status, headers: answer.headers, body: await answer.json() };
}));

const freePort = () => new Promise((resolve) => {
	const server = net.createServer().listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => resolve(port));
	});
});

// A second nginx in front of the same pools that believes who the client says it is.
async function believing(t) {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-front-'));
	const port = await freePort();
	const made = spawnSync('deploy/nginx-conf', ['--config', process.env.HOLDFAST_CONF,
		'--run', process.env.HOLDFAST_RUN, '--bin', process.env.HOLDFAST_BIN,
		'--listen', `127.0.0.1:${port}`, '--template', 'conf/nginx.conf.in',
		'--problems', path.join(process.env.HOLDFAST_BIN, '../gen/nginx-problems.conf')],
	{ cwd: tree, encoding: 'utf8' });
	assert.equal(made.status, 0, made.stderr);
	fs.writeFileSync(path.join(dir, 'nginx.conf'), `${process.getuid() ? '' : 'user root;'}
		daemon off; pid ${dir}/pid; error_log ${dir}/log crit; events { worker_connections 4096; } http { access_log off;
		${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) =>
		`${kind}_temp_path ${dir}/${kind};`).join(' ')}
		set_real_ip_from 127.0.0.1; real_ip_header X-Client;\n${made.stdout} }`);
	const nginx = spawn('nginx', ['-e', `${dir}/log`, '-p', dir, '-c', `${dir}/nginx.conf`], {
		stdio: 'inherit', env: { PATH: `${process.env.PATH}:/usr/sbin` } });
	t.after(async () => {
		nginx.kill('SIGTERM');
		await new Promise((resolve) => nginx.once('exit', resolve));
		fs.rmSync(dir, { recursive: true });
	});
	// Until its port answers, whatever it says.
	for (let i = 0; ; i++) {
		try {
			await fetch(`http://127.0.0.1:${port}/`);
			break;
		} catch (error) {
			if (i === 200) throw error;
			await pause(50);
		}
	}
	return async (address) => {
		const headers = { 'X-Client': address };
		const answer = await fetch(`http://127.0.0.1:${port}/api/v1/auth/logout`, { headers });
		return answer.status;
	};
}

test('of IPv6 the network is counted, not each of its addresses', async (t) => {
	const statusFor = await believing(t);
	const all = (count, address) =>
		Promise.all(Array.from({ length: count }, (_, i) => statusFor(address(i.toString(16)))));
	assert.deepEqual((await all(250, (i) => `2001:db8:7:${i}::1`)).filter((s) => s !== 405), []);
	const one = await all(250, (i) => `2001:db8:7:8:9:a:b:${i}`);
	assert.ok(one.includes(429));
	assert.ok(one.filter((status) => status === 405).length >= 90, 'the burst passes');
});

test('watchers are not limited', async () => {
	const answers = await burst('/healthz', 250);
	assert.deepEqual(answers.filter((a) => a.status !== 200), []);
});

test('a flood from one address is 429, with Retry-After', async () => {
	const answers = await burst('/api/v1/events/999999999', 250);
	const refused = answers.filter((a) => a.status === 429);
	assert.ok(refused.length > 0);
	for (const answer of refused) {
		assert.equal(answer.headers.get('content-type'), 'application/problem+json');
		assert.equal(answer.body.type, '/problems/rate-limited');
		assert.ok(Number(answer.headers.get('retry-after')) > 0);
	}
	assert.ok(answers.filter((a) => a.status === 404).length >= 50, 'the burst passes');
	await new Promise((resolve) => setTimeout(resolve, 3000));
});
