#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Build pfq-omatic_*.deb and pfq-dkms_*.deb into a folder. Only laying out the
# source needs the network; dpkg-buildpackage works without.
# Usage: tools/deb.sh FOLDER
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
output=$(cd "$1" && pwd)

# The names of the build dependencies, without versions; debhelper-compat is debhelper's.
needed=$(tr '\n' ' ' < "$top/packaging/debian/control" | sed 's/.*Build-Depends:\([^:]*\) Standards-Version:.*/\1/' |
	tr ',' '\n' | sed 's/(.*//; s/debhelper-compat/debhelper/')
# shellcheck disable=SC2086 # one word for each package
"$top/tools/packages.sh" dpkg-dev fakeroot $needed

work=$(mktemp -d "${TMPDIR:-/tmp}/pfq-omatic-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$top/tools/source.sh" "$work/pfq-omatic"
mv "$work/pfq-omatic/packaging/debian" "$work/pfq-omatic/debian"
# The same checkout gives the same packages.
SOURCE_DATE_EPOCH=$(git -C "$top" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
cd "$work/pfq-omatic"
# Debian's Python, whatever else is first in the user's PATH.
PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg-buildpackage --no-sign --build=binary > "$work/log" 2>&1 || {
	cat "$work/log" >&2
	exit 1
}
cp "$work"/*.deb "$output/"
ls "$output"/*.deb
