# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes: of a slot, and of the memory that a socket shares with its program, with what is in it at first."""

import struct

HEADER = 32
ALIGNMENT = 32
CONTROL_BLOCK = 2048
UNIT = 2 << 20
MAX_SLOT = 2048
"""The default of the module parameter max_slot_size."""
PAGE = 4096


def slot(length: int) -> int:
    """Return the size of a slot that holds so many bytes of a packet."""
    return (HEADER + length + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def shared(rx_slots: int, rx_len: int, tx_slots: int, tx_len: int) -> int:
    """Return the size of the shared memory: an exact multiple of the unit still grows by one."""
    total = CONTROL_BLOCK + 2 * rx_slots * slot(rx_len) + 5 * 2 * tx_slots * slot(tx_len)
    return (1 + total // UNIT) * UNIT


def control_block(rx_slots: int, rx_len: int, tx_slots: int, tx_len: int) -> bytes:
    """Return the first bytes of the shared memory as they are when a socket has just been enabled."""
    block = bytearray(CONTROL_BLOCK)
    struct.pack_into("<QIII", block, 0, 0, rx_slots, rx_slots * slot(rx_len) & 0xFFFFFFFF, slot(rx_len))
    for at in (128, *(512 + 384 * queue for queue in range(4))):
        struct.pack_into("<Q", block, at, tx_slots * slot(tx_len))
    return bytes(block)


COMMIT = 28
"""Where in a slot's header its commit word is."""


def first_commit(half: int) -> int:
    """Return the commit word of every slot of a half at first."""
    return 1 - half
