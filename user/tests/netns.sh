#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The guard on real devices, in a network namespace of its own:
#
#   d0 <- v5 (VLAN) <- default route        a0 -(veth)- a1 in another namespace:
#   d1 <- br0       <- IPv6 default route     a TCP connection to port 22 of a0
#   d2                 nothing
#
# Usage: netns.sh LIVE_GUARD. Exit 4: skipped, with the reason.
set -u
if [ "${2-}" != inside ]; then
	unshare -rnm true 2>/dev/null || { echo "netns: skipped: no namespaces here"; exit 4; }
	unset SSH_CONNECTION SSH_CLIENT
	exec unshare -rnm "$0" "$1" inside
fi

skip() { echo "netns: skipped: $1"; exit 4; }
mount -t sysfs sysfs /sys 2>/dev/null || skip "cannot mount sysfs"
for d in d0 d1 d2; do
	ip link add $d type dummy 2>/dev/null || ip link add $d type veth peer name p$d 2>/dev/null ||
		skip "neither dummy nor veth devices"
	ip link set $d up
done
ip link set lo up
expected="d2 is free"
devices=d2

if ip link add link d0 name v5 type vlan id 5 2>/dev/null; then
	ip addr add 192.0.2.1/24 dev v5
	ip link set v5 up
	ip route add default via 192.0.2.254
	expected="$expected
v5 carries the default route
d0 lies below v5, which carries the default route"
	devices="$devices v5 d0"
else
	ip addr add 192.0.2.1/24 dev d0
	ip route add default dev d0
	expected="$expected
d0 carries the default route"
	devices="$devices d0"
fi
if ip link add br0 type bridge 2>/dev/null; then
	ip link set d1 master br0
	ip addr add 2001:db8::1/64 dev br0 nodad
	ip link set br0 up
	if ip -6 route add default via 2001:db8::fe 2>/dev/null; then
		expected="$expected
br0 carries the IPv6 default route
d1 lies below br0, which carries the IPv6 default route"
		devices="$devices br0 d1"
	fi
fi
if command -v python3 >/dev/null && ip link add a0 type veth peer name a1 2>/dev/null; then
	unshare -n sleep 60 &
	other=$!
	sleep 0.3
	ip link set a1 netns $other
	ip addr add 198.51.100.1/24 dev a0
	ip link set a0 up
	nsenter -t $other -n ip addr add 198.51.100.2/24 dev a1
	nsenter -t $other -n ip link set a1 up
	sleep 0.5
	python3 -c '
import socket, sys, time
s = socket.create_server(("198.51.100.1", 22))
s.settimeout(10)
c = s.accept()
print("up", flush=True)
time.sleep(5)' >/tmp/netns-up.$$ &
	server=$!
	sleep 0.7
	nsenter -t $other -n python3 -c '
import socket, time
c = socket.create_connection(("198.51.100.1", 22), 10)
time.sleep(5)' &
	client=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		[ -s /tmp/netns-up.$$ ] && break
		sleep 0.2
	done
	rm -f /tmp/netns-up.$$
	expected="$expected
a0 carries the ssh session from 198.51.100.2"
	devices="$devices a0"
fi

# shellcheck disable=SC2086 # a list
got=$("$1" $devices)
kill ${client-} ${server-} ${other-} 2>/dev/null
count=$(echo "$expected" | wc -l)
if [ "$got" = "$expected" ]; then
	echo "netns: $count checks, 0 failed"
else
	printf 'netns: got\n%s\nexpected\n%s\n' "$got" "$expected" >&2
	exit 1
fi
