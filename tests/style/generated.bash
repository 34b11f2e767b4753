# What make does: on a machine that has nothing yet, and what it generates, also where two of them
# are at it at once.
# shellcheck shell=bash disable=SC2154

# Each file is that of a make alone, after several at once, and nothing of theirs is left.
generated_at_once() {
	local dir alone
	local made=(gen/{scripts,queries}.{h,c} gen/nginx-problems.conf)
	made+=(web/{openapi.json,docs.html})
	dir=$(mktemp -d) && alone=$(mktemp -d) || return
	generated_make() {
		{ make -s BUILD="$1" "${made[@]/#/$1/}" >/dev/null; } 2>&1
	}
	generated_make "$alone"
	for _ in 1 2 3; do
		rm -rf "${dir:?}"/*
		for _ in 1 2 3 4; do
			generated_make "$dir" &
		done
		wait
		diff -r "$alone" "$dir"
	done
	rm -rf -- "$dir" "$alone"
}

# Whoever reads it meanwhile must not find half of it.
generated_in_place() {
	grep -nE '>>? *("?\$@"?)([ ;)]|$)' Makefile
}

# A machine that has none of them yet: sources before what they include would not compile there.
generated_bare() {
	local dir
	dir=$(mktemp -d) || return
	make -n BUILD="$dir" all unit-binaries | awk '
		/^deploy\/packages / { for (i = 2; i <= NF; i++) has[$i] = 1 }
		/ -c -o / && !has["build"] { print "too early: " $NF; exit }
		/ -c -o .*obj\/unit\// && !has["test"] { print "too early: " $NF; exit }'
	rm -rf -- "$dir"
}

check "what is compiled has its packages first" generated_bare
check "several makes at once generate what one does" generated_at_once
check "make writes no file in its place" generated_in_place
