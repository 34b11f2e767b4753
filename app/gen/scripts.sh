#!/bin/sh
# Makes OUT_DIR/scripts.h and OUT_DIR/scripts.c out of the files app/store/lua/<verb>.lua: the text
# of each script for Redis, and the SHA-1 by which the server knows it; the texts alone are
# OUT_DIR/lua/<verb>.lua. A line `-- uses: NAME...` puts NAME.lua of the same folder in front; what
# is used by others is no script itself. What of it a script does not use is left out.
#
# usage: scripts.sh OUT_DIR [FILE.lua]...
set -eu
LC_ALL=C
export LC_ALL

out_dir=$1
shift
mkdir -p "$out_dir"
work=$(mktemp -d "$out_dir/scripts.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
header=$work/scripts.h
source=$work/scripts.c
whole=$work/whole
shorten=$(dirname "$0")/scripts.awk
mkdir "$work/lua"

uses_of() {
	sed -n 's/^-- uses: *//p' "$@" </dev/null
}

used=" $(uses_of "$@" | tr '\n' ' ') "

{
	printf '/* Made from app/store/lua by app/gen: do not edit. */\n'
	printf '#ifndef HOLDFAST_SCRIPTS_H\n#define HOLDFAST_SCRIPTS_H\n\n'
	printf '#include "store/redis.h"\n\n'
} >"$header"
{
	printf '/* Made from app/store/lua by app/gen: do not edit. */\n'
	printf '#include "scripts.h"\n\n#pragma GCC diagnostic ignored "-Woverlength-strings"\n'
} >"$source"

for file in "$@"; do
	name=$(basename "$file" .lua)
	case $used in
	*" $name "*) continue ;;
	esac
	text=$work/lua/$name.lua
	: >"$whole"
	for other in $(uses_of "$file") "$name"; do
		cat "$(dirname "$file")/$other.lua" >>"$whole"
	done
	awk -f "$shorten" "$whole" >"$text"
	id=$(printf '%s' "$name" | tr - _)
	sha1=$(sha1sum <"$text" | cut -d ' ' -f 1)
	printf 'extern const struct redis_script script_%s;\n' "$id" >>"$header"
	{
		printf '\nconst struct redis_script script_%s = {\n' "$id"
		printf '\t.name = "%s",\n\t.sha1 = "%s",\n\t.text =\n' "$name" "$sha1"
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/\t\t"&\\n"/' "$text"
		printf '\t\t"",\n};\n'
	} >>"$source"
done

printf '\n#endif\n' >>"$header"

mkdir -p "$out_dir/lua"
for text in "$out_dir"/lua/*.lua; do
	[ -e "$work/lua/$(basename "$text")" ] || rm -f "$text"
done
for text in "$work"/lua/*.lua; do
	[ ! -e "$text" ] || mv -f "$text" "$out_dir/lua"
done
mv -f "$header" "$source" "$out_dir"
