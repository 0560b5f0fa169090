#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Lay out the source tree that packages are built from: the checkout's files (not
# what builds left there), and vendor/ with what the distributions lack.
# Usage: tools/source.sh FOLDER
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
folder=$1
mkdir -p "$folder"
# Listed but removed files are on their way out of the repository.
git -C "$top" ls-files -z --cached --others --exclude-standard | (cd "$top" && xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh) |
	tar -C "$top" --null -T - -cf - | tar -C "$folder" -xf -
"$top/.venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes \
	--only-binary :all: --target "$folder/vendor" -r "$top/packaging/vendor.txt"
