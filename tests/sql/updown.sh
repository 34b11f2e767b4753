#!/bin/bash
# The schema goes up, down to the root, and up again, each change with its own verification. At the
# bottom nothing is left, and the second top is the same as the first.
set -euo pipefail
: "${PGDATABASE:?}"

tree=$(cd "$(dirname "$0")/../.." && pwd)
echo "1..7"
n=1
log=$(mktemp)
trap 'rm -f "$log" "$log".*' EXIT

check() {
	local about=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok $n - $about"
	else
		echo "not ok $n - $about"
		tail -n 20 "$log" | sed 's/^/# /'
	fi
	n=$((n + 1))
}

run_sqitch() {
	(cd "$tree/sql" && PGUSER=holdfast_owner SQITCH_FULLNAME=test SQITCH_EMAIL=test@localhost \
		sqitch "$1" --target "db:pg:$PGDATABASE" "${@:2}")
}

# What is deployed, as text: everything of the schema but its data.
picture() {
	pg_dump --schema-only --schema=holdfast "$PGDATABASE" | grep -Ev "^(--|SET|SELECT|[\\])|^$"
}

nothing_left() {
	[ "$(psql -X -A -t -c "select count(*) from pg_namespace where nspname = 'holdfast'")" = 0 ] &&
		[ "$(psql -X -A -t -c "select count(*) from pg_default_acl")" = 0 ] &&
		[ "$(psql -X -A -t -c "select count(*) from sqitch.changes")" = 0 ]
}

same_picture() {
	diff "$log.first" "$log.second"
}

# The tests' own helpers stand on the schema: it is tried without them.
psql -X -q -c 'drop schema given cascade' -c 'drop schema tap cascade' 2>"$log"
picture >"$log.first"
check "the schema is not empty" test -s "$log.first"
check "every change verifies" run_sqitch verify
check "all of it is reverted, change by change" run_sqitch revert -y
check "nothing is left" nothing_left
check "the schema goes up again" run_sqitch deploy --verify
check "every change verifies again" run_sqitch verify
picture >"$log.second"
check "what stands is the same as before" same_picture
