# The pools of the private stack: each a restart loop (deploy/pool) around spawn-fcgi and
# multiwatch; and the demo.
# shellcheck shell=bash disable=SC2154

# What a running pool was made of: its program, its configuration, its size.
pool_signature() {
	stat -L -c '%i %Y %s' "$bin/holdfast-$1"
	sha256sum <"$conf"
	config_value "workers_$1"
	config_value backlog
}

pools_up() {
	local pool began
	for pool in $known_pools; do
		[ -x "$bin/holdfast-$pool" ] || continue
		began=$EPOCHREALTIME
		if pid_of "$run/$pool.loop" "$run/$pool.sock" >/dev/null &&
			pool_signature "$pool" | cmp -s - "$run/$pool.made"; then
			continue
		fi
		pool_stop "$pool" || true
		pool_start "$pool"
		say "$pool" "started ($(since "$began"))"
	done
}

pool_start() {
	local pool=$1 workers
	workers=$(config_value "workers_$pool")
	pool_signature "$pool" >"$run/$pool.made"
	(
		cd /
		exec "${clean_environment[@]}" setsid "$here/pool" "$run/$pool.sock" \
			"$pids/$pool.pid" "$(config_value backlog)" "${workers:-2}" \
			"$bin/holdfast-$pool" --config "$conf"
	) </dev/null >>"$state/log/$pool.log" 2>&1 9>&- &
	echo $! >"$run/$pool.loop"
	for _ in $(seq 100); do
		[ ! -S "$run/$pool.sock" ] || return 0
		sleep 0.02
	done
	fail "the pool $pool does not start, see $state/log/$pool.log"
}

# The loop first, which ends its own multiwatch; then whatever a loop that was killed left behind.
pool_stop() {
	local pool=$1 stopped=1
	if pid_stop "$run/$pool.loop" "$run/$pool.sock" TERM 20; then
		stopped=0
	fi
	if pid_stop "$pids/$pool.pid" "$conf" TERM 6; then
		stopped=0
	fi
	rm -f "$run/$pool.sock" "$run/$pool.made"
	return "$stopped"
}

pools_down() {
	local pool began
	for pool in $known_pools; do
		began=$EPOCHREALTIME
		if pool_stop "$pool"; then
			say "$pool" "stopped ($(since "$began"))"
		fi
	done
}

# The demo, once for a state directory, with a random password that is kept for the operator.
demo_load() {
	local began=$EPOCHREALTIME account
	[ ! -e "$state/demo" ] || return 0
	[ -z "${HOLDFAST_NODEMO:-}" ] || return 0
	[ -s "$secrets/demo" ] || random_hex 8 >"$secrets/demo"
	program holdfast-demo --password-file "$secrets/demo" >"$state/log/demo.log" 2>&1 9>&- || {
		cat "$state/log/demo.log" >&2
		fail "the demo could not be loaded"
	}
	for account in admin organizer buyer; do
		printf '%-24s %s\n' "$account@example.test" "$(cat "$secrets/demo")"
	done >"$state/demo"
	say demo "loaded ($(since "$began"))"
}
