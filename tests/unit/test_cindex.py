# SPDX-License-Identifier: GPL-2.0-or-later
"""Which compiler flags libclang takes, found by asking it."""

from pathlib import Path

from omatic.cindex import Flags

GCC = (
    "-Wp,-MMD,x.d", "-nostdinc", "-I./include", "-include", "a.h", "-DX=1", "-Wall", "-std=gnu11", "-O2", "-mno-sse",
    "-mpreferred-stack-boundary=3", "-fno-allow-store-data-races", "-fconserve-stack", "-mrecord-mcount",
    "-falign-jumps=1", "-fmacro-prefix-map=/t/=", "-no-such-flag-at-all", "-c", "-o", "x.o", "x.c",
)  # fmt: skip


def test_gcc_only_flags_are_left_out(tmp_path: Path) -> None:
    """What the library refuses goes; paths, macros and the language stay; nothing is decided by a list of ours."""
    kept = Flags(tmp_path).accepted(GCC)
    assert kept == (
        "-nostdinc", "-I./include", "-include", "a.h", "-DX=1", "-std=gnu11", "-O2", "-mno-sse",
        "-fmacro-prefix-map=/t/=", "-Wno-everything",
    )  # fmt: skip


def test_answers_are_kept(tmp_path: Path) -> None:
    """The library is asked once; a damaged record is asked anew."""
    first = Flags(tmp_path).accepted(GCC)
    (record,) = tmp_path.glob("libclang-*.json")
    written = record.stat().st_mtime_ns
    assert Flags(tmp_path).accepted(GCC) == first
    assert record.stat().st_mtime_ns == written
    record.write_text("null")
    assert Flags(tmp_path).accepted(GCC) == first
