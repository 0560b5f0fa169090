#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What pfq-capture answers before it touches any packet. Usage: cli.sh PROGRAM
set -u
program=$1
failed=0
count=0

# expect CODE TEXT ARGUMENTS...: the exit code, and a part of the output
expect() {
	code=$1 text=$2
	shift 2
	out=$("$program" "$@" 2>&1)
	got=$?
	count=$((count + 1))
	case $out in *"$text"*) ;; *) got="$got, without '$text'" ;; esac
	if [ "$got" != "$code" ]; then
		echo "cli.sh: pfq-capture $*: got $got, expected $code; output: $out" >&2
		failed=$((failed + 1))
	fi
}

expect 0 "Examples:" --help
expect 0 "PF_Q interface 6.1.0" --version
expect 2 "no device given"
expect 2 "--count" --count 0 eth0
expect 2 "--count" -c 1x eth0
expect 2 "--caplen" -s 70000 eth0
expect 2 "--group" -g 64 eth0
expect 2 "--slots" --slots 262145 eth0
expect 2 "--seconds" --seconds -1 eth0
expect 2 "--seconds" --seconds nan eth0
expect 2 "exclude each other" --tap --steal eth0
expect 2 "wrong command line" --no-such-option eth0
expect 2 "not a device name" averyveryverylongname
if ! [ -d /sys/module/pfq ] && ! [ -d /sys/module/pf_ring ]; then
	expect 3 "the pfq module is not loaded" lo
	expect 3 "hint: modprobe pfq" lo
fi
# every option of the help has its line in the page
page=$(dirname "$0")/../../docs/capture.md
for option in $("$program" --help | grep -o -- '--[a-z-]*' | sort -u); do
	count=$((count + 1))
	grep -q -e "$option" "$page" && continue
	echo "cli.sh: $option is not in docs/capture.md" >&2
	failed=$((failed + 1))
done
echo "cli: $count checks, $failed failed"
[ "$failed" = 0 ]
