# SPDX-License-Identifier: GPL-2.0-or-later
"""Which QEMU device model answers to which kernel driver, as one table.

A netdev over a unix datagram socket hands QEMU one frame at a time and waits when the model says that its receive
ring is full; then nothing is lost however slow the guest is. Models that take a frame and drop it instead are paced:
at most `window` frames may be on their way to the capture.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nic:
    """A kernel driver (as lsmod prints it) and the QEMU device that it drives.

    `window` is the number of frames that may be under way, or None if the model holds the sender back by itself.
    """

    driver: str
    model: str
    window: int | None = None
    options: tuple[str, ...] = ()


NICS = (
    Nic("e1000", "e1000"),
    Nic("e1000e", "e1000e"),
    Nic("igb", "igb"),
    Nic("vmxnet3", "vmxnet3"),
    Nic("virtio_net", "virtio-net-pci"),
    Nic("8139cp", "rtl8139"),
    Nic("8139too", "rtl8139"),
    Nic("tulip", "tulip"),
    Nic("pcnet32", "pcnet"),
    Nic("ne2k_pci", "ne2k_pci"),
)

BY_DRIVER = {nic.driver: nic for nic in NICS}
