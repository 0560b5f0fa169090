# SPDX-License-Identifier: GPL-2.0-or-later
"""Accelerated drivers on a real kernel in QEMU: every frame captured, PFQ gone without a trace, the NIC a NIC.

One boot per driver; the tests look at the phases of its verdict.
"""

from collections.abc import Callable

import pytest

from omatic.lab import nic, qemu
from omatic.lab.rehearse import Verdict

pytestmark = pytest.mark.vm
Rehearsed = Callable[[str], Verdict]


def _explain(verdict: Verdict) -> str:
    return "\n".join(f"{phase.name}: {'ok' if phase.passed else 'FAILED'}: {phase.detail}" for phase in verdict.phases)


@pytest.mark.parametrize("driver", ["e1000e", "vmxnet3", "virtio_net", "igb"])
def test_every_frame_is_captured_and_the_nic_stays_a_nic(driver: str, rehearsed: Rehearsed) -> None:
    """10 000 frames per setting of rx-vlan, equal and in order; ping and TCP without PFQ; clean unload; no warning."""
    if not (emulator := qemu.find()).emulates(nic.BY_DRIVER[driver].model):
        pytest.skip(f"QEMU {emulator.version} does not emulate {driver}; tests/vm/get_qemu.py gets one that does")
    verdict = rehearsed(driver)
    assert verdict.passed, _explain(verdict)
    captures = [phase.name for phase in verdict.phases if phase.name.startswith("capture")]
    # virtio_net in QEMU has no such offload to switch.
    assert len(captures) == (1 if driver == "virtio_net" else 2)
    assert verdict.sent == verdict.captured == 10_000 * len(captures)


def test_a_veth_pair_is_captured(rehearsed: Rehearsed) -> None:
    """A driver that delivers from inside its peer's transmit function."""
    verdict = rehearsed("veth")
    assert verdict.passed, _explain(verdict)
    assert verdict.sent == verdict.captured >= 10_000


def test_pfq_comes_and_goes_a_hundred_times_and_leaves_nothing(rehearsed: Rehearsed) -> None:
    """Under traffic; slab objects, vmalloc areas, free memory and module references are back at their baseline."""
    phases = {phase.name: phase for phase in rehearsed("e1000e").phases}
    repeated = phases["load and unload PFQ 100 times under traffic"]
    assert repeated.passed, repeated.detail
