// The parts of a stack, each ended and started by itself, as an outage or an operator would: what comes
// back must find its way into service without anybody's help. The stack must have servers of its own.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const stack = require('./stack.js');

const { env, until } = stack;
const pidFile = (name) => path.join(env.HOLDFAST_PIDS, `${name}.pid`);

function signal(pids, name = 'SIGKILL') {
	for (const pid of [pids].flat()) {
		try {
			process.kill(pid, name);
		} catch (error) {
			if (error.code !== 'ESRCH') throw error;
		}
	}
}

function childrenOf(pid) {
	try {
		return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
	} catch (error) {
		if (error.code === 'ENOENT' || error.code === 'ESRCH') return [];
		throw error;
	}
}

const gone = (pids) => until('a process has gone', () => [pids].flat().every((pid) => !stack.isAlive(pid)));

async function kill(pids) {
	signal(pids);
	await gone(pids);
}

// ---- nginx --------------------------------------------------------------------------------------

const nginx = {
	pids: () => [stack.pidOf('nginx'), ...childrenOf(stack.pidOf('nginx'))],
	start() {
		const home = path.join(env.HOLDFAST_STATE, 'nginx');
		execFileSync('nginx', ['-e', path.join(env.HOLDFAST_STATE, 'log/nginx.log'), '-p', home,
			'-c', path.join(home, 'nginx.conf')], { cwd: home, env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
	},
};

// ---- pools --------------------------------------------------------------------------------------

const confValue = (name) => new RegExp(`^${name} = (.*)$`, 'm').exec(
	stack.program('booking', ['--print-config']).stdout)[1];

const pools = {
	// Ends the loop that keeps a pool, and with it the pool.
	async stop(pool) {
		const loop = Number(fs.readFileSync(path.join(env.HOLDFAST_RUN, `${pool}.loop`), 'utf8'));
		signal(loop, 'SIGTERM');
		await until(`the keeper of ${pool} has ended`, () => !stack.isAlive(loop));
	},
	// The same pool, its workers with something more in their environment.
	async start(pool, more = {}) {
		const extra = Object.entries(more).map(([name, value]) => `${name}=${value}`);
		const log = fs.openSync(path.join(env.HOLDFAST_STATE, `log/${pool}.log`), 'a');
		const loop = spawn(path.join(stack.tree, 'deploy/pool'), [path.join(env.HOLDFAST_RUN, `${pool}.sock`),
			pidFile(pool), confValue('backlog'), confValue(`workers_${pool}`),
			...(extra.length ? ['/usr/bin/env', ...extra] : []),
			path.join(env.HOLDFAST_BIN, `holdfast-${pool}`), '--config', env.HOLDFAST_CONF],
		{ cwd: '/', detached: true, stdio: ['ignore', log, log], env: { PATH: env.PATH, LC_ALL: 'C', TZ: 'UTC' } });
		fs.closeSync(log);
		loop.unref();
		fs.writeFileSync(path.join(env.HOLDFAST_RUN, `${pool}.loop`), `${loop.pid}\n`);
		await until(`${pool} is there`, () => stack.workers(pool).length > 0);
	},
};

// ---- Redis --------------------------------------------------------------------------------------

const redisHome = path.join(env.HOLDFAST_STATE, 'redis');

const redis = {
	kill: () => kill(stack.pidOf('redis')),
	start: () => stack.startRedis(),
	// Whatever has become of it: another one runs, on what it had written.
	async heal() {
		await kill(stack.pidOf('redis'));
		fs.rmSync(env.REDIS_SOCKET, { force: true });
		stack.startRedis();
	},
	files: path.join(redisHome, 'appendonlydir'),
	// A server that takes connections and never says a word, in the place of Redis.
	async mute() {
		fs.rmSync(env.REDIS_SOCKET, { force: true });
		const connections = new Set();
		const server = net.createServer((socket) => {
			connections.add(socket);
			socket.on('error', () => {});
			socket.on('close', () => connections.delete(socket));
		});
		await new Promise((resolve) => { server.listen(env.REDIS_SOCKET, resolve); });
		return () => {
			for (const socket of connections) socket.destroy();
			return new Promise((resolve) => { server.close(resolve); });
		};
	},
};

// ---- PostgreSQL ---------------------------------------------------------------------------------

// As the account that PostgreSQL runs as, and without keeping the clients of this process from their
// work: resolves to the exit status.
function asPostgres(command, args, { input = '', ...options } = {}) {
	const drop = process.getuid() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
	const [first, ...rest] = [...drop, command, ...args];
	return new Promise((resolve, reject) => {
		const child = spawn(first, rest, { cwd: '/', stdio: ['pipe', 'ignore', 'ignore'], ...options });
		child.on('error', reject);
		child.on('exit', resolve);
		child.stdin.on('error', () => {}); // it may end without having read
		child.stdin.end(input);
	});
}

class Postgres {
	constructor() {
		this.data = stack.sql('show data_directory', 'postgres');
		this.socket = stack.sql('show unix_socket_directories', 'postgres');
		this.bin = fs.readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
			.filter((bin) => fs.existsSync(path.join(bin, 'postgres'))).sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).pop();
		this.environment = {};
	}

	// null while there is none.
	pid() {
		try {
			return Number(fs.readFileSync(path.join(this.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
		} catch (error) {
			if (error.code === 'ENOENT') return null;
			throw error;
		}
	}

	all() {
		const pid = this.pid();
		return pid === null ? [] : [pid, ...childrenOf(pid)];
	}

	control(...args) {
		return asPostgres(path.join(this.bin, 'pg_ctl'), [...args, '-s', '-D', this.data], {
			env: { ...process.env, ...this.environment } });
	}

	// Until connections are taken, or with -W until it has begun. Backends of one that was killed may
	// still be going.
	async start(wait = '-w') {
		await until('PostgreSQL starts', async () => await this.control('start', wait, '-t', '30',
			'-l', path.join(this.data, 'server.log')) === 0, 30);
		const pid = await until('PostgreSQL has a number', () => this.pid());
		fs.writeFileSync(pidFile('postgres'), `${pid}\n`);
	}

	async stop(mode) {
		assert.equal(await this.control('stop', '-w', '-m', mode), 0);
	}

	// One that has only just begun to recover is not ready for it.
	async promote() {
		await until('PostgreSQL is promoted', async () => await this.control('promote', '-w') === 0, 30);
	}

	async kill() {
		await kill(this.pid());
	}

	// Crashes: what does it, and then until all processes of then have gone. Those of a server that was
	// killed may answer for a moment more.
	async crash(sale, deed) {
		const all = this.all();
		const since = Date.now();
		await deed();
		await gone(all.filter((pid) => pid !== this.pid()));
		sale.crashed(since);
	}

	// Whatever has become of it: it runs by itself, and takes writes.
	async heal() {
		signal(this.all(), 'SIGCONT');
		await this.control('stop', '-w', '-m', 'immediate'); // where there is one
		fs.rmSync(path.join(this.data, 'standby.signal'), { force: true });
		await this.write('postgresql.auto.conf', '');
		await this.start();
	}

	// A file in its directory of data.
	async write(name, text) {
		assert.equal(await asPostgres('tee', [path.join(this.data, name)], { input: text }), 0);
	}

	// Connections that say who they are and then nothing more keep a place each, until there is none.
	async crowdOut() {
		const hogs = new Set();
		const text = 'user\0postgres\0database\0holdfast\0\0';
		const packet = Buffer.alloc(8 + text.length);
		packet.writeInt32BE(packet.length, 0);
		packet.writeInt32BE(196608, 4);
		packet.write(text, 8);
		const one = () => new Promise((resolve) => {
			const socket = net.connect(path.join(this.socket, '.s.PGSQL.5432'));
			socket.on('error', () => resolve(false));
			socket.on('close', () => hogs.delete(socket));
			socket.on('connect', () => socket.write(packet));
			// R: it asks for the password. E: there is no room.
			socket.on('data', (bytes) => {
				const got = String.fromCharCode(bytes[0]) === 'R';
				if (got) hogs.add(socket);
				else socket.destroy();
				resolve(got);
			});
		});
		let filling = true;
		const filler = (async () => {
			while (filling) if (!await one()) await stack.pause(20);
		})();
		return {
			full: () => until('all connections are taken', async () => !await one()),
			count: () => hogs.size,
			async leave() {
				filling = false;
				await filler;
				for (const socket of hogs) socket.destroy();
			},
		};
	}
}

module.exports = { Postgres, asPostgres, childrenOf, gone, kill, nginx, pools, redis, signal };
