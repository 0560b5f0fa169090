# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of a kernel log fail a run."""

import pytest

from omatic.lab import kmsg

LOG = """\
6,1,100,-;Command line: quiet panic=1
4,2,150,-;WARNING: of the boot, which is not ours
 SUBSYSTEM=pci
6,3,200,-;pfq-omatic phase: load
6,4,300,-;pfq_hook: loading out-of-tree module taints kernel.
6,5,400,-;pfq-omatic phase: unload
4,6,500,-;WARNING: CPU: 0 PID: 1 at net/core/dev.c:6500 napi_disable+0x1/0x2
"""


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("WARNING: CPU: 1 PID: 77 at net/core/dev.c:10 f+0x1/0x2 [pfq]", "warning"),
        ("WARNING: possible circular locking dependency detected", "warning"),
        ("BUG: unable to handle page fault for address: ffffc90000a1d000", "bug"),
        ("BUG: scheduling while atomic: swapper/0/0/0x00000100", "bug"),
        ("kernel BUG at net/core/skbuff.c:112!", "bug"),
        ("Oops: int3: 0000 [#1] PREEMPT SMP NOPTI", "oops"),
        ("general protection fault, probably for non-canonical address 0xdead000000000122", "oops"),
        ("Kernel panic - not syncing: Fatal exception in interrupt", "panic"),
        ("Call Trace:", "call trace"),
        ("INFO: trying to register non-static key.", "lockdep"),
        ("net/core/dev.c:77 suspicious RCU usage!", "lockdep"),
        ("rcu: INFO: rcu_preempt self-detected stall on CPU", "rcu"),
        ("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "rcu"),
        ("unregister_netdevice: waiting for eth0 to become free. Usage count = 2", "device reference"),
        ("INFO: task rmmod:99 blocked for more than 120 seconds.", "hang"),
        ("watchdog: BUG: soft lockup - CPU#0 stuck for 26s!", "bug"),
        ("NETDEV WATCHDOG: eth0 (e1000e): transmit queue 0 timed out", "hang"),
        ("BUG: KASAN: use-after-free in pfq_rx+0x1/0x2", "bug"),
        ("UBSAN: array-index-out-of-bounds in rx.c:10:2", "memory"),
        ("swapper/0: page allocation failure: order:4", "memory"),
        ("refcount_t: underflow; use-after-free.", "memory"),
        ("irq 24: nobody cared (try booting with the irqpoll option)", "irq"),
    ],
)
def test_complaints(line: str, kind: str) -> None:
    """One line for each kind, as kernels print them."""
    assert kmsg.complaint(line) == kind


@pytest.mark.parametrize(
    "line",
    [
        "e1000e 0000:00:02.0 eth0: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx",
        "pfq_hook: module verification failed: signature and/or required key missing - tainting kernel",
        "RCU CPU stall warnings timeout set to 120 (rcu_cpu_stall_timeout).",
        "rcu: Preemptible hierarchical RCU implementation.",
        "MP-BIOS bug: 8254 timer not connected to IO-APIC",
        "debug: sample",
        "reboot: Power down",
    ],
)
def test_harmless_lines(line: str) -> None:
    """What a healthy guest prints."""
    assert kmsg.complaint(line) is None


def test_a_complaint_belongs_to_its_phase_and_the_boot_is_left_out() -> None:
    """Markers name the phases; nothing counts before the first."""
    (found,) = kmsg.complaints(kmsg.parse(LOG))
    assert (found.phase, found.kind, found.line.sequence) == ("unload", "warning", 6)


def test_how_loud_a_line_is() -> None:
    """The level is in the record, below the facility."""
    log = "6,1,1,-;info\n4,2,2,-;warning\n12,3,3,-;of a program\n30,4,4,-;info\n"
    assert [line.level for line in kmsg.parse(log)] == [6, 4, 4, 6]


def test_lost_lines_are_counted() -> None:
    """By the gaps in the sequence numbers."""
    assert kmsg.missing(kmsg.parse(LOG)) == 0
    assert kmsg.missing(kmsg.parse(LOG.replace("6,4,", "6,9,").replace("6,5,", "6,10,").replace("4,6,", "4,11,"))) == 5
