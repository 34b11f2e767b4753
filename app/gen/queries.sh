#!/bin/sh
# Makes OUT_DIR/queries.h and OUT_DIR/queries.c out of the files sql/queries/<noun>/<verb>.sql: one
# typed C function a statement, and the table of all statements. The contract of a file is its head
# comment; see queries.awk.
#
# usage: queries.sh OUT_DIR [FILE.sql]...
set -eu
LC_ALL=C
export LC_ALL

out_dir=$1
shift
mkdir -p "$out_dir"
work=$(mktemp -d "$out_dir/queries.XXXXXX")
trap 'rm -rf -- "$work"' EXIT

# /dev/null keeps awk from reading standard input where there is no statement yet.
awk -v header="$work/queries.h" -v source="$work/queries.c" \
	-f "$(dirname "$0")/queries.awk" /dev/null "$@"

mv -f "$work/queries.h" "$work/queries.c" "$out_dir"
