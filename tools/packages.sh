#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Install Debian packages that are not installed yet; without work to do, no
# network and no root are needed.
# Usage: tools/packages.sh PACKAGE...
set -eu

missing=
for package in "$@"; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "packages: these are missing and only root may install them. Next: apt-get install$missing" >&2
	exit 4
fi
echo "packages: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # one word for each package
apt-get -qq -y --no-install-recommends install $missing >&2 </dev/null
