# SPDX-License-Identifier: GPL-2.0-or-later
"""VLANs."""

from pfq.lang.functions.entry import Family, P, Q

_row = Family("vlan").row

ROWS = (
    _row(
        "vlan_id",
        f"[CInt] -> {P}",
        "vids",
        "the VLAN id is one of these; 0 is no tag, -1 any tag",
        "vlan VID",
        vids=(-1, 4095),
    ),
    _row(
        "vlan_id_filter",
        f"[CInt] -> {Q}",
        "vids",
        "passes these VLAN ids; 0 is no tag, -1 any tag",
        "vlan VID",
        vids=(-1, 4095),
    ),
)
