# The table of settings, the sample file and the README know the same keys.
# shellcheck shell=bash disable=SC2154

settings() {
	awk -v form="$1" -f app/gen/settings.awk app/base/conf.def
}

settings_readme() {
	sed -n '/^<!-- settings -->$/,/^<!-- end of settings -->$/p' README.md | sed '1d;$d'
}

settings_rows() {
	diff <(grep -c '^CONF_' app/base/conf.def) <(settings keys | sort -u | wc -l)
}

# The sample file, read by a program, gives exactly the defaults.
settings_defaults() {
	local program
	for program in "$bin"/holdfast-*; do
		diff <(env -i "$program" --config /dev/null --print-config) \
			<(env -i "$program" --config conf/holdfast.conf --print-config)
		return
	done
}

# What the benchmark sets otherwise than it is shipped, as every stack of tests does, is said beside
# the figures.
settings_bench() {
	local pair program
	for program in "$bin"/holdfast-*; do
		break
	done
	sed -n 's/^settings+\{0,1\}=//p; s/^\tlocal set="\(.*\)"$/\1/p' tests/bench/run \
		tests/stack |
		grep -oE '[a-z_]+=[^ "'"'"']+' | while read -r pair; do
			grep -qF "\`$pair\`" docs/benchmark.md ||
				env -i "$program" --config /dev/null --print-config |
				grep -qx "${pair%%=*} = ${pair#*=}" ||
				echo "docs/benchmark.md does not say $pair"
		done
}

check "every setting is understood" settings_rows
check "conf/holdfast.conf is what \`make settings\` makes" diff conf/holdfast.conf <(settings file)
check "the README's table is what \`make settings\` makes" diff <(settings_readme) <(settings table)
check "conf/holdfast.conf holds the defaults" settings_defaults
check "the page of the benchmark says what it sets otherwise" settings_bench
