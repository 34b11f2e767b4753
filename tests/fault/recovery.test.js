// docs/recovery.md, done: PostgreSQL's data directory is lost for good, and comes back out of a base
// backup and the archived WAL, beside a Redis that knows too much, and then nothing. Needs a stack whose
// PostgreSQL is its own.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, test } = require('node:test');

const { assertProblem, assertStatus, freshKey, get } = require('../lib/client.js');
const line = require('../lib/line.js');
const parts = require('../lib/parts.js');
const stack = require('../lib/stack.js');
const { assertPlaces, buyer, confirmed, event, held, hold, logIn, move, staff } = require('../lib/world.js');

const manual = fs.readFileSync(path.join(stack.tree, 'docs/recovery.md'), 'utf8');
const superuser = (text) => stack.sql(text, 'postgres');
const url = stack.env.DATABASE_URL.replace('holdfast_owner@', 'postgres@');
let postgres, archive, backup;

// What the manual says to do, with its directories at other places.
function said(start) {
	const line = manual.split('\n').find((one) => one.startsWith(start));
	assert.ok(line, `docs/recovery.md does not say: ${start}`);
	return line.replaceAll('/srv/backup/wal', archive).replaceAll('/srv/backup/base', backup);
}

async function ready() {
	await stack.postgresFound();
	await stack.until('readyz is 200', async () => (await get('/readyz')).status === 200);
}

// All that is answered by now has left the machine.
async function archived() {
	const file = superuser('select pg_walfile_name(pg_switch_wal())');
	await stack.until(`${file} is archived`, () => fs.existsSync(path.join(archive, file)));
}

before(async () => {
	postgres = new parts.Postgres();
	const home = path.dirname(postgres.data);
	[archive, backup] = ['wal', 'base'].map((name) => path.join(home, name));
	await parts.asPostgres('mkdir', [archive, backup]);
	await postgres.write('archive.conf', ['archive_mode', 'archive_command', 'archive_timeout'].map(said).join('\n'));
	superuser(`alter system set listen_addresses = ''`); // a file that a backup must bring along
	assert.equal(await parts.asPostgres('sh', ['-c', `echo "include 'archive.conf'" >>${postgres.data}/postgresql.conf`]), 0);
	await postgres.stop('fast');
	await postgres.start();
	await ready();
});

function baseBackup() {
	const words = said('pg_basebackup ').split(' ');
	const at = words.indexOf('-d');
	words[at + 1] = url;
	const done = stack.run(words[0], words.slice(1));
	assert.equal(done.status, 0, done.stderr);
	assert.equal(stack.run(path.join(postgres.bin, 'pg_verifybackup'), ['-q', backup]).status, 0);
}

// The machine's disk is gone: what is left is the backup, the archive, and Redis. The server has no time
// to write anything, but gives its shared memory back, which nobody could find without its directory.
async function restore(...more) {
	await postgres.stop('immediate');
	fs.rmSync(postgres.data, { recursive: true });
	fs.cpSync(backup, postgres.data, { recursive: true });
	if (process.getuid() === 0) stack.run('chown', ['-R', 'postgres:', postgres.data]);
	fs.chmodSync(postgres.data, 0o700);
	await postgres.write('restore.conf', [said('restore_command'), ...more].join('\n'));
	assert.equal(await parts.asPostgres('sh', ['-c', `echo "include 'restore.conf'" >>${postgres.data}/postgresql.conf`]), 0);
	await postgres.write('recovery.signal', '');
	await postgres.start();
	await stack.until('it takes writes', () => superuser('select pg_is_in_recovery()') === 'f');
}

function emptyRedis() {
	const [program, ...words] = said('redis-cli ').split(' ');
	const done = stack.run(program, ['-s', stack.env.REDIS_SOCKET, ...words]);
	assert.equal(done.stdout, 'OK\n', done.stderr);
}

// As after a crash between the archiving of a file and PostgreSQL's note of it.
test('a file that comes to the archive once more is right if it is the same', async () => {
	const file = path.join(path.dirname(postgres.data), 'segment');
	const kept = path.join(archive, 'segment');
	const bring = async (text) => {
		fs.writeFileSync(file, text);
		fs.chmodSync(file, 0o644);
		return parts.asPostgres('sh', ['-c', said('archive_command').replace(/^.*? = '(.*)'$/, '$1')
			.replaceAll('%p', file).replaceAll('%f', 'segment')]);
	};
	assert.equal(await bring('one'), 0);
	assert.equal(await bring('one'), 0);
	assert.notEqual(await bring('two'), 0);
	assert.equal(fs.readFileSync(kept, 'utf8'), 'one');
	for (const made of [file, kept]) fs.rmSync(made);
});

// As the manual says: ids are not given twice, and tokens of people who are not there any more end.
async function afterwards() {
	const [, pasted] = /^ *```sql\n(.*?)^ *```/ms.exec(manual);
	const done = stack.run('psql', [url, '-X', '-v', 'ON_ERROR_STOP=1'], { input: pasted });
	assert.equal(done.status, 0, done.stderr);
	assert.equal(superuser('select count(*) from holdfast.refresh_families'), '0', 'all sessions have ended');
	const keys = /^jwt_keys_file = (.*)$/m.exec(fs.readFileSync(stack.env.HOLDFAST_CONF, 'utf8'))[1];
	fs.writeFileSync(keys, `r1 ${'5e1f00d5'.repeat(8)}\n`);
	for (const pool of stack.pools) {
		await parts.pools.stop(pool);
		await parts.pools.start(pool);
	}
	await ready();
}

test('what was archived is all there, what was not is gone, and the sale goes on', async () => {
	const olga = await staff(), ann = await buyer();
	const { event_id: id } = await event(olga);
	const sold = [await confirmed(ann, id, ['B1']), await confirmed(ann, id, 2)];
	baseBackup();
	sold.push(await confirmed(ann, id, ['B2']), await confirmed(ann, id, 3));
	const live = await held(ann, id, ['VIP-A-1']);
	const full = [await line.soldFloor(olga, 1), await line.soldFloor(olga, 1)];
	await archived();

	// This hour is lost.
	const key = freshKey();
	const lost = await held(ann, id, ['B3'], { key });
	assertStatus(await move(ann, lost, 'confirm'), 200);
	const gone = await event(olga);
	const ghost = await buyer();
	await held(ghost, gone.event_id, ['B1']);
	for (const one of full) await line.joined(ann, one.id, 'Floor', 1);
	await assertPlaces(id, { Floor: [5, 0, 5], VIP: [10, 1, 3] });

	await restore();
	await afterwards();
	assertProblem(await hold(ghost, { event_id: id, seat_ids: ['VIP-A-9'] }), 401, 'unauthenticated');
	for (const one of [olga, ann, ...full.map(({ owner }) => owner)]) one.token = await logIn(one.email);
	for (const booking of sold) {
		const now = assertStatus(await get(`/bookings/${booking.booking_id}`, { token: ann.token }), 200).body;
		assert.deepEqual(now, booking);
	}
	assertProblem(await get(`/bookings/${lost.booking_id}`, { token: ann.token }), 404, 'not-found');
	assertProblem(await get(`/events/${gone.event_id}`), 404, 'not-found');
	// Redis has seen the seat sold. It is believed no more: this is another server than it was built for.
	await assertPlaces(id, { Floor: [5, 0, 5], VIP: [11, 1, 2] });
	const again = assertStatus(await hold(ann, { event_id: id, seat_ids: ['B3'] }, { key }), 201);
	assert.equal(again.headers['idempotent-replayed'], undefined, 'the key was lost with its booking');
	assert.equal(again.body.booking_id, lost.booking_id);
	assertStatus(await move(ann, live, 'confirm'), 200);
	const next = await event(olga);
	assert.ok(Number(next.event_id) > Number(gone.event_id), 'no id is given twice');
	// Lines that Redis still has, and PostgreSQL has never heard of: they are left, and go on.
	const [left, stays] = full;
	const { token } = await line.joined(ann, left.id, 'Floor', 1);
	assertStatus(await line.leave(ann, token), 204);
	const place = await line.joined(ann, stays.id, 'Floor', 1);
	assertStatus(await stays.release(0), 200);
	await line.until(place.token, 'reserved');
	stack.verify();

	stack.redis('flushall');
	assertStatus(await hold(ann, { event_id: id, seat_ids: ['VIP-A-2'] }), 201);
	await assertPlaces(id, { Floor: [5, 0, 5], VIP: [9, 2, 3] });
	stack.verify();
});

test('back to a moment before a mistake', async () => {
	const olga = await staff(), ann = await buyer(), bert = await buyer();
	const { event_id: id } = await event(olga);
	const sold = await confirmed(ann, id, ['B1']);
	const { event_id: other } = await event(olga);
	const isServed = async (who) => line.until((await line.joined(who, other, 'Floor', 1)).token, 'reserved');
	await isServed(bert);
	superuser("select pg_create_restore_point('before the mistake')");
	superuser(`update holdfast.events set status = 'cancelled' where event_id = ${id}`);
	await confirmed(ann, (await event(olga)).event_id, ['B1']);
	await isServed(ann);
	await archived();
	await restore("recovery_target_name = 'before the mistake'", "recovery_target_action = 'promote'");
	emptyRedis();
	await ready();
	stack.verify();
	assert.equal((await get(`/events/${id}`)).body.status, 'on_sale');
	assert.equal((await get(`/bookings/${sold.booking_id}`, { token: ann.token })).body.status, 'CONFIRMED');
	await held(ann, id, ['B2']);
	await isServed(ann);
	stack.verify();
});
