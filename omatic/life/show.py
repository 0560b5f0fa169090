# SPDX-License-Identifier: GPL-2.0-or-later
"""What was installed or removed, and how things are, as text for people."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from omatic import tables
from omatic.life.change import Result
from omatic.life.receipt import CORE
from omatic.life.status import BROKEN, DEGRADED, Driver, Status

_STYLE = {"ours": "green", "stock": "yellow", "another": "yellow", "missing": "bold red", "changed": "bold red"}


def installed(result: Result) -> str:
    """Return what `install` did, or would do."""
    if result.dry_run or not result.steps:
        return _steps(result, "everything is in place already")
    lines = []
    for kept in result.receipts:
        if kept.driver != CORE:
            signed = f", signed by {kept.signer}" if kept.signer else ""
            lines.append(f"{kept.driver} for {kept.release}: {kept.files[0].path}{signed}")
    lines.append("used from the next boot on, or now: pfq-omatic load DRIVER")
    return "\n".join(lines)


def uninstalled(result: Result) -> str:
    """Return what `uninstall` did, or would do."""
    if result.dry_run or not result.steps:
        return _steps(result, "nothing was left to remove")
    drivers = [kept for kept in result.receipts if kept.driver != CORE]
    return "\n".join(f"{kept.driver} for {kept.release}: removed; the stock driver is used again" for kept in drivers)


def _steps(result: Result, nothing: str) -> str:
    return "\n".join(f"would {step}" for step in result.steps) or nothing


def status(found: Status) -> str:
    """Return how things are."""
    parts: list[object] = []
    for release in dict.fromkeys(one.release for one in found.drivers):
        parts += [Text(release, style="bold"), _drivers([one for one in found.drivers if one.release == release])]
    if not found.drivers:
        parts.append(Text("no driver is installed, registered with DKMS or built"))
    if found.running:
        loaded = [f"{name} {version or 'not loaded'}" for name, version in found.core.items()]
        parts.append(Text(f"running kernel {found.running}: {', '.join(loaded)}"))
    if found.devices:
        table = tables.new("device", "driver", "its packets")
        for device in found.devices:
            table.add_row(device.name, device.module, _way(found, device.hooked, device.groups))
        parts.append(table)
    for trouble in found.all_troubles():
        level = {DEGRADED: Text("degraded", style="bold yellow"), BROKEN: Text("BROKEN", style="bold red")}
        parts += [Text.assemble(level[trouble.level], f": {trouble.what}"), Text(f"  hint: {trouble.hint}")]
    if not found.all_troubles() and any(driver.owner for driver in found.drivers):
        parts.append(Text("all as wanted", style="bold green"))
    return tables.text(*parts)


def _drivers(listed: Sequence[Driver]) -> Table:
    table = tables.new(
        "driver", "owner", "installed", "modprobe", "running", "initramfs", "signed by", "proven", "DKMS"
    )
    for one in listed:
        words = (one.installed, one.modprobe, one.running, one.initramfs)
        state = [Text(word, style=_STYLE.get(word, "")) for word in words]
        name = one.name + (" (built)" if one.built and not one.owner else "")
        dkms = one.dkms.result if one.dkms else ""
        proven = f"{one.provenance}, forced" if one.forced else one.provenance
        table.add_row(name, one.owner, *state, one.signer, proven, dkms)
    return table


def _way(found: Status, hooked: bool, groups: tuple[int, ...]) -> str:
    if not hooked:
        return "past the hook (stock driver)"
    if found.core[CORE] is None:
        return "through the hook to the stack: pfq is not loaded"
    if not groups:
        return "through the hook to the stack: not bound"
    return f"through the hook to PFQ: group{'s' * (len(groups) > 1)} {', '.join(map(str, groups))}"
