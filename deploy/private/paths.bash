# Where the private stack keeps its things, its secrets and its configuration file.
# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154

# Sets the paths of this state directory; what was chosen once (port, cluster) is read back.
paths_make() {
	local saved_port='' saved_cluster='' saved_database=''
	if [ -e "$state/settings" ]; then
		saved_port=$(setting_saved port)
		saved_cluster=$(setting_saved cluster)
		saved_database=$(setting_saved database)
	fi
	# env, down and the like speak of the stack as it runs, whatever PORT says now.
	if [ "$command" != up ] || [ -z "$port" ]; then
		port=${saved_port:-${port:-8080}}
	fi
	cluster=${cluster:-$saved_cluster}
	conf=$state/holdfast.conf
	pids=$state/pids
	secrets=$state/secrets
	state_hash=$(printf '%s' "$state" | sha256sum | cut -c1-12)
	run=$state/run
	# A socket's path holds 107 bytes, and no character that means something to a server.
	if [ $((${#run} + 20)) -gt 107 ] || [[ $run =~ [^A-Za-z0-9._/+@=-] ]]; then
		run=/tmp/holdfast-$(id -u)-$state_hash
	fi
	redis_socket=$run/redis.sock
	if [ -n "$cluster" ]; then
		database=${saved_database:-holdfast_$state_hash}
		passfile=$cluster/secrets/pgpass
	else
		database=holdfast
		passfile=$secrets/pgpass
	fi
	postgres_paths
	environment_make
}

setting_saved() {
	sed -n "s/^$1=//p" "$state/settings"
}

paths_save() {
	local dir
	chmod 0700 "$state"
	mkdir -p "$pids" "$secrets" "$state/log" "$state/redis" "$state/nginx" "$state/live"
	private_dir "$run"
	for dir in "$pids" "$secrets" "$state/log" "$state/redis" "$state/nginx" "$state/live"; do
		chmod 0700 "$dir"
	done
	# Another port is kept once nginx has it.
	settings_save "$(setting_saved port)"
}

settings_save() {
	printf 'port=%s\ncluster=%s\ndatabase=%s\n' "${1:-$port}" "$cluster" "$database" \
		>"$state/settings.new"
	mv -f "$state/settings.new" "$state/settings"
}

# Makes a directory that only we may enter; refuses one that somebody else made under that name.
private_dir() {
	mkdir -p -- "$1"
	if [ -L "$1" ] || [ ! -O "$1" ]; then
		fail "$1 belongs to somebody else"
	fi
	chmod 0700 "$1"
}

run_clean() {
	[ "$run" = "$state/run" ] || rm -rf -- "$run"
}

random_hex() {
	od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# Two signing keys, so that their exchange is always exercised, and the secret of the booking ids.
secrets_make() {
	[ -s "$secrets/jwt.keys" ] ||
		printf 'a%s %s\nb%s %s\n' "$(random_hex 3)" "$(random_hex 32)" \
			"$(random_hex 3)" "$(random_hex 32)" >"$secrets/jwt.keys"
	[ -s "$secrets/id" ] || random_hex 32 >"$secrets/id"
}

# The address of the database for libpq; $1, where given, is the role to log in as. The password is
# taken from the passfile.
database_url() {
	printf 'postgresql://%s/%s?host=%s&port=5432&passfile=%s\n' "${1:+$1@}" "$database" \
		"$(url_encode "$postgres_socket")" "$(url_encode "$passfile")"
}

# Percent-encodes a path for use in the query of a URL.
url_encode() {
	local i c
	for ((i = 0; i < ${#1}; i++)); do
		c=${1:i:1}
		case $c in
		[A-Za-z0-9._/-]) printf '%s' "$c" ;;
		*) printf '%%%02X' "'$c" ;;
		esac
	done
}

config_text() {
	local pair
	echo "# Made by \`make up\`: changed by SET=, not by hand."
	echo "environment = development"
	echo "database_url = $(database_url)"
	echo "redis_url = unix://$redis_socket"
	echo "jwt_keys_file = $secrets/jwt.keys"
	echo "id_secret = @$secrets/id"
	echo "metrics_file = $run/metrics"
	echo "live_socket = $run/live-publish.sock"
	echo "mail_templates = $tree/conf/mail"
	[[ " ${HOLDFAST_SET:-}" == *" live="* ]] || ! live_is_installed || echo "live = on"
	for pair in ${HOLDFAST_SET:-}; do
		echo "${pair%%=*} = ${pair#*=}"
	done
}

# Sets clean_environment: a command runs behind it with nothing else from the environment than what
# every program needs, and what the sanitizers, in builds that have them, are told.
environment_make() {
	local name
	clean_environment=(env -i "PATH=$PATH" LC_ALL=C TZ=UTC)
	for name in ASAN_OPTIONS UBSAN_OPTIONS; do
		[ -z "${!name:-}" ] || clean_environment+=("$name=${!name}")
	done
}

# Runs one of our programs with this stack's configuration.
program() {
	"${clean_environment[@]}" HOME="${HOME:-/}" "$bin/$1" --config "$conf" "${@:2}"
}

# Refuses an unknown key or a bad value before anything is started, and reads the settings that this
# script needs itself.
config_check() {
	local pair first=''
	for first in "$bin"/holdfast-*; do
		break
	done
	[ -x "$first" ] || fail "there are no programs in $bin: build first"
	for pair in ${HOLDFAST_SET:-}; do
		case $pair in
		?*=*) ;;
		*) fail "SET: key=value is expected, not $pair" ;;
		esac
	done
	secrets_make
	config_text >"$conf.new"
	if ! "${clean_environment[@]}" "$first" --config "$conf.new" --print-config \
		>"$state/settings.all" || ! pools_check; then
		rm -f "$conf.new"
		fail "SET is refused, nothing was started"
	fi
}

# What only the workers of a pool look at.
pools_check() {
	local pool one
	for pool in $known_pools; do
		one=$bin/holdfast-$pool
		[ ! -x "$one" ] ||
			"${clean_environment[@]}" "$one" --config "$conf.new" --check || return 1
	done
}

# The value in force of one setting.
config_value() {
	sed -n "s/^$1 *= *//p" "$state/settings.all"
}

config_write() {
	if cmp -s "$conf.new" "$conf"; then
		rm -f "$conf.new"
	else
		mv -f "$conf.new" "$conf"
	fi
}
