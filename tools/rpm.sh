#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Build the RPM packages pfq-omatic and pfq-dkms, and their source package, into
# a folder. Works on Debian, too, whose rpm knows of no installed packages.
# Usage: tools/rpm.sh FOLDER
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
output=$(cd "$1" && pwd)
if command -v dpkg >/dev/null; then
	"$top/tools/packages.sh" rpm python3-filelock python3-platformdirs python3-rich python3-shellingham
	nodeps=--nodeps
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/pfq-omatic-rpm.XXXXXX")
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$top/omatic/__init__.py")
"$top/tools/source.sh" "$work/pfq-omatic-$version"
mkdir "$work/SOURCES"
# The same checkout gives the same packages.
SOURCE_DATE_EPOCH=$(git -C "$top" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
	-czf "$work/SOURCES/pfq-omatic-$version.tar.gz" "pfq-omatic-$version"
# The distribution's Python, whatever else is first in the user's PATH.
PATH=/usr/sbin:/usr/bin:/sbin:/bin rpmbuild -ba ${nodeps-} --define "_topdir $work" \
	--define "omatic_version $version" "$top/packaging/rpm/pfq-omatic.spec" > "$work/log" 2>&1 || {
	cat "$work/log" >&2
	exit 1
}
find "$work/RPMS" "$work/SRPMS" -name '*.rpm' -exec cp {} "$output/" \;
ls "$output"/*.rpm
