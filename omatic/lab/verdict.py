# SPDX-License-Identifier: GPL-2.0-or-later
"""What a rehearsal is given and what it returns, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What to rehearse.

    `driver` is the module name as lsmod prints it; `modules` the folder of the stock modules (it holds kernel/ and
    modules.dep); `replacements` maps module names to accelerated modules. Without `hook`, `core` and `capture` the
    PFQ part is left out, and what remains is what any driver must do. Logs and temporary files go to `work`.
    `replay` is a pcap file of frames that omatic.lab.frames made, to be sent in place of `frames` new ones.
    """

    driver: str
    kernel: Path
    modules: Path
    work: Path
    replacements: Mapping[str, Path] = field(default_factory=dict, hash=False)
    hook: Path | None = None
    core: Path | None = None
    capture: Path | None = None
    frames: int = 10_000
    replay: Path | None = None
    thorough: bool = False

    @property
    def with_pfq(self) -> bool:
        """Whether PFQ takes part."""
        return bool(self.hook and self.core and self.capture)


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of a rehearsal: did it pass, and what was seen."""

    name: str
    passed: bool
    detail: str

    def to_json(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {"name": self.name, "passed": self.passed, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rehearsal found.

    `nic` is QEMU's device model, or None where there is none and only loading could be tried; `sent` and `captured`
    count frames over all capture phases; `log` is the folder with kmsg.log and console.log.
    """

    driver: str
    kernel: str
    nic: str | None
    qemu: str
    phases: tuple[Phase, ...]
    sent: int
    captured: int
    seconds: float
    log: Path

    @property
    def passed(self) -> bool:
        """Whether every phase passed."""
        return all(phase.passed for phase in self.phases)

    def to_json(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "driver": self.driver,
            "kernel": self.kernel,
            "nic": self.nic,
            "qemu": self.qemu,
            "passed": self.passed,
            "sent": self.sent,
            "captured": self.captured,
            "seconds": round(self.seconds, 1),
            "phases": [phase.to_json() for phase in self.phases],
            "log": str(self.log),
        }
