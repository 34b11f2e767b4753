# Every problem that a client can meet is provoked by a test.
# shellcheck shell=bash disable=SC2154

problem_slugs() {
	sed -n 's/^PROBLEM([A-Z_]*, "\([a-z-]*\)".*/\1/p' app/base/problem.def
}

problems_untested() {
	local slug files
	mapfile -t files < <(tree 'tests/http/*.js' 'tests/race/*.js' 'tests/unit/*.c')
	[ ${#files[@]} -gt 0 ] || { echo "there are no tests"; return; }
	for slug in $(problem_slugs); do
		grep -qF -- "$slug" "${files[@]}" || echo "no test speaks of $slug"
	done
}

problems_read() {
	diff <(grep -c '^PROBLEM(' app/base/problem.def) <(problem_slugs | sort -u | wc -l)
}

check "every row of problem.def is read, none twice" problems_read
check "every problem is provoked by a test" problems_untested
