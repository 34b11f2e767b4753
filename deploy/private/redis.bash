# Redis of the private stack: on a unix socket, never on TCP.
# shellcheck shell=bash disable=SC2154

redis_is_up() {
	[ "$(redis-cli -s "$redis_socket" ping 2>/dev/null)" = PONG ]
}

redis_up() {
	local began=$EPOCHREALTIME
	if pid_of "$pids/redis.pid" "$state/redis" >/dev/null && redis_is_up; then
		return
	fi
	{
		echo "# Made by \`make up\`."
		cat "$tree/conf/redis.conf"
		echo "port 0"
		echo "unixsocket \"$redis_socket\""
		echo "unixsocketperm 700"
		echo "dir \"$state/redis\""
		echo "pidfile \"$pids/redis.pid\""
		echo "logfile \"$state/log/redis.log\""
		echo "daemonize yes"
	} >"$state/redis/redis.conf"
	redis-server "$state/redis/redis.conf" >>"$state/log/redis.log" 2>&1 </dev/null 9>&- ||
		fail "Redis does not start, see $state/log/redis.log"
	for _ in $(seq 100); do
		redis_is_up && break
		sleep 0.05
	done
	redis_is_up || fail "Redis does not answer, see $state/log/redis.log"
	say redis "started ($(since "$began"))"
}

redis_down() {
	local began=$EPOCHREALTIME
	pid_stop "$pids/redis.pid" "$state/redis" TERM 10 || return 0
	rm -f "$redis_socket"
	say redis "stopped ($(since "$began"))"
}
