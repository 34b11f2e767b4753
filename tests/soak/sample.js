// What a stack uses at a moment: memory and file descriptors of its processes, connections, what PostgreSQL
// and Redis keep; and what of it may grow.
'use strict';

const fs = require('node:fs');

const parts = require('../lib/parts.js');
const { Redis } = require('../lib/redis.js');
const stack = require('../lib/stack.js');

const KB = 1024, MB = 1024 * KB;
const sum = (list) => list.reduce((total, one) => total + one, 0);

// Those that have rows of every booking that was ever made; all others have rows of what is there now.
const kept = ['bookings', 'booking_cancels', 'answers', 'notices', 'notices_new', 'sales', 'sales_all', 'sales_events',
	'sales_events_daily', 'sales_organizers'];
const hot = ['seat_claims', 'ga_claims', 'ga_counts', 'events'];

// ---- processes ------------------------------------------------------------------------------------

const memory = (pid, field) => KB * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(
	fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const files = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;

// Resident memory and open files of each; null for one that has just ended.
function look(pid) {
	try {
		return { pid, memory: memory(pid, 'VmRSS'), files: files(pid) };
	} catch (error) {
		if (error.code === 'ENOENT' || error.code === 'ESRCH') return { pid, memory: 0, files: 0 };
		throw error;
	}
}

// What the processes of a server have for themselves, beside what they share. Sessions come and go.
const own = (pids) => sum(pids.map((pid) => {
	try {
		return memory(pid, 'RssAnon');
	} catch {
		return 0;
	}
}));

// Connections to nginx that are open.
function connections() {
	const port = Number(new URL(stack.env.HOLDFAST_URL).port).toString(16).toUpperCase().padStart(4, '0');
	return fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
		.map((text) => text.trim().split(/\s+/)).filter(([, local, , state]) => local?.endsWith(`:${port}`) && state === '01').length;
}

// ---- servers --------------------------------------------------------------------------------------

function postgres(event) {
	const [[sessions, bookings, on], ...rows] = stack.sql(`
		select (select count(*) from pg_stat_activity where backend_type = 'client backend'
				and datname = current_database()),
			(select count(*) from bookings where event_id = ${event}),
			(select count(*) from seat_claims where event_id = ${event});
		select relname, n_dead_tup, pg_total_relation_size(relid) from pg_stat_user_tables where schemaname = 'holdfast'`, 'postgres')
		.split('\n').map((row) => row.split('|'));
	const tables = Object.fromEntries(rows.map(([name, dead, bytes]) => [name, { dead: Number(dead), bytes: Number(bytes) }]));
	return { sessions: Number(sessions), bookings: Number(bookings), claims: Number(on), tables };
}

class Sampler {
	constructor(event) {
		this.event = event;
		this.redis = new Redis();
		this.server = new parts.Postgres();
		this.began = Date.now();
	}

	async take() {
		const info = String(await this.redis.call('INFO'));
		const redis = (name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)[1]);
		const { bookings, ...kept } = postgres(this.event);
		const nginx = parts.nginx.pids();
		const server = this.server.pid();
		return {
			seconds: (Date.now() - this.began) / 1000,
			bookings,
			pools: Object.fromEntries(Object.entries(stack.allWorkers()).map(([pool, pids]) => [pool, pids.map(look)])),
			nginx: {
				memory: sum(nginx.map((pid) => look(pid).memory)),
				files: sum(nginx.map((pid) => look(pid).files)),
				connections: connections(),
			},
			redis: { memory: redis('used_memory'), clients: redis('connected_clients') },
			postgres: { ...kept, memory: own([server, ...parts.childrenOf(server)]) },
		};
	}

	close() {
		this.redis.close();
	}
}

// ---- what may grow --------------------------------------------------------------------------------

const dead = ({ postgres: { tables } }) => sum(Object.values(tables).map((table) => table.dead));
const bytesOf = (names) => ({ postgres: { tables } }) => sum(names.map((name) => tables[name]?.bytes ?? 0));

// For judge(), by the first sample.
function measures(first) {
	const out = [];
	const add = (name, unit, of, limit) => out.push({ name, unit, of, ...limit });
	const steady = { flat: { share: 0.02, floor: 3 } }; // one more or less is no leak
	for (const [pool, workers] of Object.entries(first.pools)) {
		workers.forEach(({ pid }, i) => {
			const of = (what) => (sample) => sample.pools[pool].find((one) => one.pid === pid)?.[what] ?? 0;
			add(`${pool} ${i + 1}: memory`, 'kB', (sample) => of('memory')(sample) / KB, { flat: { share: 0.05, floor: 512 } });
			add(`${pool} ${i + 1}: file descriptors`, '', of('files'), steady);
		});
		const ids = JSON.stringify(workers.map(({ pid }) => pid));
		add(`${pool}: workers replaced`, '', (sample) => Number(JSON.stringify(sample.pools[pool].map(({ pid }) => pid)) !== ids),
			{ exactly: 0 });
	}
	add('nginx: memory', 'kB', (sample) => sample.nginx.memory / KB, { flat: { share: 0.05, floor: 1024 } });
	add('nginx: file descriptors', '', (sample) => sample.nginx.files, steady);
	add('nginx: connections', '', (sample) => sample.nginx.connections, steady);
	add('Redis: clients', '', (sample) => sample.redis.clients, steady);
	add('Redis: memory', 'B', (sample) => sample.redis.memory, { each: 1024 });
	add('PostgreSQL: connections', '', (sample) => sample.postgres.sessions, steady);
	add('PostgreSQL: memory of its processes', 'kB', (sample) => sample.postgres.memory / KB, { flat: { share: 0.1, floor: 8 * KB } });
	add('PostgreSQL: dead rows', '', dead, { flat: { share: 0.25, floor: 10000 } });
	for (const name of hot) {
		add(`table ${name}`, 'kB', (sample) => bytesOf([name])(sample) / KB, { flat: { share: 0.05, floor: 512 } });
	}
	const rest = Object.keys(first.postgres.tables).filter((name) => !kept.includes(name) && !hot.includes(name));
	add('all tables of what is there now', 'kB', (sample) => bytesOf(rest)(sample) / KB, { flat: { share: 0.05, floor: MB / KB } });
	add('table bookings', 'B', bytesOf(['bookings']), { each: 2048 });
	add('table answers', 'B', bytesOf(['answers']), { each: 2048 });
	add('tables of notices', 'B', bytesOf(['notices', 'notices_new']), { each: 2048 });
	add('tables for the analytics', 'B', bytesOf(kept.slice(5)), { each: 1024 });
	return out;
}

module.exports = { Sampler, measures };
