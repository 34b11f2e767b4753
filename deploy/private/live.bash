# The second nginx of the private stack, which streams changes, where `live` is on.
# shellcheck shell=bash disable=SC2154

live_modules=/usr/lib/nginx/modules

# The directory is one that an ordinary user cannot make, and the module wants: see deploy/packages.
live_is_installed() {
	[ -e "$live_modules/ngx_nchan_module.so" ] &&
		{ [ "$(id -u)" = 0 ] || [ -e /var/lib/nginx/body ]; }
}

live_is_on() {
	[ "$(config_value live)" = on ]
}

live_up() {
	local began=$EPOCHREALTIME file=$state/live/nginx.conf
	live_is_on || { live_down && return; }
	"$here/nginx-live-conf" --run "$run" --user "$(id -un)" --pid "$pids/live.pid" \
		--log "$state/log/live.log" --temp "$state/live" --files "$(nginx_files)" \
		--modules "$live_modules" --template "$tree/conf/nginx-live.conf.in" \
		>"$file.new" || fail "live is on, and its configuration could not be made"
	if pid_of "$pids/live.pid" "$file" >/dev/null; then
		cmp -s "$file.new" "$file" && return
		live_down
	fi
	nginx_orphans_stop "$state/live"
	mv -f "$file.new" "$file"
	# Those of one that was killed.
	rm -f "$run/live.sock" "$run/live-publish.sock"
	nginx_start live "$state/live" || fail "the nginx that streams does not start"
	chmod 0660 "$run/live-publish.sock"
	say live "started ($(since "$began"))"
}

# At once: whoever watches comes back by itself.
live_down() {
	local began=$EPOCHREALTIME
	local ran=''
	if pid_stop "$pids/live.pid" "$state/live/nginx.conf" TERM 6; then
		ran=yes
	fi
	nginx_orphans_stop "$state/live"
	rm -f "$run/live.sock" "$run/live-publish.sock"
	[ -z "$ran" ] || say live "stopped ($(since "$began"))"
}
