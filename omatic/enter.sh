#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a command in another root, in which folders of this machine are shown;
# omatic/sysroot.py says what for. In a mount namespace of its own:
#
#	unshare --mount sh enter.sh ROOT COUNT [FOLDER PLACE]... COMMAND [ARGUMENT]...
#
# The root that the command gets is put together in a tmpfs over /sys, which
# exists everywhere and which no compiler needs: what is in ROOT by bind mounts,
# this machine's /dev and /proc, and an empty /tmp. ROOT itself is not touched.
set -eu
new=/sys root=$1 count=$2
shift 2
case $root in /) root= ;; esac
mount -t tmpfs -o mode=755 tmpfs $new
# Shows what is in a folder of the root one by one, so that more can be put beside it.
unfold() {
	for child in "$root$1"/* "$root$1"/.[!.]*; do
		place=$new$1/${child##*/}
		if [ "$child" = /sys ] || [ -e "$place" ]; then :
		elif [ -L "$child" ]; then cp -P "$child" "$place"
		elif [ -d "$child" ]; then mkdir "$place"; mount --rbind "$child" "$place"
		elif [ -f "$child" ]; then : > "$place"; mount --bind "$child" "$place"
		fi
	done
}
# Shows folder $1 at $2; what is in the way becomes a folder of ours.
show() {
	at= rest=${2#/}
	while :; do
		at=$at/${rest%%/*}
		case $rest in */*) rest=${rest#*/} ;; *) break ;; esac
		if [ ! -e "$new$at" ]; then mkdir "$new$at"
		elif mountpoint -q "$new$at"; then umount -l "$new$at"; unfold "$at"
		fi
	done
	[ -e "$new$at" ] || mkdir "$new$at"
	mount --rbind "$1" "$new$at"
}
if [ -n "$root" ]; then
	mkdir -m 1777 $new/tmp
	unfold ""
	show /dev /dev
	show /proc /proc
	export TMPDIR=/tmp
else
	unfold ""
fi
while [ "$count" -gt 0 ]; do
	show "$1" "$2"
	shift 2
	count=$((count - 1))
done
exec chroot $new "$@"
