# Fault points: the list and the code name the same ones, and nothing of them is in what is shipped.
# shellcheck shell=bash disable=SC2154

faults_listed() {
	sed -n 's/^FAULT("\([^"]*\)".*/\1/p' app/base/fault.def
}

faults_used() {
	tree 'app/*.c' | xargs grep -ohE '\bFAULT\("[^"]*"\)' | cut -d '"' -f 2
}

faults_named() {
	[ "$(faults_listed | wc -l)" -gt 10 ] || echo "fewer than 10 points were found"
	diff <(faults_listed | sort) <(faults_used | sort -u)
	faults_listed | sort | uniq -d | sed 's/$/ is listed twice/'
}

# What is called is a statement or a script that there is.
faults_calls() {
	sed -n 's/^FAULT_CALL("\([^"]*\)".*/\1/p' app/base/fault.def | while read -r call; do
		[ -f "sql/queries/$call.sql" ] || [ -f "app/store/lua/$call.lua" ] ||
			echo "there is no $call"
	done
}

# Neither a name of fault.h nor of a point. The programs of a build with faults are another matter.
faults_shipped() {
	local program listed
	listed=$(faults_listed | sed 's/\./[.]/g')
	for program in "$bin"/holdfast-*; do
		strings -a "$program" | grep -xE -e 'fault_[a-z]+|.*\.faults/.*' \
			-e "${listed//$'\n'/|}" | sed "s|^|${program##*/}: |"
	done
}

check "fault points: the list and the code agree" faults_named
check "fault points: every call that is listed exists" faults_calls
check "fault points: none is in a program that is shipped" faults_shipped
