# SPDX-License-Identifier: GPL-2.0-or-later
"""What the core does not do yet: where the interface says success, these may answer EOPNOTSUPP instead.

A test holds this list to the truth: what is named here must say EOPNOTSUPP, and what is not must not. So the
branch that brings a feature removes its line.
"""

from enum import Enum


class Feature(Enum):
    """A part of the interface that can be absent as a whole."""

    FILTERS = "classic BPF of a group"
    VLAN = "VLAN filters of a group"
    FUNCTIONS = "programs of a group that are one steering function"
    LANGUAGE = "all other programs of a group"
    EGRESS = "sockets that forward to a device"
    TRANSMIT = "binding a socket for transmission"
    HUGE_PAGES = "memory given by the program"
    ANY_DEVICE = "binding a group to every device"


MISSING = frozenset({Feature.LANGUAGE, Feature.TRANSMIT})
"""What the core of this commit has not."""
