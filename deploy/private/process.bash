# Processes of the private stack: which of them are ours, and how they are ended.
# shellcheck shell=bash disable=SC2154

# Prints the process id in file $1 if that process lives and is ours: its command line or its
# working directory names $2. A number that another process got since is nobody's business here.
pid_of() {
	local pid
	[ -s "$1" ] || return 1
	read -r pid <"$1" || [ -n "$pid" ] || return 1
	case $pid in
	'' | *[!0-9]*) return 1 ;;
	esac
	[ -d "/proc/$pid" ] || return 1
	if [[ "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" == *"$2"* ]] ||
		[[ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" == "$2"* ]]; then
		echo "$pid"
	else
		return 1
	fi
}

# Waits at most $2 seconds for process $1 to end.
pid_gone() {
	local tries=$(($2 * 20))
	while grep -q '^State:[[:space:]]*[A-Y]' "/proc/$1/status" 2>/dev/null; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.05
	done
}

# Ends the process in pid file $1, known by $2: signal $3, and after $4 seconds with force.
pid_stop() {
	local pid
	pid=$(pid_of "$1" "$2") || { rm -f "$1"; return 1; }
	kill "-$3" "$pid" 2>/dev/null || true
	if ! pid_gone "$pid" "$4"; then
		kill -KILL "$pid" 2>/dev/null || true
		pid_gone "$pid" 5 || true
	fi
	rm -f "$1"
}

# Seconds since $1 (an EPOCHREALTIME), with one decimal.
since() {
	local us=$((${EPOCHREALTIME/./} - ${1/./}))
	printf '%d.%d s' $((us / 1000000)) $((us % 1000000 / 100000))
}
