#!/bin/bash
# Every statement of sql/queries is prepared by every program that its head names, as that program's
# role, out of the table that the programs themselves are built with: $BUILD/gen/queries.c.
set -euo pipefail
: "${BUILD:?}" "${PGDATABASE:?}"

gen=$BUILD/gen/queries.c
[ -s "$gen" ] || { echo "Bail out! $gen is missing: run make"; exit 1; }

# One line a statement and program: program, name, text with its line ends as \n.
pairs=$(awk '
	function value(line) {
		sub(/^[^"]*"/, "", line)
		sub(/"[^"]*$/, "", line)
		return line
	}
	/\.name = "/ { name = value($0); text = "" }
	/\.used_by = "/ { used = value($0) }
	/^\t\t"/ {
		line = $0
		sub(/^\t\t"/, "", line)
		sub(/" "\\n"$/, "", line)
		gsub(/\\"/, "\"", line)
		gsub(/\\\\/, "\\", line)
		if (line !~ /^--/)
			text = text " " line
	}
	/^\t\}/ && name != "" {
		count = split(used, programs, " ")
		for (i = 1; i <= count; i++)
			print programs[i] "\t" name "\t" text
		name = ""
	}' "$gen")
count=$(printf '%s\n' "$pairs" | wc -l)
files=$(find "$(dirname "$0")/../../sql/queries" -name '*.sql' | wc -l)
echo "1..$((count + 2))"
said=$(mktemp)
trap 'rm -f "$said"' EXIT
n=1
say() {
	echo "$1 $n - $2"
	n=$((n + 1))
}

names=$(printf '%s\n' "$pairs" | cut -f2 | sort -u | wc -l)
if [ "$names" = "$files" ]; then
	say ok "all $files statements have a program"
else
	say "not ok" "all $files statements have a program: $names were found"
fi
for program in $(printf '%s\n' "$pairs" | cut -f1 | sort -u); do
	# One connection a program. psql says after each statement whether it failed.
	printf '%s\n' "$pairs" | awk -F'\t' -v program="$program" '$1 == program {
		print "prepare s" NR " as " $3 ";\n\\echo ## " $2 " :ERROR" }' |
		PGUSER=holdfast_${program//-/_} psql -X -q >"$said" 2>&1 || true
	while read -r _ name failed; do
		if [ "$failed" = false ]; then
			say ok "$program prepares $name"
		else
			say "not ok" "$program prepares $name"
		fi
	done < <(grep '^## ' "$said")
	grep -v '^## ' "$said" | sed 's/^/# /' || true
done
# What a program may not call it may not prepare either, or this test would prove nothing.
if refusal=$(PGUSER=holdfast_catalog psql -X -q -v ON_ERROR_STOP=1 -c \
	"select * from holdfast.confirm(1, null, null, null, null, false)" 2>&1) ||
	[[ $refusal != *"permission denied"* ]]; then
	say "not ok" "a program is refused the functions of another"
else
	say ok "a program is refused the functions of another"
fi
