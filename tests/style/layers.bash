# What is run of the tests: every file of a layer is in one of its groups (tests/layers.bash).
# shellcheck shell=bash disable=SC2034,SC2317 # the layers read a variable, and call group()

# Each layer's groups, as tests/run asks for them; LONG=1 has more of the same files.
layers_groups() (
	shopt -s nullglob extglob
	BUILD=build
	group() {
		shift
		while [[ $1 == --* ]]; do
			shift 2
		done
		# shellcheck disable=SC2206 # the pattern is meant to be expanded
		local files=($1)
		printf '%s\n' "${files[@]}"
	}
	# shellcheck source=tests/layers.bash
	. tests/layers.bash
	for layer in "${layers_default[@]}"; do
		if declare -F "layer_$layer" >/dev/null; then
			"layer_$layer"
		fi
	done
)

# Tests are named so, each layer in its own way.
layers_files() {
	tree 'tests/*.test.js' 'tests/style/*.bash' 'tests/unit/*.c' 'tests/sql/*.sql' \
		'tests/sql/*.sh' | grep -v '^tests/sql/lib/'
}

layers() {
	comm -23 <(layers_files | sort -u) <(layers_groups | sort -u) | sed 's/$/ is in no group/'
}

check "every file of tests is in a group of its layer" layers
