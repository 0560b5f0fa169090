# SPDX-License-Identifier: GPL-2.0-or-later
"""What a small boot starts with: the kernel without its wrapping, and an initramfs that only finds the disk.

An emulated processor takes half a minute to unpack a distribution's kernel and to run udev in its initramfs. The
kernel that runs is the same; drivers are loaded from the disk, by what depmod has written there.
"""

import gzip
import lzma
import struct
from pathlib import Path

import zstandard

from omatic.lab import cpio
from omatic.lab.initramfs import busybox
from omatic.lab.modules import ModuleTree

_INIT = Path(__file__).with_name("guest") / "small-init"
# ext4 asks for crc32c by name, which nobody answers in so small a system.
_MODULES = ("virtio_pci", "virtio_console", "virtio_blk", "crc32c_generic", "ext4")
_PAYLOAD = 0x248


def kernel(image: bytes) -> bytes:
    """Return the ELF file inside a bzImage, which QEMU can start; the image itself if it is packed otherwise."""
    offset, length = struct.unpack_from("<II", image, _PAYLOAD)
    start = (image[0x1F1] + 1) * 512 + offset
    packed = image[start : start + length]
    if packed.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(packed)
    if packed.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    if packed.startswith(b"\x1f\x8b"):
        return gzip.decompress(packed[:-4])
    return image


def initramfs(modules: Path) -> bytes:
    """Return the archive, with the modules that the disk and the control ports need."""
    tree = ModuleTree(modules)
    order = tree.order(name for name in _MODULES if name in tree)
    return cpio.archive(
        [
            cpio.character_device("dev/console", 5, 1),
            cpio.file("bin/busybox", busybox().read_bytes(), executable=True),
            cpio.file("init", _INIT.read_bytes(), executable=True),
            cpio.file("order", "".join(f"{module.name}\n" for module in order).encode()),
            *(cpio.file(f"modules/{module.name}.ko", module.data) for module in order),
        ]
    )
