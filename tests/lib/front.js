// A second nginx in front of the same pools, which believes who the client says it is (X-Client).
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const { setTimeout: pause } = require('node:timers/promises');

const tree = path.join(__dirname, '../..');

// A port on which nobody listens, below those that the kernel gives out by itself: there it would be a
// client's before long.
async function freePort() {
	for (;;) {
		const port = 20000 + Math.floor(Math.random() * 12000);
		const server = net.createServer();
		const isFree = await new Promise((resolve) => {
			server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
		});
		if (isFree) return port;
	}
}

// What the packaged script prints, with these settings beside those of the stack: {status, stdout, stderr}.
// run: where it looks for the pools.
const configuration = (listen, settings = {}, { cache = '/nowhere', log = 'off', run } = {}) => spawnSync('deploy/nginx-conf', [
	'--config', process.env.HOLDFAST_CONF, '--run', run ?? process.env.HOLDFAST_RUN, '--log', log,
	'--bin', process.env.HOLDFAST_BIN, '--listen', listen, '--template', 'conf/nginx.conf.in', '--cache', cache,
	'--problems', path.join(process.env.HOLDFAST_BIN, '../gen/nginx-problems.conf')],
{ cwd: tree, encoding: 'utf8', env: { ...process.env, ...settings } });

// Asks it: (where, headers) => answer of fetch(). It ends with the test. log, run: as above; errors: the file that
// all of them are in.
async function believing(t, settings, { log, run, errors } = {}) {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-front-'));
	const port = await freePort();
	const made = configuration(`127.0.0.1:${port}`, settings, { cache: `${dir}/cache`, log, run });
	assert.equal(made.status, 0, made.stderr);
	fs.mkdirSync(`${dir}/cache`);
	fs.writeFileSync(path.join(dir, 'nginx.conf'), `${process.getuid() ? '' : 'user root;'}
		daemon off; pid ${dir}/pid; error_log ${errors ? `${errors} info` : `${dir}/log crit`};
		events { worker_connections 4096; } http { access_log off;
		${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) =>
		`${kind}_temp_path ${dir}/${kind};`).join(' ')}
		set_real_ip_from 127.0.0.1; real_ip_header X-Client;\n${made.stdout} }`);
	const nginx = spawn('nginx', ['-e', `${dir}/log`, '-p', dir, '-c', `${dir}/nginx.conf`], {
		stdio: 'inherit', env: { PATH: `${process.env.PATH}:/usr/sbin` } });
	const gone = once(nginx, 'exit');
	t.after(async () => {
		nginx.kill('SIGTERM');
		await gone;
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
	return (where, headers) => fetch(`http://127.0.0.1:${port}${where}`, { headers });
}

module.exports = { believing, configuration, freePort };
