#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Asks the kernel's headers what they have: by compiling each probe, and by looking for words.
set -eu
here=$1
work=$here/conftest

echo '/* made by probe.sh */'
for probe in "$here"/probes/*.c; do
	name=$(basename "$probe" .c)
	rm -rf "$work"
	mkdir "$work"
	cp "$probe" "$work/probe.c"
	echo 'obj-m := probe.o' > "$work/Makefile"
	if $MAKE -C "$KOBJ" M="$work" modules > "$work.log" 2>&1; then
		echo "#define LARCH_HAVE_$name 1"
	else
		echo "/* no $name */"
	fi
done

for dir in "$KOBJ" $(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "$KOBJ/Makefile"); do
	file=$dir/include/linux/netdevice.h
	[ -f "$file" ] || continue
	if grep -q 'netif_receive_skb_list(' "$file"; then
		echo '#define LARCH_HAVE_LISTS 1'
	fi
done
