#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Print the release to build for: the running kernel where it has headers, else
# the distribution's default kernel, whose headers are installed if need be.
set -eu

running=$(uname -r)
if [ -f "/lib/modules/$running/build/Makefile" ]; then
	echo "$running"
	exit 0
fi
meta=linux-headers-$(dpkg --print-architecture)
"$(dirname "$0")/packages.sh" "$meta"
dpkg-query -W -f '${Depends}\n' "$meta" | tr ',' '\n' |
	sed -n 's/^ *linux-headers-\([0-9][^ ]*\).*/\1/p' | head -n 1
