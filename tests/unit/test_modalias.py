# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices and the modules that serve them."""

import fnmatch
from pathlib import Path

import pytest

from omatic import modalias
from omatic.modalias import Patterns

PAIRS = (
    ("pci:v00008086d00001521sv*sd*bc*sc*i*", "igb"),
    ("pci:v00008086d0000152?sv*sd*bc*sc*i*", "question"),
    ("pci:v*d*sv*sd*bc02sc00i*", "every_nic"),
    ("usb:v0B95p7720d*dc*dsc*dp*ic*isc*ip*in*", "asix"),
    ("usb:v0B95p772[0-9AB]d*", "set"),
    ("virtio:d00000001v*", "virtio_net"),
    ("acpi*:LNXSYSTM:*", "early"),
    ("platform:exact", "exact"),
    ("*", "all"),
)
DEVICES = (
    "pci:v00008086d00001521sv00008086sd00000001bc02sc00i00",
    "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
    "usb:v0B95p7720d0001dcFFdscFFdp00icFFiscFFip00in00",
    "virtio:d00000001v00001AF4",
    "acpi:LNXSYSTM:",
    "platform:exact",
    "platform:exactly",
    "",
)


@pytest.mark.parametrize("device", DEVICES)
def test_the_short_way_finds_what_matching_each_pattern_does(device: str) -> None:
    expected = {module for pattern, module in PAIRS if fnmatch.fnmatchcase(device, pattern)}
    assert set(Patterns(PAIRS).of(device)) == expected


def test_only_the_few_that_begin_alike_are_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel has 30 000 patterns: matching them all takes seconds for a machine with a hundred devices."""
    tried, really = [], fnmatch.fnmatchcase

    def match(name: str, pattern: str) -> bool:
        tried.append(pattern)
        return really(name, pattern)

    known = Patterns((f"pci:v{vendor:08X}d*sv*", f"m{vendor}") for vendor in range(1000))
    monkeypatch.setattr(fnmatch, "fnmatchcase", match)
    assert known.of("pci:v00000010d00000001sv00000000") == ("m16",)
    assert len(tried) == 1


def test_a_kernel_without_aliases(tmp_path: Path) -> None:
    assert modalias.patterns(tmp_path / "modules.alias", {"igb"}).of("pci:v00008086") == ()
