# Makes what people read about the settings from the table of settings.
#
#   awk -v form=file   -f settings.awk conf.def    conf/holdfast.conf
#   awk -v form=table  -f settings.awk conf.def    the table of the README
#   awk -v form=keys   -f settings.awk conf.def    the names alone

BEGIN {
	if (form == "file") {
		print "# Settings of holdfast, each at its default. Made from the table in"
		print "# app/base/conf.def (`make settings`)."
		print "#"
		print "# The environment overrides this file: a key in capitals behind HOLDFAST_,"
		print "# or one of the other names given; --set key=value on a command line"
		print "# overrides both. A secret may be given as @/path/to/file. An unknown key"
		print "# or a value out of bounds is refused."
	} else if (form == "table") {
		print "| setting | default | what it is |"
		print "| --- | --- | --- |"
	}
}

/^CONF_[A-Z]+\(/ {
	kind = substr($0, 6, index($0, "(") - 6)
	n = split($0, quoted, "\"")
	help = quoted[n - 1]
	alias = quoted[n - 3]
	split(substr($0, index($0, "(") + 1), bare, /, */)
	key = bare[1]
	bounds = ""
	if (kind == "INT") {
		value = bare[2]
		bounds = bare[3] " to " bare[4]
	} else if (kind == "BOOL") {
		value = bare[2] == "true" ? "on" : "off"
		bounds = "on or off"
	} else {
		value = quoted[2]
	}
	if (form == "keys") {
		print key
	} else if (form == "file") {
		printf "\n# %s%s\n", help, bounds == "" ? "" : "; " bounds
		if (alias != "")
			printf "# also read from the environment as %s\n", alias
		printf "%s =%s\n", key, value == "" ? "" : " " value
	} else {
		gsub(/\|/, "\\|", help)
		gsub(/</, "\\&lt;", help)
		gsub(/>/, "\\&gt;", help)
		printf "| `%s` | %s | %s |\n", key, value == "" ? "" : "`" value "`", \
			help (bounds == "" || kind == "BOOL" ? "" : " (" bounds ")")
	}
}
