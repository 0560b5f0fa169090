#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Install the headers of a 6.12 kernel that is not the newest one in the
# archive, and print its release: its exact sources must be found all the same.
set -eu

apt-cache search --names-only '^linux-headers-6\.12\.[0-9]+\+deb12-amd64$' |
	sed -n 's/^linux-headers-\([^ ]*\) .*/\1/p' | sort -V > "${TMPDIR:-/tmp}/releases.$$"
release=$(tail -n 2 "${TMPDIR:-/tmp}/releases.$$" | head -n 1)
rm -f "${TMPDIR:-/tmp}/releases.$$"
for present in /lib/modules/6.12.*+deb12-amd64/build/Makefile; do
	if [ -f "$present" ]; then
		present=${present#/lib/modules/}
		release=${present%/build/Makefile}
	fi
done
if [ -z "$release" ]; then
	echo "older-kernel: the archive has no 6.12 kernel for Debian 12" >&2
	exit 4
fi
"$(dirname "$0")/packages.sh" "linux-headers-$release"
echo "$release"
