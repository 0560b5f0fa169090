# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers of the interface: family, options, limits, layouts of arguments."""

import struct
from enum import IntEnum

FAMILY = 27
VERSION = 0x060100
ALL_PROTOCOLS = 0x0300
"""htons(ETH_P_ALL), little endian."""
RAW = 3
QIOCTX = 0x80045100

MAX_SOCKETS = 64
MAX_GROUPS = 64
MAX_SLOTS = 262144
MAX_ASYNC_QUEUES = 4
MAX_WEIGHT = 8
ANY = -1
READABLE = 0x41
"""POLLIN and POLLRDNORM."""


class Policy(IntEnum):
    """Who may join a group."""

    UNDEFINED = 0
    PRIVATE = 1
    RESTRICTED = 2
    SHARED = 3


class SetOption(IntEnum):
    """What setsockopt knows."""

    DISABLE = 0
    ENABLE = 1
    RX_TSTAMP = 2
    RX_LEN = 3
    RX_SLOTS = 4
    TX_LEN = 6
    TX_SLOTS = 7
    WEIGHT = 8
    BIND = 10
    UNBIND = 11
    LEAVE = 13
    FPROG = 14
    VLAN_TOGGLE = 15
    VLAN_FILTER = 16
    FUNCTION = 17
    EGRESS_BIND = 18
    EGRESS_UNBIND = 19
    TX_BIND = 40
    TX_UNBIND = 41
    TX_XMIT = 42


class GetOption(IntEnum):
    """What getsockopt knows."""

    JOIN = 12
    ID = 20
    STATUS = 21
    STATS = 22
    SHMEM_SIZE = 23
    RX_TSTAMP = 24
    RX_SLOT_SIZE = 25
    RX_SLOTS = 26
    TX_SLOT_SIZE = 28
    TX_SLOTS = 29
    GROUPS = 30
    GROUP_STATS = 31
    GROUP_COUNTERS = 32
    WEIGHT = 33


INT = struct.Struct("<i")
SIZE = struct.Struct("<Q")
ENABLE = struct.Struct("<QQQ")
BINDING = struct.Struct("<iii")
JOIN = struct.Struct("<iiQ")
VLAN = struct.Struct("<iii")
COMPUTATION = struct.Struct("<i4xQ")
FPROG = struct.Struct("<i4xH6xQ")
STATS = struct.Struct("<8Q")
COUNTERS = struct.Struct("<64Q")
PROGRAM_HEAD = struct.Struct("<QQ")
FUNCTION = struct.Struct("<Q" + "QQq" * 8 + "q")

SET_SIZES = {
    SetOption.ENABLE: ENABLE.size,
    SetOption.RX_TSTAMP: INT.size,
    SetOption.RX_LEN: SIZE.size,
    SetOption.RX_SLOTS: SIZE.size,
    SetOption.TX_LEN: SIZE.size,
    SetOption.TX_SLOTS: SIZE.size,
    SetOption.WEIGHT: INT.size,
    SetOption.BIND: BINDING.size,
    SetOption.UNBIND: BINDING.size,
    SetOption.LEAVE: INT.size,
    SetOption.FPROG: FPROG.size,
    SetOption.VLAN_TOGGLE: VLAN.size,
    SetOption.VLAN_FILTER: VLAN.size,
    SetOption.FUNCTION: COMPUTATION.size,
    SetOption.EGRESS_BIND: BINDING.size,
    SetOption.TX_BIND: BINDING.size,
    SetOption.TX_XMIT: INT.size,
}
"""The exact length of an argument; options that are absent take none, and any length."""

GET_SIZES = {
    GetOption.JOIN: JOIN.size,
    GetOption.ID: INT.size,
    GetOption.STATUS: INT.size,
    GetOption.STATS: STATS.size,
    GetOption.SHMEM_SIZE: SIZE.size,
    GetOption.RX_TSTAMP: INT.size,
    GetOption.RX_SLOT_SIZE: SIZE.size,
    GetOption.RX_SLOTS: SIZE.size,
    GetOption.TX_SLOT_SIZE: SIZE.size,
    GetOption.TX_SLOTS: SIZE.size,
    GetOption.GROUPS: SIZE.size,
    GetOption.GROUP_STATS: STATS.size,
    GetOption.GROUP_COUNTERS: COUNTERS.size,
    GetOption.WEIGHT: INT.size,
}
