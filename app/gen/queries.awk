# Reads SQL files and writes the C that calls them. Each file begins with its contract:
#
#   -- booking/hold: takes places for a buyer.      name, equal to the path, and what it does
#   -- in: event int, user uuid, key text?          parameters $1, $2 ... in order; `?` may be null
#   -- out: outcome text, body text                 columns of the answer
#   -- by: booking admin                            programs that prepare it
#   -- then: flush                                  optional: a synchronous transaction follows
#   -- commits: durably                             optional: itself it waits for disk and replica
#
# A long list of parameters or columns may go on in a second line of the same key. What is declared
# is checked against the statement: the number of parameters, and that a `by` is there.

function fail(message)
{
	print file ": " message > "/dev/stderr"
	failed = 1
	exit 1
}

function trim(text)
{
	sub(/^[ \t]+/, "", text)
	sub(/[ \t]+$/, "", text)
	return text
}

function c_string(text,    i, c, out)
{
	out = ""
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "\\" || c == "\"")
			out = out "\\" c
		else if (c == "\t")
			out = out "\\t"
		else
			out = out c
	}
	return "\"" out "\""
}

# One declared parameter "name type" or "name type?": appends to what the function is made of.
function parameter(text,    words, name, type, null)
{
	if (split(trim(text), words, /[ \t]+/) != 2)
		fail("a parameter is `name type`, not `" text "`")
	name = words[1]
	type = words[2]
	null = sub(/\?$/, "", type)
	if (name !~ /^[a-z][a-z0-9_]*$/ || name in reserved)
		fail("`" name "` cannot be the name of a parameter")
	params++
	if (type == "int" || type == "bigint" || type == "smallint") {
		arguments = arguments ", " (null ? "const int64_t *" : "int64_t ") name
		locals = locals "\tchar text_" params "[24];\n"
		work = work (null ? "\tif (" name " != NULL)\n\t" : "") \
			"\tsnprintf(text_" params ", sizeof(text_" params "), \"%\" PRId64, " \
			(null ? "*" : "") name ");\n"
		values = values "\t\t" (null ? name " != NULL ? text_" params " : NULL" \
			: "text_" params) ",\n"
	} else if (type == "bool") {
		arguments = arguments ", " (null ? "const bool *" : "bool ") name
		values = values "\t\t" (null ? name " == NULL ? NULL : *" : "") name \
			" ? \"t\" : \"f\",\n"
	} else {
		arguments = arguments ", const char *" name
		if (!null)
			work = "\tassert(" name " != NULL);\n" work
		values = values "\t\t" name ",\n"
	}
}

function columns(text,    list, count, i, words, enum_text)
{
	count = split(text, list, ",")
	enum_text = ""
	for (i = 1; i <= count; i++) {
		if (split(trim(list[i]), words, /[ \t]+/) != 2)
			fail("a column is `name type`, not `" list[i] "`")
		enum_text = enum_text (i > 1 ? ", " : "") toupper(id "_" words[1])
	}
	return "enum { " enum_text " };\n"
}

function highest_parameter(    rest, highest, n)
{
	rest = statement
	highest = 0
	while (match(rest, /\$[0-9]+/)) {
		n = substr(rest, RSTART + 1, RLENGTH - 1) + 0
		if (n > highest)
			highest = n
		rest = substr(rest, RSTART + RLENGTH)
	}
	return highest
}

# Writes the statement that has been read.
function finish(    list, count, i, signature)
{
	if (file == "")
		return
	if (name == "")
		fail("no head comment `-- noun/verb: what it does`")
	if (index(file, "/" name ".sql") == 0)
		fail("the name `" name "` is not that of the file")
	if (contract["by"] == "")
		fail("no `-- by:` line")
	if (contract["by"] !~ /^[a-z][a-z-]*( [a-z][a-z-]*)*$/)
		fail("`by` is names of programs with one space between, not `" contract["by"] "`")
	if (contract["then"] != "" && contract["then"] != "flush")
		fail("`then` knows only flush")
	if (contract["commits"] != "" && contract["commits"] != "durably")
		fail("`commits` knows only durably")
	id = name
	gsub(/[\/-]/, "_", id)
	params = 0
	arguments = locals = work = values = ""
	count = split(contract["in"], list, ",")
	for (i = 1; i <= count; i++)
		parameter(list[i])
	if (highest_parameter() != params)
		fail(params " parameters declared, " highest_parameter() " used")
	signature = "query_" id "(struct pg *pg, struct arena *arena, int64_t deadline_us,\n" \
		"\tstruct problem_why *why, struct pg_rows *out" arguments ")"
	print "\n/* " about " */" > header
	if (contract["out"] != "")
		printf "%s", columns(contract["out"]) > header
	print "enum problem " signature ";" > header
	printf "\nenum problem\n%s\n{\n%s", signature, locals > source
	if (work != "")
		printf "%s\n", (locals != "" ? "\n" : "") work > source
	if (params > 0)
		printf "\tconst char *const values[] = {\n%s\t};\n\n", values > source
	printf "\treturn pg_call(pg, &pg_statements[%d], %s, arena, deadline_us, why, out);\n}\n", \
		statements, (params ? "values" : "NULL") > source
	table = table sprintf("\t{\n\t\t.name = \"%s\",\n\t\t.params = %d,\n" \
		"\t\t.used_by = \" %s \",\n\t\t.flush = %s,\n" \
		"\t\t.durable = %s,\n\t\t.text =\n%s\t},\n", \
		name, params, contract["by"], \
		contract["then"] == "flush" ? "true" : "false", \
		contract["then"] contract["commits"] != "" ? "true" : "false", text)
	statements++
}

BEGIN {
	split("pg arena deadline_us why out values auto break case char const continue default do" \
		" double else enum extern float for goto if inline int long register return short" \
		" signed sizeof static struct switch typedef union unsigned void volatile while" \
		" bool true false", words, " ")
	for (i in words)
		reserved[words[i]] = 1
	statements = 0
	print "/* Made from sql/queries by app/gen: do not edit. */" > header
	print "#ifndef HOLDFAST_QUERIES_H\n#define HOLDFAST_QUERIES_H\n" > header
	print "#include \"store/pg.h\"" > header
	print "/* Made from sql/queries by app/gen: do not edit. */" > source
	print "#include \"queries.h\"\n\n#include <inttypes.h>\n#include <stdio.h>\n" > source
	print "#pragma GCC diagnostic ignored \"-Woverlength-strings\"" > source
}

FNR == 1 && FILENAME != "/dev/null" {
	finish()
	file = FILENAME
	name = about = text = statement = ""
	split("", contract)
	in_head = 1
}

in_head && /^--/ {
	line = $0
	sub(/^--[ \t]*/, "", line)
	if (name == "" && match(line, /^[a-z][a-z0-9_-]*\/[a-z][a-z0-9_-]*:/)) {
		name = substr(line, 1, RLENGTH - 1)
		about = line
	} else if (match(line, /^(in|out|by|then|commits):/)) {
		key = substr(line, 1, RLENGTH - 1)
		value = trim(substr(line, RLENGTH + 1))
		separator = key == "by" ? " " : ", "
		contract[key] = contract[key] == "" ? value : contract[key] separator value
		sub(/,, /, ", ", contract[key])
	}
}

!/^--/ {
	in_head = 0
	statement = statement $0 "\n"
}

{
	text = text "\t\t" c_string($0) " \"\\n\"\n"
}

END {
	if (!failed)
		finish()
	if (failed)
		exit 1
	printf "\nconst struct pg_statement pg_statements[] = {\n%s\t{ .name = NULL },\n};\n", \
		table > source
	print "\n#endif" > header
}
