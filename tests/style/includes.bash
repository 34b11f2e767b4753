# Who may include whom, and each foreign library behind one door.
# shellcheck shell=bash disable=SC2016,SC2154

# Lines `file<TAB>header` of all includes: own ones with quotes, others with angle brackets.
includes() {
	tree 'app/*.c' 'app/*.h' | xargs awk '
	match($0, /^#[ \t]*include[ \t]*[<"][^>"]*/) {
		header = substr($0, 1, RLENGTH)
		sub(/^[^<"]*/, "", header)
		print FILENAME "\t" header
	}'
}

# base knows nobody; the edge cannot reach the database; a rule does not know that HTTP exists.
rooms() {
	includes | awk -F '\t' '
	BEGIN {
		may["base"] = " base "
		may["http"] = " base http "
		may["store"] = " base store "
		may["domain"] = " base store domain "
		may["pools"] = " base http store domain pools "
		may["jobs"] = " base store domain jobs "
		may["load"] = " base store domain load "
		may["history"] = " base store domain load history "
		may["tools"] = " base store domain load history tools "
		generated = " queries.h scripts.h "
	}
	$2 ~ /^"/ {
		split($1, from, "/")
		header = substr($2, 2)
		if (split(header, to, "/") == 1) {
			if (!index(generated, " " header " "))
				print $1 ": " header " has no room"
			else if (from[2] !~ /^(store|domain|pools|jobs|load|history|tools)$/)
				print $1 ": may not use " header
		} else if (!index(may[from[2]], " " to[1] " ")) {
			print $1 ": " from[2] " may not include " header
		}
	}'
}

# What is neither of the C library nor of Linux is foreign: included by one .c, and by no header.
foreign() {
	includes | awk -F '\t' '
	BEGIN {
		split("assert ctype errno fcntl getopt inttypes limits locale math poll signal " \
			"stdarg stdbool stddef stdint stdio stdlib string strings syslog termios " \
			"time unistd", names, " ")
		for (i in names)
			home["<" names[i] ".h"] = 1
	}
	$2 ~ /^</ && !($2 in home) && $2 !~ /^<(sys|netinet|arpa|linux)\// {
		if ($1 ~ /\.h$/)
			print $1 ": a header includes " substr($2, 2)
		else if (($2 in user) && user[$2] != $1)
			print substr($2, 2) " is included by " user[$2] " and " $1
		user[$2] = $1
	}'
}

# A pattern that finds nothing would pass everything.
includes_found() {
	[ "$(includes | wc -l)" -gt 50 ] || echo "fewer than 50 includes were found"
}

check "includes are found" includes_found
check "rooms include only what they may" rooms
check "each foreign library is included by one file" foreign
