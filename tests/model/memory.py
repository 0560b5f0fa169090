# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory: what arguments are made of, and what a socket shares with its program."""

from dataclasses import dataclass, field
from enum import Enum

from tests.model import sizes


class Pointer(Enum):
    """A pointer that leads nowhere: null, or to memory that may not be touched."""

    NULL = "-"
    BAD = "!"


Blob = bytes | Pointer


@dataclass(frozen=True, slots=True)
class Patch:
    """Put a pointer to blob `target` (or a bad one) into blob `blob` at `offset`."""

    blob: int
    offset: int
    target: int | None

    def __str__(self) -> str:
        return f"@{self.blob}:{self.offset}:{'!' if self.target is None else self.target}"


def text(blob: Blob) -> str:
    """Return a blob as the executor reads it."""
    if isinstance(blob, Pointer):
        return blob.value
    return blob.hex() or "."


@dataclass(slots=True)
class Shared:
    """The memory of an enabled socket: what the kernel wrote at first, and what the program changed since."""

    rx_slots: int
    rx_len: int
    tx_slots: int
    tx_len: int
    written: dict[int, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return its length."""
        return sizes.shared(self.rx_slots, self.rx_len, self.tx_slots, self.tx_len)

    def read(self, offset: int, count: int) -> bytes:
        """Return some bytes."""
        block = sizes.control_block(self.rx_slots, self.rx_len, self.tx_slots, self.tx_len)
        return bytes(self.written.get(at, self._first(at, block)) for at in range(offset, offset + count))

    def write(self, offset: int, data: bytes) -> None:
        """Change some bytes."""
        self.written.update(enumerate(data, offset))

    def readable(self) -> bool:
        """Tell whether the length in shinfo is not 0."""
        return any(self.read(0, 4))

    def _first(self, at: int, block: bytes) -> int:
        if at < len(block):
            return block[at]
        slot = sizes.slot(self.rx_len)
        half, within = divmod(at - len(block), max(self.rx_slots * slot, 1))
        # The commit word is the only one that is not 0; it is little endian and small.
        return sizes.first_commit(half) if half < 2 and self.rx_slots and within % slot == sizes.COMMIT else 0
