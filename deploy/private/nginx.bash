# nginx of the private stack: the same server block as in production, in a configuration of its own.
# shellcheck shell=bash disable=SC2154

nginx_program() {
	command -v nginx || command -v /usr/sbin/nginx || fail "nginx is not installed"
}

# The whole file; what differs from a packaged nginx is where things are kept.
nginx_text() {
	local files dir
	files=$(ulimit -Hn)
	[ "$files" != unlimited ] && [ "$files" -le 65536 ] || files=65536
	echo "# Made by \`make up\`."
	[ "$(id -u)" != 0 ] || echo "user root;"
	cat <<-END
	worker_processes auto;
	worker_rlimit_nofile $files;
	pid "$pids/nginx.pid";
	# Below this level lines are about one request, and name the client and what was asked for.
	error_log "$state/log/nginx.log" crit;
	events {
		worker_connections $((files < 8192 ? files / 2 : 4096));
	}
	http {
	access_log off;
	END
	for dir in client_body proxy fastcgi uwsgi scgi; do
		echo "${dir}_temp_path \"$state/nginx/$dir\";"
	done
	env -i PATH="$PATH" "$here/nginx-conf" --config "$conf" --run "$run" --bin "$bin" \
		--listen "127.0.0.1:$port backlog=4096" --template "$tree/conf/nginx.conf.in" \
		--problems "$(dirname "$bin")/gen/nginx-problems.conf" --web "$(dirname "$bin")/web"
	echo "}"
}

nginx_up() {
	local began=$EPOCHREALTIME file=$state/nginx/nginx.conf
	nginx_text >"$file.new" || fail "nginx's configuration could not be made"
	if pid_of "$pids/nginx.pid" "$file" >/dev/null; then
		cmp -s "$file.new" "$file" && return
		nginx_down
	fi
	nginx_orphans_stop
	mv -f "$file.new" "$file"
	# Started in its own directory, by which its workers are known.
	(
		cd "$state/nginx"
		exec "$(nginx_program)" -e "$state/log/nginx.log" -p "$state/nginx" -c "$file"
	) >"$state/log/nginx.start" 2>&1 </dev/null 9>&- || {
		cat "$state/log/nginx.start" >&2
		fail "nginx does not start (is port $port free?)"
	}
	for _ in $(seq 100); do
		[ ! -s "$pids/nginx.pid" ] || break
		sleep 0.02
	done
	say nginx "started on 127.0.0.1:$port ($(since "$began"))"
}

# Gracefully, so that answers under way are finished; not for longer than a worker may take.
nginx_down() {
	local began=$EPOCHREALTIME
	local ran=''
	if pid_stop "$pids/nginx.pid" "$state/nginx/nginx.conf" QUIT 6; then
		ran=yes
	fi
	nginx_orphans_stop
	[ -z "$ran" ] || say nginx "stopped ($(since "$began"))"
}

# A master that was killed leaves its workers behind, which go on to serve and to hold the port.
nginx_orphans_stop() {
	local dir pid
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		if [ "$(cat "$dir/comm" 2>/dev/null)" = nginx ] &&
			[ "$(readlink "$dir/cwd" 2>/dev/null)" = "$state/nginx" ]; then
			kill -TERM "$pid" 2>/dev/null || true
			pid_gone "$pid" 5 || kill -KILL "$pid" 2>/dev/null || true
		fi
	done
}
