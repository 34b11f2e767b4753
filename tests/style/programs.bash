# Every program says what it is, and refuses what it does not know.
# shellcheck shell=bash disable=SC2154

programs_help() {
	local program name first
	for program in "$bin"/holdfast-*; do
		name=${program##*/}
		first=$(env -i "$program" --help 2>&1 | head -n 1)
		env -i "$program" --help >/dev/null 2>&1 || echo "$name --help fails"
		[[ $first == "$name: "?* ]] || echo "$name --help begins with: $first"
		env -i "$program" --version | grep -q "^$name [0-9]" ||
			echo "$name --version says nothing"
	done
}

programs_refuse() {
	local program status
	for program in "$bin"/holdfast-*; do
		for word in "--no-such-option" "--set=no_such_key=1"; do
			env -i timeout 10 "$program" --config conf/holdfast.conf "$word" \
				>/dev/null 2>&1 </dev/null
			status=$?
			[ "$status" = 2 ] || echo "${program##*/} $word ends with $status"
		done
	done
}

# The routes that the pools tell are those of the one list, and nginx's map can be made of them.
programs_routes() {
	local pool
	sed -n 's/^ROUTE(\([a-z]*\),.*/\1/p' app/pools/routes.def | sort -u | while read -r pool; do
		diff <(tr -d '"' <app/pools/routes.def |
			sed -n "s/^ROUTE($pool, \([A-Z]*\), \([^,]*\),.*/$pool \1 \2/p") \
			<(env -i "$bin/holdfast-$pool" --routes | cut -d ' ' -f 1-3)
	done
}

check "every program has its --help and --version" programs_help
check "every program refuses unknown options and settings" programs_refuse
check "the pools tell the routes of the one list" programs_routes
