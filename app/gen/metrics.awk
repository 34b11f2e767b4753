# Makes the table of metrics for people to read from the list of metrics.
#
#   awk -v form=table -f metrics.awk metric.def    the table of docs/watching.md
#   awk -v form=names -f metrics.awk metric.def    every name that a sample may have

BEGIN {
	if (form == "table") {
		print "| metric | type | labels | what it is |"
		print "| --- | --- | --- | --- |"
	}
}

/^METRIC_SET\(/ {
	split($0, quoted, "\"")
	split(substr($0, 12), bare, ",")
	label[bare[1]] = bare[1] == "ROUTE" ? "`method`, `route`" : "`" quoted[2] "`"
}

/^METRIC\(/ {
	split($0, quoted, "\"")
	split(substr($0, 8), first, /, */)
	split(quoted[3], sets, /[, ]+/)
	kind = first[2]
	if (form == "names") {
		print quoted[2]
		if (kind == "HISTOGRAM")
			print quoted[2] "_bucket\n" quoted[2] "_sum\n" quoted[2] "_count"
		next
	}
	labels = sets[2] == "NONE" ? "" : label[sets[2]]
	if (sets[3] != "NONE")
		labels = labels ", " label[sets[3]]
	type = kind == "HISTOGRAM" || kind == "GAUGE" ? tolower(kind) : "counter"
	printf "| `%s` | %s | %s | %s |\n", quoted[2], type, labels, quoted[4]
}
