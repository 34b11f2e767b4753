#!/bin/bash
# Private servers for the tests of app/store, on unix sockets in DIR:
#
#   servers.sh pg-init DIR        a new cluster, without flushing to the disk
#   servers.sh pg-shared DIR      makes and starts one in DIR, if nobody has yet
#   servers.sh pg-start DIR | pg-stop DIR | pg-crash DIR
#   SQL=... servers.sh pg-sql DIR  as superuser, in the database postgres
#   servers.sh redis-start DIR [OPTION]... | redis-signal DIR SIGNAL | redis-stop DIR
#   servers.sh remove DIR         ends both and removes DIR
#   servers.sh sweep DIR          the same for all directories in DIR, and DIR
#
# PostgreSQL does not run as root: there it runs as the user postgres.
set -euo pipefail

command=$1
dir=$2
shift 2
pg_bin=$(pg_config --bindir 2>/dev/null || true)
[ -x "$pg_bin/initdb" ] || pg_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

as_server() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
	else
		"$@"
	fi
}

pg_stop() {
	[ ! -e "$dir/pg/postmaster.pid" ] ||
		as_server "$pg_bin/pg_ctl" -D "$dir/pg" -m "$1" -w stop >/dev/null
}

redis_stop() {
	local pid
	pid=$(cat "$dir/redis.pid" 2>/dev/null) || return 0
	kill -KILL "$pid" 2>/dev/null || true
	while redis-cli -s "$dir/redis.sock" ping >/dev/null 2>&1; do sleep 0.01; done
	rm -f "$dir/redis.pid" "$dir/redis.sock"
}

remove() {
	pg_stop immediate || true
	redis_stop
	rm -rf -- "$dir"
}

case $command in
pg-init)
	mkdir -m 0700 "$dir/pg"
	[ "$(id -u)" != 0 ] || chown postgres "$dir/pg"
	as_server "$pg_bin/initdb" -D "$dir/pg" -U postgres -A trust --no-sync -E UTF8 \
		--locale=C.UTF-8 --wal-segsize=1 >/dev/null
	as_server tee -a "$dir/pg/postgresql.conf" >/dev/null <<-END
		listen_addresses = ''
		fsync = off
		shared_buffers = 16MB
		min_wal_size = 2MB
		deadlock_timeout = 50ms
		log_min_messages = fatal
	END
	;;
pg-shared)
	mkdir -p "$dir"
	chmod 0755 "$dir"
	exec 9>"$dir/lock"
	flock 9
	if [ ! -d "$dir/pg" ]; then
		"$0" pg-init "$dir" 9>&-
		"$0" pg-start "$dir" 9>&-
	fi
	;;
pg-start)
	as_server "$pg_bin/pg_ctl" -D "$dir/pg" -l "$dir/pg/log" -o "-k $dir/pg" -w start >/dev/null
	;;
pg-stop) pg_stop fast ;;
pg-crash) pg_stop immediate ;;
pg-sql) "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$dir/pg" -U postgres -c "$SQL" >/dev/null ;;
redis-start)
	redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --dir "$dir" \
		--pidfile "$dir/redis.pid" --daemonize yes "$@" >/dev/null
	until redis-cli -s "$dir/redis.sock" ping >/dev/null 2>&1; do sleep 0.01; done
	;;
redis-signal) kill -"$1" "$(cat "$dir/redis.pid")" ;;
redis-stop) redis_stop ;;
remove) remove ;;
sweep)
	top=$dir
	for dir in "$top"/*/; do
		dir=${dir%/}
		[ ! -d "$dir" ] || remove
	done
	rm -rf -- "$top"
	;;
esac
