# SPDX-License-Identifier: GPL-2.0-or-later
"""What the receive benchmark measures: one row for each figure."""

from dataclasses import dataclass
from enum import StrEnum

SIZES = (60, 1500)


class Driver(StrEnum):
    """Which build of the bench NIC's driver is loaded."""

    STOCK = "stock"
    ACCELERATED = "accelerated"


class Made(StrEnum):
    """What the source makes: skbs, as a virtual device gets them, or pages, as a NIC fills them."""

    SKBS = "skbs"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Case:
    """A figure: its name without the frame size, and the state of the guest in which it is taken.

    `core` is the module behind the hook; `wait` is how readers wait: poll, poll:N (for N frames), or the milliseconds
    that they sleep.
    """

    name: str
    mechanism: str = "none"
    readers: int = 0
    wait: str = "poll"
    driver: Driver = Driver.STOCK
    core: str | None = None
    way: str = "napi_gro_receive"
    sizes: tuple[int, ...] = SIZES
    made: Made = Made.SKBS


_PLAIN = "netif_receive_skb"
"""Without GRO, which costs 600 instructions and helps nobody who captures: the peers at their best."""

_LOWAT = "poll:64"
"""Woken up by poll, each for as many frames as the source makes at once, however many readers share them."""


def _pfq(name: str, mechanism: str = "pfq", readers: int = 1, wait: str = "poll") -> Case:
    return Case(name, mechanism, readers, wait, Driver.ACCELERATED, "pfq")


CASES = (
    Case("rx.sender", way="free"),
    Case("rx.floor.xdp_drop", "xdp-drop"),
    Case("rx.floor.hook", driver=Driver.ACCELERATED, core="pfq_bench_floor"),
    Case("rx.stock", way=_PLAIN),
    Case("rx.stock.gro"),
    Case("rx.pfq_idle", way=_PLAIN, driver=Driver.ACCELERATED, core="pfq"),
    Case("rx.pfq_idle.gro", driver=Driver.ACCELERATED, core="pfq"),
    _pfq("rx.pfq.copy.1reader"),
    _pfq("rx.pfq.copy.1reader.timer", wait="1"),
    _pfq("rx.pfq.copy.4readers", readers=4),
    _pfq("rx.pfq.copy.4readers.timer", readers=4, wait="1"),
    _pfq("rx.pfq.steer.1reader", "pfq-steer"),
    _pfq("rx.pfq.steer.1reader.timer", "pfq-steer", wait="1"),
    _pfq("rx.pfq.steer.4readers", "pfq-steer", 4),
    _pfq("rx.pfq.steer.4readers.timer", "pfq-steer", 4, "4"),
    _pfq("rx.pfq.steer.4readers.timer_1ms", "pfq-steer", 4, "1"),
    _pfq("rx.pfq.steer.4readers.lowat", "pfq-steer", 4, _LOWAT),
    Case("rx.pfq.generic.1reader", "pfq-generic", 1, core="pfq", way=_PLAIN),
    Case("rx.tpacket3.1reader", "tpacket3", 1, way=_PLAIN),
    Case("rx.tpacket3.1reader.timer", "tpacket3", 1, "1", way=_PLAIN),
    Case("rx.tpacket3.1reader.gro", "tpacket3", 1),
    Case("rx.tpacket3.4readers", "tpacket3", 4, way=_PLAIN),
    Case("rx.tpacket3.fanout4", "tpacket3-fanout", 4, way=_PLAIN),
    Case("rx.afxdp_copy.1reader", "afxdp-copy", 1),
    Case("rx.afxdp_copy.1reader.timer", "afxdp-copy", 1, "1"),
    # The same where XDP comes before there is an skb.
    Case("rx.pages.sender", way="free", made=Made.PAGES),
    Case("rx.pages.floor.xdp_drop", "xdp-drop", made=Made.PAGES),
    Case("rx.pages.floor.hook", driver=Driver.ACCELERATED, core="pfq_bench_floor", made=Made.PAGES),
    Case("rx.pages.stock", way=_PLAIN, made=Made.PAGES),
    Case("rx.pages.pfq.copy.1reader", "pfq", 1, "poll", Driver.ACCELERATED, "pfq", made=Made.PAGES),
    Case("rx.pages.pfq.copy.1reader.timer", "pfq", 1, "1", Driver.ACCELERATED, "pfq", made=Made.PAGES),
    Case("rx.pages.tpacket3.1reader", "tpacket3", 1, way=_PLAIN, made=Made.PAGES),
    Case("rx.pages.afxdp_copy.1reader", "afxdp-copy", 1, made=Made.PAGES),
    Case("rx.pages.afxdp_copy.1reader.timer", "afxdp-copy", 1, "1", made=Made.PAGES),
)
