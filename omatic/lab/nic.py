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
    `root_port` puts the device behind a PCIe port of its own: igb's virtual functions need the room.
    `drops_priority` says that the stock driver keeps only the VLAN id of a tag that the NIC has taken out.
    """

    driver: str
    model: str
    window: int | None = None
    drops_priority: bool = False
    root_port: bool = False


# 8139too is missing on purpose: QEMU's rtl8139 is an 8139C+, which that driver leaves to 8139cp.
NICS = (
    Nic("e1000", "e1000", drops_priority=True),
    Nic("e1000e", "e1000e"),
    Nic("igb", "igb", window=128, root_port=True),
    Nic("vmxnet3", "vmxnet3", window=64),
    Nic("virtio_net", "virtio-net-pci"),
    Nic("8139cp", "rtl8139", window=32),
    Nic("tulip", "tulip", window=16),
    Nic("pcnet32", "pcnet", window=16),
    Nic("ne2k_pci", "ne2k_pci", window=4),
)

BY_DRIVER = {nic.driver: nic for nic in NICS}
