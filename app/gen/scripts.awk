# Leaves out of a script for Redis, the files that it uses in front, what it has no use for: each
# run makes every function and every name anew. What is not indented begins a piece, and what is
# indented, or ends it, belongs to that: a comment, which goes; `local function NAME`, or `local
# NAME ... = ...`, which goes where none of its names is in what is kept behind it, so that what it
# does to have its value must be nothing else; or anything else, which stays.
#
# in:  the script, as app/gen/scripts.sh puts it together
# out: what Redis is to run

/^--/ || /^$/ {
	next
}

/^[^ ]/ && !/^(end|else|elseif|until)([^A-Za-z0-9_]|$)/ && !/^[})]/ {
	pieces++
	names[pieces] = ""
	if (/^local /) {
		defined = $0
		sub(/^local (function )?/, "", defined)
		sub(/ *[(=].*/, "", defined)
		gsub(/,/, "", defined)
		names[pieces] = defined
	}
}

{
	text[pieces] = text[pieces] $0 "\n"
}

END {
	for (i = pieces; i > 0; i--) {
		kept[i] = names[i] == ""
		n = split(names[i], name, " ")
		for (j = 1; j <= n; j++)
			if (name[j] in used)
				kept[i] = 1
		if (!kept[i])
			continue
		n = split(text[i], word, /[^A-Za-z0-9_]+/)
		for (j = 1; j <= n; j++)
			used[word[j]] = 1
	}
	for (i = 1; i <= pieces; i++)
		if (kept[i])
			printf "%s", text[i]
}
