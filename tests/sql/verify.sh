#!/bin/bash
# holdfast-verify as a program: its lines, its exit status, and the comparison of a private Redis with
# PostgreSQL.
set -euo pipefail
: "${BUILD:?}" "${PGDATABASE:?}" "${PGHOST:?}"

bin=$BUILD/bin
dir=$(mktemp -d /tmp/holdfast-verify.XXXXXX)
redis_pid=''
stop_redis() {
	[ -z "$redis_pid" ] || { kill "$redis_pid" && wait "$redis_pid"; } 2>/dev/null || true
	redis_pid=''
}
finish() {
	stop_redis
	rm -rf "$dir"
}
trap finish EXIT

start_redis() {
	redis-server --port 0 --unixsocket "$dir/redis" --save '' --appendonly no \
		--dir "$dir" >"$dir/redis.log" 2>&1 &
	redis_pid=$!
	for _ in $(seq 200); do
		[ "$(redis-cli -s "$dir/redis" ping 2>/dev/null)" != PONG ] || return 0
		sleep 0.02
	done
	echo "Bail out! Redis does not start"
	exit 1
}

redis() {
	redis-cli -s "$dir/redis" "$@"
}

sql() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c 'set search_path = holdfast, given, tap, public' -c "$1"
}

# Runs a program against the servers of this test: what it says in $said, its exit status in $status.
run() {
	local program=$1
	shift
	status=0
	said=$(env -i PATH="$PATH" "$bin/holdfast-$program" --set environment=development \
		--set "database_url=host=$PGHOST dbname=$PGDATABASE" --set "redis_url=unix://$dir/redis" \
		"$@" 2>&1) || status=$?
}

n=0
check() { # about, then a test
	n=$((n + 1))
	local about=$1
	shift
	if "$@"; then
		echo "ok $n - $about"
	else
		echo "not ok $n - $about"
		printf 'status %s\n%s\n' "$status" "$said" | sed 's/^/# /'
	fi
}

# The exit status is $1, and a line of what was said matches $2.
told() {
	[ "$status" = "$1" ] && grep -Eq "$2" <<<"$said"
}

# Beside them only the log may say something: why a server is away.
lines_ok() {
	[ "$status" = 0 ] && [ "$(grep -Ec '^I[1-9] (ok|skipped) 0 ' <<<"$said")" = "$1" ] &&
		[ "$(grep -vc ' warn program=verify ' <<<"$said")" = "$1" ]
}

echo "1..30"
sql "select users('anna', 'berta')" >/dev/null
event=$(sql 'select event(6, 5, 3)')
hold=$(sql "select held($event, 'anna', seats(1,2), '{FLOOR}', '{2}')")
sold=$(sql "select confirmed($event, 'berta', seats(3), '{BALCONY}', '{1}')")

run verify --help
check "it says what it does" told 0 'check the invariants'
run verify --nonsense
check "an unknown option is refused" told 2 .
run verify --wait 61
check "so is a wait out of bounds" told 2 'wait'
run verify word
check "and a word" told 2 .

run verify
check "without Redis all else is checked" lines_ok 9
check "and I8 is skipped" told 0 '^I8 skipped 0 '
run verify --set redis_url=
check "likewise where there is to be none" told 0 '^I8 skipped 0 '

start_redis
run verify --wait 0
check "with an empty Redis nothing differs" told 0 '^I8 ok 0 0 events kept in Redis, 0 bookings$'
run reconcile --event "$event"
check "the event is built in Redis" told 0 "event=$event rebuilt=yes"
run verify --wait 0
check "Redis equals PostgreSQL" told 0 '^I8 ok 0 1 events kept in Redis, 2 bookings$'
check "every line is ok" lines_ok 9

prefix=$(redis --raw keys '*:meta')
prefix=${prefix%:meta}

# a seat that Redis shows as free
redis setrange "$prefix:seats" 0 a >/dev/null
run verify --wait 0
check "a wrong seat is named" told 1 "^I8 FAIL [0-9]+ first: event $event: "
check "the other invariants hold" told 1 '^I6 ok 0 '
redis setrange "$prefix:seats" 0 h >/dev/null
# an entry that is not there
redis hget "$prefix:entry" "$sold" >"$dir/entry"
redis hdel "$prefix:entry" "$sold" >/dev/null
run verify --wait 0
check "a missing entry is named" told 1 "^I8 FAIL [0-9]+ first: event $event: .*$sold"
redis -x hset "$prefix:entry" "$sold" <"$dir/entry" >/dev/null
run reconcile --event "$event"
run verify --wait 0
check "reconcile repairs it" told 0 '^I8 ok 0 1 events'
# a count
redis hincrby "$prefix:count" b:BALCONY 1 >/dev/null
run verify --wait 0
check "a wrong count is named" told 1 '^I8 FAIL [0-9]+ first: '
redis hincrby "$prefix:count" b:BALCONY -1 >/dev/null

# a difference that goes away while one looks is none: between the two comparisons it is mended
redis setrange "$prefix:seats" 1 a >/dev/null
reads() {
	redis info commandstats | sed -n 's/^cmdstat_hgetall:calls=\([0-9]*\).*/\1/p'
}
reads_before=$(reads)
{
	for _ in $(seq 500); do
		[ "$(reads)" = "$reads_before" ] || break
		sleep 0.01
	done
	sleep 0.3
	redis setrange "$prefix:seats" 1 h >/dev/null
} &
mender=$!
run verify --wait 2
wait "$mender"
check "a difference that does not stay is none" told 0 '^I8 ok 0 1 events'

# a deadline moved in PostgreSQL alone
sql "select due($event, '$hold', now() + interval '1 hour')" >/dev/null
run verify --wait 0
check "a deadline that Redis does not know is named" told 1 "^I8 FAIL [0-9]+ first: event $event: .*$hold"
run reconcile --event "$event"
run verify --wait 0
check "until it is reconciled" told 0 '^I8 ok 0'

# a line: who was served has a booking, and nobody is in two states
anna=$(sql "select buyer('anna')")
line="$prefix:q:FLOOR"
sql "select queue_epoch($event, 'FLOOR', 0)" >/dev/null
redis zadd "$line:line" 8796093022720 "$anna" >/dev/null
run verify --wait 0
check "one who waits is right" told 0 '^I9 ok 0 .*, 1 lines, 1 people in Redis$'
redis hset "$line:serving" "$anna" "8796093022720|9999999999999|d" >/dev/null
run verify --wait 0
check "one in two states is named" told 1 \
	"^I9 FAIL 1 first: event $event: line FLOOR: user $anna waits and is being served"
redis del "$line:serving" >/dev/null
redis hset "$line:done" "$anna" "8796093022720|$hold|1" >/dev/null
run verify --wait 0
check "and who waits with an open booking" told 1 \
	"^I9 FAIL 1 first: event $event: .* waits, with an open booking: $hold"
redis zrem "$line:line" "$anna" >/dev/null
run verify --wait 0
check "who was served is right" told 0 '^I9 ok 0 '
redis hset "$line:done" "$anna" "8796093022720|$sold|1" >/dev/null
run verify --wait 0
check "another's booking is none" told 1 "^I9 FAIL 1 .* with another user's booking: $sold"
redis hset "$line:done" "$anna" "8796093022720|${sold%????}0000|1" >/dev/null
run verify --wait 0
check "nor is one that is not there" told 1 "^I9 FAIL 1 .* was served with no booking: "
redis del "$line:done" >/dev/null

# broken books
sql "set session_replication_role = replica;
	update holdfast.ga_counts set taken = taken + 1 where event_id = $event and section_no = 1;
	delete from holdfast.seat_claims where event_id = $event and position = 2" >/dev/null
run verify --wait 0
check "broken books are named, with their number" told 1 \
	"^I2 FAIL 1 first: event $event: section 1 says 3 taken, its claims are 2$"
check "each in its own line" told 1 "^I1 FAIL 1 first: event $event: booking $sold is CONFIRMED and lacks"
check "what holds is said too" told 1 '^I4 ok 0 '

# it changes nothing
before=$(pg_dump --data-only --schema=holdfast "$PGDATABASE" | grep -Ev '^(--|SELECT|\\)' | md5sum)
run verify --wait 0
check "nothing is changed" [ "$before" = \
	"$(pg_dump --data-only --schema=holdfast "$PGDATABASE" | grep -Ev '^(--|SELECT|\\)' | md5sum)" ]

run verify --set "database_url=host=$dir dbname=nowhere"
check "PostgreSQL away is temporary" told 75 .
