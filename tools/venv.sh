#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Make or refresh .venv with pfq-omatic and its development tools in it.
# Usage: tools/venv.sh FOLDER
set -eu

folder=$1
cd "$(dirname "$0")/.."

# Debian's own python3 first when the one in PATH is too old.
for python in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
	if command -v "$python" >/dev/null &&
	   "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
		found=$python
		break
	fi
done
if [ -z "${found-}" ]; then
	echo "venv: Python 3.11 or newer is needed. Next: apt-get install python3 python3-venv" >&2
	exit 4
fi

# Debian keeps ensurepip in a package of its own.
if ! "$found" -c 'import ensurepip' 2>/dev/null; then
	tools/packages.sh python3-venv
fi

if [ ! -x "$folder/bin/python" ] || ! "$folder/bin/python" -c 'import pip' 2>/dev/null; then
	"$found" -m venv --clear "$folder"
fi
"$folder/bin/pip" install --quiet --disable-pip-version-check --editable '.[dev]'
touch "$folder/.ready"
