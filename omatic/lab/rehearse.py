# SPDX-License-Identifier: GPL-2.0-or-later
"""Rehearses a driver: boots the target's own kernel with it, puts it through the scenario, and judges.

What goes wrong in the guest is a verdict, not an error; only what keeps the rehearsal from taking place at all (no
QEMU, no kernel image, no busybox) is raised.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from omatic import log
from omatic.lab import frames as workload
from omatic.lab import initramfs, kmsg, machine, pcap, qemu, tools
from omatic.lab.guest import GuestGone
from omatic.lab.link import Link, VethLink, WiredLink
from omatic.lab.machine import Machine, Plug, Setup
from omatic.lab.modules import ModuleTree
from omatic.lab.nic import BY_DRIVER, Nic
from omatic.lab.scenario import Scenario, Tally
from omatic.lab.verdict import Phase, Rehearsal, Verdict

__all__ = ["Phase", "Rehearsal", "Verdict", "rehearse"]

_SHOWN = 5
_EXACT_SLABS = ("slab_nomerge", "slub_debug=FZU")
"""Without these, caches of equal size are one, and each CPU keeps freed objects that still count as in use. With
them every free is checked, too."""

_HOOK, _CORE = "pfq_hook", "pfq"


def rehearse(rehearsal: Rehearsal) -> Verdict:
    """Rehearse one driver; RehearsalFailed or ToolMissing if that is not possible here."""
    started = time.monotonic()
    emulator = qemu.find()
    nic = BY_DRIVER.get(rehearsal.driver)
    plugged = nic if nic and emulator.emulates(nic.model) else None
    logs = rehearsal.work / "logs"
    tally = Tally([])
    setup, order = _prepare(rehearsal, emulator, plugged, logs)
    with log.step(f"Rehearsing {rehearsal.driver} on {rehearsal.kernel.name} in QEMU {emulator.version}"):
        try:
            with machine.boot(setup) as booted:
                _play(rehearsal, plugged, booted, order, tally)
        except GuestGone as error:
            tally.phases.append(Phase("virtual machine", False, "; ".join((error.message, *_gist(error.details)))))
    tally.phases.append(_judge_log(logs / "kmsg.log"))
    return Verdict(
        rehearsal.driver,
        rehearsal.kernel.name.removeprefix("vmlinuz-"),
        plugged.model if plugged else None,
        emulator.version,
        tuple(tally.phases),
        tally.sent,
        tally.captured,
        time.monotonic() - started,
        logs,
    )


def _prepare(rehearsal: Rehearsal, emulator: qemu.Qemu, nic: Nic | None, logs: Path) -> tuple[Setup, Sequence[str]]:
    tree = ModuleTree(rehearsal.modules, _replacements(rehearsal))
    modules = tree.order([*([_HOOK] if rehearsal.hook else []), rehearsal.driver])
    extra = tree.order([_CORE]) if rehearsal.with_pfq else ()
    loaded = {module.name for module in modules}
    archive = initramfs.build(
        tree,
        modules=(*modules, *(module for module in extra if module.name not in loaded)),
        stock=[tree.load(rehearsal.driver, stock=True)],
        programs=_programs(rehearsal),
        data={"frames.pcap": pcap.write(workload.frames(rehearsal.frames, bytes(6)))}
        if rehearsal.driver == "veth" else {},
    )  # fmt: skip
    plugs = (Plug(nic), Plug(nic, wired=False)) if nic else ()
    arguments = _EXACT_SLABS if rehearsal.thorough else ()
    return Setup(emulator, rehearsal.kernel, archive, logs, plugs, arguments), [module.name for module in modules]


def _replacements(rehearsal: Rehearsal) -> Mapping[str, Path]:
    ours = {_HOOK: rehearsal.hook, _CORE: rehearsal.core}
    return {**rehearsal.replacements, **{name: path for name, path in ours.items() if path}}


def _programs(rehearsal: Rehearsal) -> Mapping[str, Path]:
    programs = {"labtool": tools.labtool(rehearsal.work)}
    if rehearsal.capture:
        programs["pfq-capture"] = rehearsal.capture
    return programs


def _play(rehearsal: Rehearsal, nic: Nic | None, booted: Machine, order: Sequence[str], tally: Tally) -> None:
    link: Link
    if nic:
        link = WiredLink(nic, booted.wires[0])
    elif rehearsal.driver == "veth":
        link = VethLink()
    else:
        Scenario(booted, VethLink(), rehearsal.driver, order, (), tally).load_only()
        _finish(booted)
        return
    scenario = Scenario(booted, link, rehearsal.driver, order, (), tally)
    if scenario.load():
        scenario.frames = _workload(rehearsal, link.mac)
        scenario.receive(pfq=rehearsal.with_pfq)
        scenario.stock()
        if rehearsal.thorough and rehearsal.with_pfq and isinstance(link, WiredLink):
            scenario.repeat()
        scenario.unload()
    _finish(booted)


def _workload(rehearsal: Rehearsal, target: bytes) -> Sequence[bytes]:
    if rehearsal.replay is None:
        return workload.frames(rehearsal.frames, target)
    return [packet.data for packet in pcap.read(rehearsal.replay.read_bytes())]


def _finish(booted: Machine) -> None:
    # The log must be here to its end before the guest powers off.
    booted.guest.must("mark end")
    booted.kmsg.wait_for(f"{kmsg.MARK}end".encode(), 60.0)


def _gist(last_words: Sequence[str]) -> Sequence[str]:
    # Of a panic, the lines that say what it was and where.
    return [line for line in last_words if kmsg.complaint(line) or "RIP: " in line][:_SHOWN] or last_words[-_SHOWN:]


def _judge_log(path: Path) -> Phase:
    lines = kmsg.parse(path.read_text(errors="replace")) if path.is_file() else ()
    found = kmsg.complaints(lines)
    if not lines:
        return Phase("kernel log", False, "the guest's kernel log did not arrive")
    if found:
        shown = [f"in phase '{each.phase}': {each.line.text}" for each in found[:_SHOWN]]
        return Phase("kernel log", False, f"{len(found)} complaints: " + "; ".join(shown))
    if lost := kmsg.missing(lines):
        return Phase("kernel log", False, f"{lost} lines of the kernel log were lost")
    return Phase("kernel log", True, f"{len(lines)} lines, no warning")
