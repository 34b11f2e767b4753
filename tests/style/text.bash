# How files look: width, head comments, nothing left behind.
# shellcheck shell=bash disable=SC2016,SC2154

sources() {
	tree '*.c' '*.h' '*.awk' '*.bash' '*.sh' '*.sql' '*.lua' '*.js' '*.css' Makefile \
		deploy/stack deploy/pool deploy/packages deploy/viewer deploy/nginx-conf \
		tests/run tests/stack tests/lint 'tests/*/run' .ci/run \
		tests/lib/{aside,jail,systemctl}
}

# Tabs count to the next eighth column. What no tool formats (SQL, Lua, JavaScript) has more room,
# and the contract of a statement is one line a key, however long.
text_width() {
	sources | LC_ALL=C xargs awk '
	FNR == 1 { limit = FILENAME ~ /\.(js|sql|lua)$|^tests\/sql\// ? 160 : 100 }
	length($0) * 8 <= limit || /^-- (in|out|by): / { next }
	{
		line = $0
		gsub(/[\200-\277]/, "", line)	# a character counts by its first byte
		while ((at = index(line, "\t")) > 0)
			line = substr(line, 1, at - 1) substr("        ", at % 8 ? at % 8 : 8) \
				substr(line, at + 1)
		if (length(line) > limit)
			print FILENAME ":" FNR ": more than " limit " columns"
	}'
}

text_space() {
	sources | xargs grep -nE '[ 	]+$' | sed 's|$| ends with a space|'
	# All last characters at once, and one by one only where one of them is no newline.
	[ -n "$(sources | xargs tail -q -c 1 | tr -d '\n')" ] || return 0
	sources | while read -r file; do
		[ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at its end"
	done
}

# Debian 12 has node 18.
text_node() {
	local newer='with|toSorted|toReversed|toSpliced|fromAsync|withResolvers|groupBy'
	tree '*.js' | xargs grep -nE "\.($newer)\(|AbortSignal\.any\(" |
		sed 's|$| is not in node 18|'
}

# The first line, or the one after #!, begins a comment. (What reverts and verifies a change of the
# schema is explained where it is deployed.)
text_heads() {
	sources | grep -v '^sql/\(revert\|verify\)/' | xargs awk '
	FNR == 1 { seen = 0 }
	seen || FNR == 1 && /^#!/ { next }
	{
		seen = 1
		if ($0 !~ /^(\/\*|\/\/|--|#)/)
			print FILENAME ": does not open with what it is for"
	}'
}

# No path of somebody's own machine, no reminder instead of the thing.
text_left() {
	git ls-files -z --cached --others --exclude-standard | xargs -0 grep -nIE \
		'(^|[^A-Za-z0-9_.$}])/(work|home|Users)/|\b(TO''DO|FIX''ME|XX''X)\b' -- 2>/dev/null
}

text_long() {
	tree '*.c' '*.h' '*.js' '*.bash' '*.sh' 'sql/deploy/*.sql' | xargs wc -l | awk '
	$2 != "total" && $1 > 500 { print $2 ": more than 500 lines: it holds two things" }'
}

text_top() {
	tree . | sed 's|/.*||' | sort -u | grep -vxE 'app|conf|cron|docs|sql|tests|deploy' |
		grep -vxE 'Makefile|README.md|LICENSE' |
		grep -vxE '\.(ci|gitignore|editorconfig|clang-format|clang-tidy)'
}

check "no line is too wide" text_width
check "tests ask no more of node than version 18 has" text_node
check "no line ends with a space, every file with a newline" text_space
check "every file opens with what it is for" text_heads
check "nothing is left behind" text_left
check "no file is longer than 500 lines" text_long
check "nothing new stands at the top of the tree" text_top
