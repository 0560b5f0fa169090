# SPDX-License-Identifier: GPL-2.0-or-later
"""How often are the slab and page allocators called for each packet, in the steady state?

The kernel's own probes count calls. Two runs of different length: their difference is without what a run does once.
"""

from receive_cases import Case
from receive_guest import Guest

_TRACING = "/sys/kernel/tracing"
_NAMES = (
    "kmem_cache_alloc(_node|_lru|_bulk)?",
    "__kmalloc(_node|_node_track_caller|_cache|_cache_node|_large)?",
    "kmalloc(_node)?_trace",
    "kmem_cache_free(_bulk)?",
    "kfree",
    "__alloc_pages",
)
_PATTERN = f"^({'|'.join(_NAMES)})(_noprof)?$"
"""_noprof is what they are called from v6.10 on."""


def calls(guest: Guest, case: Case, size: int, frames: int) -> dict[str, float]:
    """Return calls for each packet by function, without those that are not called at all."""
    _probe(guest)
    guest.figure(case, size, 1024)
    few = _counted(guest, case, size, frames)
    many = _counted(guest, case, size, 3 * frames)
    return {name: (many[name] - count) / (2 * frames) for name, count in few.items() if many[name] != count}


def _probe(guest: Guest) -> None:
    if guest.run(f"cat {_TRACING}/kprobe_events 2>/dev/null || true"):
        return
    guest.run(f"mount -t tracefs tracefs {_TRACING}")
    names = guest.run(f"awk '$3 ~ /{_PATTERN}/ {{ print $3 }}' /proc/kallsyms | sort -u").split()
    for name in names:
        guest.run(f"echo p:slab/{name} {name} >>{_TRACING}/kprobe_events")
    # Counted, not recorded: a filter that nothing passes.
    guest.run(f"for each in {_TRACING}/events/slab/*/filter; do echo 'common_pid == -1' >$each; done")


def _counted(guest: Guest, case: Case, size: int, frames: int) -> dict[str, int]:
    before = _profile(guest)
    guest.run(f"echo 1 >{_TRACING}/events/slab/enable")
    guest.figure(case, size, frames)
    guest.run(f"echo 0 >{_TRACING}/events/slab/enable")
    return {name: count - before.get(name, 0) for name, count in _profile(guest).items()}


def _profile(guest: Guest) -> dict[str, int]:
    rows = (line.split() for line in guest.run(f"cat {_TRACING}/kprobe_profile").splitlines())
    return {name: int(hits) for name, hits, *_ in rows}
