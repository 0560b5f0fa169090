# SPDX-License-Identifier: GPL-2.0-or-later
"""What counts as a leak between two snapshots of a guest."""

import pytest

from omatic.lab import leaks

SNAPSHOT = """\
== slabinfo
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>
skbuff_head_cache     100    120    256   16    1 : tunables    0    0    0 : slabdata      8      8      0
kmalloc-64            500    512     64   64    1 : tunables    0    0    0 : slabdata      8      8      0
== vmallocinfo
0xffffc90000000000-0xffffc90000005000   20480 map_irq_stack+0x93/0xe0 vmap phys=0x1
0xffffc90000005000-0xffffc90000007000    8192 shmem_alloc+0x10/0x20 [pfq] pages=1 vmalloc
== modules
e1000e 335872 0 - Live 0xffffffffc0400000 (OE)
pfq_hook 20480 1 e1000e, Live 0xffffffffc0300000 (OE)
== zoneinfo
Node 0, zone      DMA
  per-node stats
      nr_inactive_anon 17
  pages free     190000
      nr_free_pages 190000
      nr_zone_inactive_anon 0
  pagesets
    cpu: 0
              count:    9000
              high:     14
    cpu: 1
              count:    1000
== meminfo
MemTotal:        1000000 kB
Percpu:             2000 kB
"""


def test_a_snapshot_is_read() -> None:
    """Counts by name."""
    found = leaks.parse(SNAPSHOT)
    assert found.slabs["skbuff_head_cache"] == 100
    assert found.areas == {"map_irq_stack": 1, "shmem_alloc": 1}
    assert found.references == {"e1000e": 0, "pfq_hook": 1}
    assert found.free_pages == 200_000
    assert found.percpu == 2000


def test_what_is_freed_late_is_no_leak() -> None:
    """The least of several looks counts."""
    late = leaks.parse(SNAPSHOT.replace(" 100    120", " 300    320").replace("count:    9000", "count:    1000"))
    assert leaks.growth(leaks.parse(SNAPSHOT), late, 100)
    assert leaks.growth(leaks.parse(SNAPSHOT), leaks.least(late, leaks.parse(SNAPSHOT)), 100) == ()


def test_noise_is_no_leak() -> None:
    """A few objects more or less after a hundred repetitions."""
    after = SNAPSHOT.replace(" 100    120", " 130    144").replace("free_pages 190000", "free_pages 189700")
    assert leaks.growth(leaks.parse(SNAPSHOT), leaks.parse(after), 100) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (" 100    120", " 201    208", "slab skbuff_head_cache: 100 -> 201 objects"),
        ("pfq_hook 20480 1", "pfq_hook 20480 2", "module pfq_hook: 1 -> 2 references"),
        ("e1000e 335872 0 - Live 0xffffffffc0400000 (OE)\n", "", "module e1000e: 0 -> gone references"),
        ("pfq_hook 20480 1", "pfq 9 0 -\npfq_hook 20480 1", "module pfq stayed"),
        ("shmem_alloc+0x10/0x20 [pfq]", "0xffffffffc0500010", "vmalloc by 0xffffffffc0500010: 0 -> 1 areas"),
        ("count:    9000", "count:    6500", "free memory: 2500 pages less"),
        ("Percpu:             2000", "Percpu:             2600", "memory per CPU: 2000 -> 2600 kB"),
    ],
)
def test_leaks(old: str, new: str, said: str) -> None:
    """Each kind has its line."""
    assert leaks.growth(leaks.parse(SNAPSHOT), leaks.parse(SNAPSHOT.replace(old, new)), 100) == (said,)
