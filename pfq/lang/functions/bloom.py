# SPDX-License-Identifier: GPL-2.0-or-later
"""Bloom filters: many IPv4 addresses at a fixed price, with false positives."""

from pfq.lang.functions.entry import PREFIX, Family, P, Q

_BITS = (1, 2**24)

_row = Family("bloom").row

ROWS = (
    _row(
        "bloom",
        f"CInt -> [IPv4] -> CInt -> {P}",
        "bits addresses prefix",
        "IPv4 from or to one of many networks",
        bits=_BITS,
        prefix=PREFIX,
    ),
    _row(
        "bloom_src",
        f"CInt -> [IPv4] -> CInt -> {P}",
        "bits addresses prefix",
        "IPv4 from one of many networks",
        bits=_BITS,
        prefix=PREFIX,
    ),
    _row(
        "bloom_dst",
        f"CInt -> [IPv4] -> CInt -> {P}",
        "bits addresses prefix",
        "IPv4 to one of many networks",
        bits=_BITS,
        prefix=PREFIX,
    ),
    _row(
        "bloom_filter",
        f"CInt -> [IPv4] -> CInt -> {Q}",
        "bits addresses prefix",
        "passes IPv4 from or to one of many networks",
        bits=_BITS,
        prefix=PREFIX,
    ),
    _row(
        "bloom_src_filter",
        f"CInt -> [IPv4] -> CInt -> {Q}",
        "bits addresses prefix",
        "passes IPv4 from one of many networks",
        bits=_BITS,
        prefix=PREFIX,
    ),
    _row(
        "bloom_dst_filter",
        f"CInt -> [IPv4] -> CInt -> {Q}",
        "bits addresses prefix",
        "passes IPv4 to one of many networks",
        bits=_BITS,
        prefix=PREFIX,
    ),
)
