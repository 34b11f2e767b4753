# nginx of the private stack: the same server block as in production, in a configuration of its own.
# shellcheck shell=bash disable=SC2154

nginx_program() {
	command -v nginx || command -v /usr/sbin/nginx || fail "nginx is not installed"
}

# Most open files of a worker: each stream of changes is two of them.
nginx_files() {
	local files
	files=$(ulimit -Hn)
	if [ "$files" = unlimited ] || [ "$files" -gt 65536 ] || (ulimit -n 65536) 2>/dev/null; then
		files=65536
	fi
	echo "$files"
}

# The whole file; what differs from a packaged nginx is where things are kept. Fails by its status
# alone: behind `||` nothing in a function ends it.
nginx_text() {
	local files dir
	files=$(nginx_files)
	echo "# Made by \`make up\`."
	[ "$(id -u)" != 0 ] || echo "user root;"
	cat <<-END
	worker_processes auto;
	pcre_jit on;
	worker_rlimit_nofile $files;
	pid "$pids/nginx.pid";
	# Below this level lines are about one request, and name the client and what was asked for.
	error_log "$state/log/nginx.log" crit;
	events {
		worker_connections $((files < 24640 ? files - 64 : 24576));
	}
	http {
	access_log off;
	END
	for dir in client_body proxy fastcgi uwsgi scgi; do
		echo "${dir}_temp_path \"$state/nginx/$dir\";"
	done
	env -i PATH="$PATH" "$here/nginx-conf" --config "$conf" --run "$run" --bin "$bin" \
		--cache "$state/nginx/cache" --log off \
		--listen "127.0.0.1:$port backlog=4096" --template "$tree/conf/nginx.conf.in" \
		--problems "$(dirname "$bin")/gen/nginx-problems.conf" \
		--web "$(dirname "$bin")/web" || return
	echo "}"
}

nginx_up() {
	local began=$EPOCHREALTIME file=$state/nginx/nginx.conf
	nginx_text >"$file.new" || fail "nginx's configuration could not be made"
	if pid_of "$pids/nginx.pid" "$file" >/dev/null; then
		cmp -s "$file.new" "$file" && return
		nginx_down
	fi
	nginx_orphans_stop "$state/nginx"
	mv -f "$file.new" "$file"
	mkdir -p "$state/nginx/cache"
	nginx_start nginx "$state/nginx" || fail "nginx does not start (is port $port free?)"
	say nginx "started on 127.0.0.1:$port ($(since "$began"))"
}

# Starts the nginx $1 in its own directory $2, by which its workers are known.
nginx_start() {
	(
		cd "$2"
		exec "$(nginx_program)" -e "$state/log/$1.log" -p "$2" -c "$2/nginx.conf"
	) >"$state/log/$1.start" 2>&1 </dev/null 9>&- || {
		cat "$state/log/$1.start" >&2
		return 1
	}
	for _ in $(seq 100); do
		[ ! -s "$pids/$1.pid" ] || break
		sleep 0.02
	done
}

# Gracefully, so that answers under way are finished; not for longer than a worker may take.
nginx_down() {
	local began=$EPOCHREALTIME
	local ran=''
	if pid_stop "$pids/nginx.pid" "$state/nginx/nginx.conf" QUIT 6; then
		ran=yes
	fi
	nginx_orphans_stop "$state/nginx"
	[ -z "$ran" ] || say nginx "stopped ($(since "$began"))"
}

# A master that was killed leaves its workers behind in its directory $1, which go on to serve and
# to hold the port.
nginx_orphans_stop() {
	local dir pid name
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		# It may end at any time.
		{ read -r name <"$dir/comm"; } 2>/dev/null || continue
		if [ "$name" = nginx ] && [ "$(readlink "$dir/cwd" 2>/dev/null)" = "$1" ]; then
			kill -TERM "$pid" 2>/dev/null || true
			pid_gone "$pid" 5 || kill -KILL "$pid" 2>/dev/null || true
		fi
	done
}
