# How files look: width, head comments, nothing left behind.
# shellcheck shell=bash disable=SC2154

sources() {
	tree '*.c' '*.h' '*.awk' '*.bash' '*.sh' '*.sql' '*.lua' '*.js' '*.css' Makefile \
		deploy/stack deploy/pool deploy/packages deploy/viewer deploy/nginx-conf \
		tests/run tests/stack tests/lint 'tests/*/run' .ci/run
}

# Tabs count to the next eighth column. What no tool formats (SQL, Lua, JavaScript) has more room,
# and the contract of a statement is one line a key, however long.
text_width() {
	sources | while read -r file; do
		limit=100
		[[ ! $file =~ \.(js|sql|lua)$|^tests/sql/ ]] || limit=160
		expand "$file" | grep -nE "^.{$((limit + 1)),}" |
			grep -vE '^[0-9]+:-- (in|out|by): ' |
			sed "s|^\([0-9]*\):.*|$file:\1: more than $limit columns|"
	done
}

text_space() {
	sources | while read -r file; do
		grep -nE '[ 	]+$' "$file" | sed "s|^|$file:|; s|\$| ends with a space|"
		[ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at its end"
	done
}

# The first line, or the one after #!, begins a comment. (What reverts and verifies a change of the
# schema is explained where it is deployed.)
text_heads() {
	sources | grep -v '^sql/\(revert\|verify\)/' | while read -r file; do
		awk -v file="$file" '
		NR == 1 && /^#!/ { next }
		{
			if ($0 !~ /^(\/\*|\/\/|--|#)/)
				print file ": does not open with what it is for"
			exit
		}' "$file"
	done
}

# No path of somebody's own machine, no reminder instead of the thing.
text_left() {
	git ls-files -z --cached --others --exclude-standard | xargs -0 grep -nIE \
		'(^|[^A-Za-z0-9_.$}])/(work|home|Users)/|\b(TO''DO|FIX''ME|XX''X)\b' -- 2>/dev/null
}

text_long() {
	tree '*.c' '*.h' '*.js' '*.bash' '*.sh' | while read -r file; do
		[ "$(wc -l <"$file")" -le 500 ] ||
			echo "$file: more than 500 lines: it holds two things"
	done
}

text_top() {
	tree . | sed 's|/.*||' | sort -u | grep -vxE 'app|conf|cron|docs|sql|tests|deploy' |
		grep -vxE 'Makefile|README.md|LICENSE' |
		grep -vxE '\.(ci|gitignore|editorconfig|clang-format|clang-tidy)'
}

check "no line is too wide" text_width
check "no line ends with a space, every file with a newline" text_space
check "every file opens with what it is for" text_heads
check "nothing is left behind" text_left
check "no file is longer than 500 lines" text_long
check "nothing new stands at the top of the tree" text_top
