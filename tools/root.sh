#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A fresh Debian system in a folder, for tests that install packages (root). It
# is bootstrapped once per suite and kept in the cache; what apt needs to know
# (mirror, proxy, certificates) is taken from this machine's own configuration.
# Usage: tools/root.sh SUITE            print the cached archive, made if need be
#        tools/root.sh SUITE FOLDER     unpack it there
#        tools/root.sh --in FOLDER COMMAND [ARGUMENT...]
#                                       run in it, with /proc, /dev and /sys
set -eu

if [ "$1" = --in ]; then
	folder=$2
	shift 2
	# A mount namespace of its own: nothing stays mounted, whatever happens.
	# shellcheck disable=SC2016 # expanded by the inner shell
	exec unshare --mount --pid --fork --kill-child sh -c '
		mount -t proc proc "$0/proc"
		mount --rbind /dev "$0/dev"
		mount --bind /sys "$0/sys"
		mount -t tmpfs tmpfs "$0/run"
		exec chroot "$0" "$@"' "$folder" "$@"
fi

suite=$1
top=$(cd "$(dirname "$0")/.." && pwd)
archive=$top/drivers-cache/roots/$suite.tar.zst
if [ ! -f "$archive" ]; then
	"$top/tools/packages.sh" debootstrap zstd >&2
	mkdir -p "$top/drivers-cache/roots"
	exec 9>"$top/drivers-cache/roots/.$suite.lock"
	flock 9
fi
if [ ! -f "$archive" ]; then
	# shellcheck disable=SC2016 # apt's own variables
	ours=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Label: Debian' |
		grep -v -- '-updates$' | head -n 1)
	mirror=${ours% *}
	codename=${ours#* }
	work=$(mktemp -d "$top/drivers-cache/roots/.$suite.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	echo "root: bootstrapping $suite" >&2
	debootstrap --variant=minbase --include=ca-certificates "$suite" "$work" "$mirror" >&2
	etc=$work/etc/apt
	rm -f "$etc/sources.list"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		# Only the distribution's own archive: what else this machine uses is not part of a fresh system.
		if [ -f "$file" ] && grep -q "$codename-updates\|$codename main" "$file"; then
			sed "s/\\b$codename\\b/$suite/g" "$file" > "$etc/sources.list.d/${file##*/}"
		fi
	done
	apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-)' > "$etc/apt.conf.d/99machine" || true
	for folder in etc/apt/auth.conf.d etc/apt/keyrings usr/local/share/ca-certificates; do
		if [ -d "/$folder" ]; then
			mkdir -p "$work/$folder"
			cp -r "/$folder/." "$work/$folder/"
		fi
	done
	cp /etc/ssl/certs/ca-certificates.crt "$work/etc/ssl/certs/"
	cp /etc/resolv.conf /etc/hosts "$work/etc/"
	printf '#!/bin/sh\nexit 101\n' > "$work/usr/sbin/policy-rc.d"
	chmod 755 "$work/usr/sbin/policy-rc.d"
	"$0" --in "$work" apt-get -qq update >&2
	chmod 755 "$work"
	rm -rf "$work"/var/cache/apt/archives/*.deb
	tar --zstd -C "$work" -cf "$archive.new" .
	mv "$archive.new" "$archive"
fi
if [ $# -gt 1 ]; then
	mkdir -p "$2"
	tar --zstd -C "$2" -xpf "$archive"
else
	echo "$archive"
fi
