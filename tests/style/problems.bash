# Every problem is provoked by a test: named by its slug where clients meet it, by its SQLSTATE
# where only the domain does.
# shellcheck shell=bash disable=SC2154

# The slug, the name in C and the SQLSTATE of each row, separated by tabs.
problem_rows() {
	tr -d '"' <app/base/problem.def |
		sed -n 's/^PROBLEM(\([^,]*\), \([^,]*\), [0-9]*, \([^,]*\),.*/\2\tPROBLEM_\1\t\3/p'
}

problem_slugs() {
	problem_rows | cut -f 1
}

problems_untested() {
	local slug name sqlstate files inner
	mapfile -t files < <(tree 'tests/http/*.js' 'tests/race/*.js' 'tests/unit/*.c')
	mapfile -t inner < <(tree 'tests/unit/*.c' 'tests/sql/*.sql' 'tests/sql/*.sh')
	[ ${#files[@]} -gt 0 ] || { echo "there are no tests"; return; }
	problem_rows | while IFS=$'\t' read -r slug name sqlstate; do
		if grep -qF -- "$slug" "${files[@]}"; then
			continue
		fi
		# Not for clients: the functions of the database raise it, or the store makes it up.
		[[ $slug =~ ^(give-back|no-provider|unknown-outcome|payment-in-progress)$ ]] &&
			grep -qwE "$name|${sqlstate/NULL/$name}" "${inner[@]}" && continue
		echo "no test speaks of $slug"
	done
}

problems_read() {
	diff <(grep -c '^PROBLEM(' app/base/problem.def) <(problem_slugs | sort -u | wc -l)
}

check "every row of problem.def is read, none twice" problems_read
check "every problem is provoked by a test" problems_untested
