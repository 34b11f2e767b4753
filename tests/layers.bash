# What the layers of the tests are made of: groups of files (read by tests/run).
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # tests/run sets and reads variables
#
# layer_NAME calls, for each of its groups,
#
#   group NAME [--lanes N] [--needs NAME] PATTERN RUNNER [ARGUMENT]...
#
# The files of PATTERN wait in a queue, those that take long (tests/times) in front. RUNNER, a
# function, is started in a lane of its own, makes what the files need, and runs `file=$(take)`
# after `file=$(take)` until there is none; with --lanes up to N runners share the queue, where that
# is worth while. Each prints TAP. Before it is done what it --needs: prepare_NAME below.
#
# A layer without such a function is one program, tests/NAME/run.

layers_default=(style unit sql lua http asan browser race scenarios fault fuzz)

layer_style() {
	group style --lanes 2 'tests/style/*.bash' each_file tests/style/run
}

layer_unit() {
	group unit --lanes 2 'tests/unit/*/*.c' unit_tests "$BUILD"
}

layer_sql() {
	group sql --lanes 2 'tests/sql/*.@(sql|sh)' tests/sql/run --take
}

layer_lua() {
	group lua --needs cluster 'tests/lua/*.test.js' on_stack --set rate_limit=off
}

# A busy machine is not to be taken for a Redis that is away.
layer_http() {
	http_groups http "$BUILD" redis_timeout_ms=1000
}

# Pools, jobs and tools built with the address and undefined-behaviour sanitizers: those files of
# the tests over HTTP that send the most that is hostile. LONG=1: all of them, and the unit tests.
# Programs are slower then, and a Redis that is as well is not away.
layer_asan() {
	local slow=redis_timeout_ms=1000 hostile
	local origin=allowed_origins=https://shop.example.test
	hostile='accounts|aliases|bookings|contract|edge|events|hold|idempotency|input|notices'
	hostile+='|paid_elsewhere|payments|regressions|staff|tokens'
	if [ -n "${LONG:-}" ]; then
		group asan-unit --needs asan 'tests/unit/*/*.c' unit_tests "$BUILD/asan"
		http_groups asan "$BUILD/asan" "$slow"
	else
		slow+=' worker_budget_ms=12000'
		group asan --lanes 2 --needs cluster --needs asan "tests/http/@($hostile).test.js" \
			on_stack BUILD="$BUILD/asan" --set "rate_limit=off $origin $slow"
	fi
}

# http_groups NAME BUILD SETTINGS. Tests of limits see them in force; for all others they are off.
# Browsers of one origin may read. Every answer is judged by the API's document, where what that
# needs is there. Jobs that go through all events have a stack with few of them.
http_groups() {
	local jobs='janitor|jobs|reconcile' own='*outage|durability' file
	local alone='analytics|docs|history|history_lines|loadgen'
	local off="rate_limit=off $3" needs=(--needs cluster) judge=''
	local origin="allowed_origins=https://shop.example.test $3"
	[ "$2" = "$BUILD" ] || needs+=(--needs "${2##*/}")
	[ ! -e build/npm/installed ] || judge=1
	local build=(BUILD="$2" HOLDFAST_CONTRACT="$judge")
	group "$1" --lanes 4 "${needs[@]}" "tests/http/!(*limits|$own|$jobs|$alone).test.js" \
		on_stack "${build[@]}" --set "$off $origin"
	# One sums up all that has ever been, two spoil their database, two sell the demo's events.
	for file in analytics docs history history_lines loadgen; do
		group "$1-$file" "${needs[@]}" "tests/http/$file.test.js" \
			on_stack "${build[@]}" --set "$off $origin"
	done
	group "$1-jobs" "${needs[@]}" "tests/http/@($jobs).test.js" \
		on_stack "${build[@]}" --set "$off"
	group "$1-limits" "${needs[@]}" 'tests/http/*limits.test.js' \
		on_stack "${build[@]}" --set "$origin"
	# These stop PostgreSQL, or ask what it has on the disk, so that it must be theirs alone.
	group "$1-own" "${needs[@]}" "tests/http/@($own).test.js" \
		on_stack "${build[@]}" --own --set "$off"
}

layer_browser() {
	group browser --needs cluster 'tests/browser/*.test.js' on_stack --set rate_limit=off
}

# What a Redis did not hear that a busy machine made slow is drift to those who compare.
layer_race() {
	group race --lanes 2 --needs cluster 'tests/race/*.test.js' \
		on_stack --set "rate_limit=off workers_booking=8 redis_timeout_ms=1000"
}

# What the load generator's scenarios expect, and what the checker of histories says of them. On a
# busy machine all their buyers may be waiting at once: they are to wait, not to be turned away.
layer_scenarios() {
	local patient="backlog=2048 redis_timeout_ms=1000"
	group scenarios --needs cluster 'tests/scenarios/*.test.js' \
		on_stack --set "rate_limit=off password_cost=1 workers_booking=4 $patient"
}

# Processes die, or lose a connection, between any two side effects, in a build that can. Then whole
# parts are taken away and given back: servers, pools, jobs. LONG=1: point by point, and for ten
# seconds each. A busy machine is not to be taken for a Redis that is away.
layer_fault() {
	local points='meanwhile|payments|points|pool|queue|room' file
	local busy="rate_limit=off workers_booking=6 redis_timeout_ms=1000"
	group fault-points --lanes 2 --needs cluster --needs fault \
		"tests/fault/@($points).test.js" on_stack BUILD="$BUILD/fault" --set "$busy"
	# Here it has to be found away within the short time for which it is.
	group fault-outage --lanes 2 'tests/fault/@(outage*|rush).test.js' \
		on_stack --own --set "rate_limit=off password_cost=1 redis_timeout_ms=300"
	# These end with another PostgreSQL than the one that the stack began with.
	for file in failover recovery; do
		group "fault-$file" "tests/fault/$file.test.js" \
			on_stack --own --set "rate_limit=off redis_timeout_ms=1000"
	done
}

# ---- what groups need ----------------------------------------------------------------------------

# One migrated PostgreSQL serves all stacks of a run that do not need one of their own.
prepare_cluster() {
	tests/stack cluster "$work/cluster"
}

prepare_asan() {
	make -s -j"$(nproc)" SAN=1 BUILD="$BUILD/asan" all ${LONG:+unit-binaries}
}

prepare_fault() {
	make -s -j"$(nproc)" FAULTS=1 BUILD="$BUILD/fault" all
}

# ---- runners: TAP on standard output -------------------------------------------------------------

# A program that takes the name of a file.
each_file() {
	local file status=0
	while file=$(take); do
		limited "$file" "$@" "$file" || status=1
	done
	return "$status"
}

# Each file of C is one Criterion program, built before in the directory that is given.
unit_tests() {
	local file program status=0
	# A test that ends its process on purpose cannot tidy up.
	TMPDIR=$(mktemp -d /tmp/holdfast-unit.XXXXXX)
	export TMPDIR
	# In builds that look for leaks: the frame of the tests has one.
	export LSAN_OPTIONS=suppressions=tests/unit/leaks.supp:print_suppressions=0
	while file=$(take); do
		program=$1/test/${file#tests/unit/}
		limited "$file" "${program%.c}" --tap --quiet -j2 || status=1
	done
	rm -rf -- "$TMPDIR"
	return "$status"
}

run_program() {
	local file
	file=$(take) && limited "$file" "$file"
}

# on_stack [NAME=VALUE]... [OPTION]...: files of node's own test runner, one after the other on one
# stack with these options (tests/stack), with this in the environment.
on_stack() {
	while [[ ${1:-} == [A-Z]*=* ]]; do
		export "${1?}"
		shift
	done
	tests/stack with "$@" bash -c node_tests
}

# Debian's own node does not know how to end a file that hangs, or that is done but for what a
# failed test has left running.
node_tests() {
	local limit=()
	if node --help | grep -q -e --test-force-exit; then
		limit=("--test-timeout=$((FILE_SECONDS * 1000))" --test-force-exit)
	fi
	each_file node --test "${limit[@]}" --test-reporter=tap
}
export -f each_file node_tests
