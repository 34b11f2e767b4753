// docs/installing.md, done as it stands: by root on a copy of this machine (tests/lib/aside), with PostgreSQL,
// Redis and nginx as Debian has them. Then somebody buys a ticket there.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');

const stack = require('../lib/stack.js');
const { commands } = require('../lib/walk.js');

const { env, run, tree } = stack;
const asRoot = process.getuid() === 0 ? [] : ['sudo', '-n'];
const settings = ['HOME=/root', 'LC_ALL=C.UTF-8', 'HOLDFAST_PACKAGES=keep', `PATH=${env.PATH}:/usr/sbin:/sbin`,
	`BUILD=${path.relative(tree, path.resolve(env.HOLDFAST_BIN, '..'))}`];
function aside(script) {
	const [program, ...words] = [...asRoot, 'env', '-i', ...settings, path.join(tree, 'tests/lib/aside'),
		'bash', '-euo', 'pipefail', '-c', script];
	return run(program, words, { cwd: tree });
}

const sanitized = () => /lib[au]san/.test(run('ldd', [path.join(env.HOLDFAST_BIN, 'holdfast-janitor')]).stdout);
const reason = aside('true').status ? 'root may not make namespaces and overlays here, or sudo asks for a password'
	: sanitized() && 'it is installed without sanitizers';

// What a buyer does then, and what an operator may look at.
const after = String.raw`
echo '=== after'
URL=http://127.0.0.1/api/v1
ask() { curl -sf -H 'Host: tickets.example.com' -H 'Content-Type: application/json' "$@"; }
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
until ask http://127.0.0.1/readyz >/dev/null; do sleep 0.2; done
login() { ask $URL/auth/login -d '{"email": "'$1'@example.com", "password": "a long password"}' | field access_token; }
echo 'a long password' | runuser -u holdfast -- holdfast-user add --email olga@example.com --role organizer >/dev/null
ask $URL/auth/register -d '{"email": "ann@example.com", "password": "a long password"}' >/dev/null
staff="Authorization: Bearer $(login olga)" me="Authorization: Bearer $(login ann)"
event=$(ask $URL/admin/events -H "$staff" -d '{"title": "Opening", "event_date": "2090-05-01",
	"sections": [{"name": "Floor", "capacity": 100, "base_price": 2500}]}' | field event_id)
booking=$(ask $URL/bookings/hold -H "$me" -d '{"event_id": "'$event'", "section_id": "Floor", "seats_requested": 2}' | field booking_id)
ask -X POST $URL/bookings/$booking/confirm -H "$me" | grep -o '"status":"CONFIRMED"'
ask http://127.0.0.1/readyz | grep -o '"status":"ok"'

# The jobs, as cron starts them: what stands behind the user.
sed -n 's/^[0-9*].* holdfast \(\[.*\) 2>&1 | logger.*/\1/p' /etc/cron.d/holdfast | while read -r line; do
	runuser -u holdfast -- env -i PATH=/usr/local/bin:/usr/bin:/bin sh -c "$line" 2>&1 | grep -o 'job=[a-z-]*\|error=.*'
done
ask http://127.0.0.1/metrics | grep -c '^holdfast_processes{.*} [1-9]' | sed 's/^/pools: /'
runuser -u holdfast -- holdfast-verify | grep -c '^I[0-9] ok ' | sed 's/^/invariants: /'

# Who is not holdfast comes in nowhere.
for user in www-data nobody; do
	for what in 'cat /etc/holdfast/jwt.keys' 'cat /etc/holdfast/holdfast.conf' 'cat /etc/holdfast/pgpass' \
		'psql -U holdfast_booking holdfast -c true' 'psql -U holdfast_owner holdfast -c true'; do
		! runuser -u $user -- $what 2>/dev/null || echo "$user can $what"
	done
done
! runuser -u holdfast -- psql -U holdfast_owner holdfast -c true 2>/dev/null || echo 'holdfast is the owner'
# Settings that may not be read are not taken for none, but by who needs none.
runuser -u nobody -- holdfast-janitor 2>&1 || true
runuser -u nobody -- holdfast-loadgen --list >/dev/null
runuser -u holdfast -- psql -XAt 'postgresql://holdfast_booking@127.0.0.1/holdfast?passfile=/etc/holdfast/pgpass' \
	-c "select 'password: ' || current_user"
stat -c '%n %U:%G %a' /run/holdfast /run/holdfast/booking.sock /run/holdfast/metrics
curl -sf http://127.0.0.1:8080/metrics | grep '^holdfast_postgres_up'

# A new version that does not know a setting of ours is not taken up, and what runs goes on.
cp /etc/nginx/sites-available/holdfast /run/site.before
cat /run/systemctl-* >/run/pools.before
echo 'gone_setting = 1' >>/etc/holdfast/holdfast.conf
echo "$upgrade" >/run/upgrade
! bash -euo pipefail /run/upgrade >/dev/null 2>&1 || echo 'taken up'
cmp /etc/nginx/sites-available/holdfast /run/site.before
cat /run/systemctl-* | cmp - /run/pools.before
ask http://127.0.0.1/readyz | grep -o '"status":"ok"'
`;

// Each block as whoever copies it would see it fail, lists with && too.
const blocks = commands('docs/installing.md').map((body) => `${body}[ $? = 0 ] || exit 1\n`);
const upgrade = commands('docs/installing.md').find((body) => body.includes('daemon-reload') && body.includes('make install'));

test('from the sources to a site that sells', { skip: reason }, () => {
	const done = aside(`${blocks.join('')}upgrade='${upgrade.replaceAll("'", "'\\''")}'\n${after}`);
	assert.equal(done.status, 0, done.stdout + done.stderr);
	assert.deepEqual(done.stdout.split('=== after\n')[1].trim().split('\n'), [
		'"status":"CONFIRMED"', '"status":"ok"',
		...['janitor', 'reconcile', 'reconcile-full', 'queue-advance', 'payment-sweep', 'outbox', 'rollup', 'pricing']
			.map((name) => `job=${name}`),
		'pools: 7', 'invariants: 9', 'holdfast-janitor: /etc/holdfast/holdfast.conf: Permission denied',
		'password: holdfast_booking',
		'/run/holdfast holdfast:holdfast 750', '/run/holdfast/booking.sock holdfast:holdfast 660',
		'/run/holdfast/metrics holdfast:holdfast 660',
		'holdfast_postgres_up 1', '"status":"ok"',
	]);
});

// As packages leave it that were unpacked while no service was to start.
test('an ordinary user starts the nginx that streams where no nginx ever ran', { skip: reason }, () => {
	const done = aside(String.raw`
		rm -rf /var/lib/nginx/body
		unset HOLDFAST_PACKAGES
		echo 'redis-server hold' | dpkg --set-selections
		deploy/packages run
		install -d -o nobody /run/streams
		deploy/nginx-live-conf --user nobody --run /run/streams --pid /run/streams/pid --log /run/streams/log \
			--temp /run/streams --template conf/nginx-live.conf.in >/run/streams/conf
		runuser -u nobody -- nginx -t -c /run/streams/conf`);
	assert.equal(done.status, 0, done.stdout + done.stderr);
	assert.match(done.stderr, /test is successful/);
	assert.equal(done.stdout, '', 'packages says nothing, installs nothing');
});

test('data of PostgreSQL are served by the version that they are of', { skip: reason }, () => {
	const done = aside(String.raw`
		export HOLDFAST_NOSYNC=1
		stack() { deploy/stack --bin $BUILD/bin --state /run/state "$@"; }
		stack cluster
		stack down
		mkdir -p /usr/lib/postgresql/99/bin
		for name in postgres pg_ctl initdb; do ln -s /bin/false /usr/lib/postgresql/99/bin/$name; done
		stack cluster
		stack clean`);
	assert.equal(done.status, 0, done.stdout + done.stderr);
});
