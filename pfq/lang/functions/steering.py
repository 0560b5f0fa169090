# SPDX-License-Identifier: GPL-2.0-or-later
"""Steering: which reader of a group gets a packet."""

from pfq.lang.functions.entry import FIELD, PREFIX, Family, Q

_row = Family("steering").row

ROWS = (
    _row("steer_rrobin", Q, "", "one reader after the other"),
    _row("steer_rss", Q, "", "by the hash of the NIC, or the kernel's own"),
    _row("steer_to", f"CInt -> {Q}", "hash", "by a constant"),
    _row("steer_link", Q, "", "by the MAC addresses, both directions alike; broadcasts to all"),
    _row(
        "steer_local_link",
        f"MAC -> {Q}",
        "gateway",
        "by the MAC address that is not the gateway's; else to the readers of both",
    ),
    _row("double_steer_mac", Q, "", "to the readers of both MAC addresses"),
    _row("steer_vlan", Q, "", "by the VLAN id; drops what has none"),
    _row("steer_p2p", Q, "", "by the IP addresses, both directions alike; broadcasts to all; drops what is not IP"),
    _row("steer_flow", Q, "", "by the IP addresses and ports, both directions alike; drops what is not IP"),
    _row("double_steer_ip", Q, "", "to the readers of both IP addresses; drops what is not IP"),
    _row(
        "steer_local_ip",
        f"CIDR -> {Q}",
        "prefix",
        "by the IPv4 address in a prefix, of both by both; drops what has none",
    ),
    _row(
        "steer_local_net",
        f"IPv4 -> Word32 -> Word32 -> {Q}",
        "network prefix subprefix",
        "like steer_local_ip, by the subnet that the address is in",
        prefix=PREFIX,
        subprefix=PREFIX,
    ),
    _row(
        "steer_field",
        f"Word32 -> Word32 -> {Q}",
        "offset size",
        "by bytes of the frame; drops shorter ones",
        size=FIELD,
    ),
    _row(
        "steer_field_symmetric",
        f"Word32 -> Word32 -> Word32 -> {Q}",
        "offset1 offset2 size",
        "by the xor of two fields of the frame",
        size=FIELD,
    ),
    _row(
        "double_steer_field",
        f"Word32 -> Word32 -> Word32 -> {Q}",
        "offset1 offset2 size",
        "to the readers of two fields of the frame",
        size=FIELD,
    ),
    _row("steer_key", f"Word64 -> {Q}", "key", "by the fields that a key names, both directions alike"),
)
